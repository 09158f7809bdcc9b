"""Warm-up requests as TF Serving reads them."""

import pytest
import tensorflow as tf

from ssl_voc.serving.warm_up import PLACE
from tests.serving.artifacts import build_small_localizer, session_of, write

prediction_log = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")


@pytest.mark.slow
def test_the_served_model_answers_every_warm_up_request(tmp_path):
    write(build_small_localizer(), tmp_path, model_name="cats")
    records = tf.data.TFRecordDataset(str(tmp_path / PLACE)).as_numpy_iterator()
    asked = []
    with session_of(tmp_path) as ask:
        for record in records:
            log = prediction_log.PredictionLog.FromString(record)
            assert log.WhichOneof("log_type") == "predict_log"
            request = log.predict_log.request
            assert request.model_spec.name == "cats"
            # What is not known is kept: a field of another number would be here.
            assert request.SerializeToString(deterministic=True)
            signature = request.model_spec.signature_name
            inputs = {
                name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()
            }
            answer = ask(inputs, signature)
            assert not any(answer["errors"])
            (length,) = {len(values) for values in inputs.values()}
            asked.append((signature, *sorted(inputs), length))
    assert asked == [
        ("serving_default", "image_bytes", 1),
        ("above_threshold", "image_bytes", "threshold", 1),
        ("features", "image_bytes", 1),
        ("serving_default", "image_bytes", 8),
        ("above_threshold", "image_bytes", "threshold", 8),
        ("features", "image_bytes", 8),
        ("pixels", "pixels", 1),
    ]
