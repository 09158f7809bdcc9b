import numpy as np
import pytest

from pipelines.pools.preparation import prepare
from pipelines.pools.unlabeled_batches import unlabeled


def test_stream_is_that_of_the_prepared_pool(tmp_path, write_photo):
    tf = pytest.importorskip("tensorflow")
    for seed in range(7):
        write_photo(tmp_path / f"{seed}.jpg", seed)
    stream = unlabeled(tmp_path, image_size=16, batch_size=3, seed=4, workers=1)
    assert stream.cardinality() == tf.data.INFINITE_CARDINALITY
    expected = prepare(tmp_path, 16).batches(3, seed=4)
    for batch, expected_batch in zip(stream.take(6), expected, strict=False):
        np.testing.assert_array_equal(batch, expected_batch)
