"""Export of one model: file, parity check, model card, version folder."""

import dataclasses
import datetime
from pathlib import Path

import tensorflow as tf

import pipelines
from ssl_voc import serving
from ssl_voc.export.comparison import largest_differences
from ssl_voc.export.model_card import describe_artifact, model_card
from ssl_voc.export.onnx_litert import write_exchange_file
from ssl_voc.export.parity import check_parity
from ssl_voc.export.parity_photos import answers_of_model, load_parity_photos
from ssl_voc.models.box_model import BoxModel
from ssl_voc.models.full_precision import compute_dtypes, full_precision
from ssl_voc.predict.finished_model import load_finished_model
from ssl_voc.runs.atomic_files import write_text
from ssl_voc.runs.json_files import write_json
from ssl_voc.runs.version_folder import FACTS, new_version
from ssl_voc.tasks import task_of


def write_artifact(config, finished):
    """Writes the next version of a model, if it answers as the model does.

    Args:
        config: An `ExportConfig`, resolved.
        finished: The `FinishedRun` to export.

    Returns:
        `Exported`.

    Raises:
        BadInput: when the model does not fit the run's records, or the artifact
            differs from the model.
        OSError, ValueError: when photos or model cannot be used.
    """
    held = load_parity_photos(config, finished)
    print("loading the model", flush=True)
    trained, model = _load(finished)
    write = _write_saved_model if config.format == "savedmodel" else write_exchange_file
    with new_version(config.out) as version:
        print("tracing and writing the model, which takes a while", flush=True)
        written, parity = write(config, finished, model, held, version.staging)
        exported = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        facts = describe_artifact(config, finished, written, parity, exported)
        names = "score_threshold", "max_detections", "nms_iou_threshold"
        facts["detections"] = {
            name: getattr(model, name) for name in names if hasattr(model, name)
        }
        facts["full_precision"] = _rounding(finished, trained, model, held)
        write_json(version.staging / FACTS, facts)
        write_text(version.staging / "README.md", model_card(facts))
    print("\n" + _format_summary(facts), flush=True)
    return Exported(version.path, facts)


def _load(finished):
    """The trained model, and it in float32: on the CPU without XLA, as the artifact."""
    with tf.device("CPU:0"):
        trained = load_finished_model(finished, BoxModel)
        trained.jit_compile = False
        return trained, full_precision(trained)


def _write_saved_model(config, finished, model, held, folder):
    """Writes and compares; returns the facts of the file and the `Parity`."""
    written = serving.write_saved_model(
        model,
        folder,
        rank=task_of(finished).rank,
        class_names=finished.class_names,
        letterbox=pipelines.letterbox,
        boxes_from_letterbox=pipelines.boxes_from_letterbox,
        model_name=config.name,
        max_pixels=int(config.max_megapixels * 1e6),
    )
    return written, check_parity(folder, model, held, finished)


def _rounding(finished, trained, model, held):
    """How far a float32 copy is from the model that was trained; None if it is that."""
    if model is trained:
        return None
    task = task_of(finished)
    boxes, scores, unmatched = largest_differences(
        task,
        *(task.rank_arrays(answers_of_model(one, held)) for one in (trained, model)),
    )
    return {
        "trained_in": ", ".join(sorted(compute_dtypes(trained) - {"float32"})),
        "box_difference": float(boxes.max()),
        "score_difference": float(scores),
        "num_unmatched": int(unmatched),
    }


def _format_summary(facts):
    """Parity, latency and size as lines of text."""
    parity, size = facts["parity"], facts["size"]
    count = size.get("num_operations")
    operations = "" if count is None else f", {count:,} operations"
    lines = [
        f"compared on {parity['num_photos']} photos of {parity['source']}, asked "
        "without Keras",
        f"  boxes    differ by {parity['box_difference']:.1e} px at most",
        f"  scores   differ by {parity['score_difference']:.1e} at most",
    ]
    if parity["of_model"] is None:
        lines.append(
            f"  {parity['figure']} not compared: no boxes of the model's classes there"
        )
    else:
        difference = parity["of_artifact"] - parity["of_model"]
        model = "the copy in float32" if facts["full_precision"] else "evaluate's model"
        lines.append(
            f"  {parity['figure']:<8} {parity['of_artifact']:.4f}, by {model} "
            f"{parity['of_model']:.4f}: differs by {difference:.1e}"
        )
    if parity["num_reencoded"]:
        lines.append(
            f"  {parity['num_reencoded']} of them sent as PNG, as predict does: "
            "decoders differ in their format"
        )
    for photo in parity["left_out"]:
        lines.append(f"  left out {photo}")
    if rounding := facts["full_precision"]:
        lines += [
            f"exported in float32, trained in {rounding['trained_in']}: the trained "
            "model's own",
            f"  boxes    differ by {rounding['box_difference']:.1e} px at most",
            f"  scores   differ by {rounding['score_difference']:.1e} at most",
            f"  objects  {rounding['num_unmatched']} found by one of both only",
        ]
    median, slowest = parity["milliseconds"]
    lines += [
        f"latency  {median:.1f} ms a photo (median), {slowest:.1f} ms (99th percentile)"
        ", on this machine",
        f"size     {size['num_bytes'] / 1e6:.1f} MB{operations}",
    ]
    if facts["missing"]:
        lines.append(f"missing  {facts['missing']}")
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes:
        path: Folder of the version.
        facts: What its `ssl_voc.json` holds.
    """

    path: Path
    facts: dict
