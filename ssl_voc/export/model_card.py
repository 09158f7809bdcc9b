"""Model card of an artifact, and its facts as a dictionary."""

import dataclasses

from ssl_voc.cli.config_file import config_to_dict
from ssl_voc.evaluate.detection.summary import AT_THRESHOLD
from ssl_voc.export.onnx_litert import FILES, MISSING
from ssl_voc.predict.config import DETECTOR_THRESHOLD
from ssl_voc.runs.environment import describe_software
from ssl_voc.runs.json_files import read_json_dict
from ssl_voc.serving.image_decoding import FORMATS
from ssl_voc.tasks import TASKS

FORMAT_VERSION = 1


def describe_artifact(config, finished, written, parity, exported):
    """The content of `ssl_voc.json`.

    Args:
        config: An `ExportConfig`, resolved.
        finished: The `FinishedRun` that was exported.
        written: What `serving.write_saved_model` returned.
        parity: The `Parity` that was found.
        exported: Time as text.

    Returns:
        Dictionary that JSON can hold.
    """
    return {
        "format_version": FORMAT_VERSION,
        "name": config.name,
        "format": config.format,
        "missing": MISSING.get(config.format),
        "task": finished.task,
        "class_names": list(finished.class_names),
        "image_size": finished.manifest["image_size"],
        "preprocessing": {
            "formats": list(FORMATS),
            "max_pixels": int(config.max_megapixels * 1e6),
            "orientation": "EXIF orientation applied",
            "transparency": "laid on white",
            "resize": "letterbox: bilinear, antialiased, rounded; aspect kept, padded "
            "right and below with black",
            "pixels": "RGB in [0, 255]",
            "boxes": "xyxy in pixels of the upright photo, clipped to it",
        },
        "metrics": _figures(finished),
        "config": finished.settings,
        "run": {
            "folder": str(finished.path),
            **{
                name: finished.manifest.get(name)
                for name in (
                    *("started", "finished", "git_commit", "num_training"),
                    *("epochs", "mosaic"),  # what it chose, where no flag did
                )
            },
        },
        "parity": dataclasses.asdict(parity),
        "size": written,
        "license": config.license,
        "exported": exported,
        "export": config_to_dict(config),
        "software": describe_software(),
    }


def model_card(facts):
    """The model card in Markdown, of what `describe_artifact` gave."""
    settings, parity = facts["config"], facts["parity"]
    count = facts["run"]["num_training"]
    same_figure = ""
    if parity["of_model"] is not None:
        same_figure = (
            f"; {parity['figure']} there is {parity['of_artifact']:.4f} by the "
            f"artifact and {parity['of_model']:.4f} by the model"
        )
    sections = [
        f"# {facts['name']}",
        f"Finds {TASKS[facts['task']].answer}. Classes: "
        f"{', '.join(facts['class_names'])}.",
        "## Data",
        f"Learned from {'an unknown number of' if count is None else count} labelled "
        "photos of "
        f"{', '.join(map(str, settings.get('data', [])))} (list: "
        f"{settings.get('train_split') or 'train, trainval or all'}), "
        f"at {facts['image_size']} px; backbone "
        f"{settings.get('backbone', 'not recorded')}, its weights from "
        f"{settings.get('weights') or 'random numbers'}. The run: "
        f"{facts['run']['folder']}, finished {facts['run']['finished']}, commit "
        f"{facts['run']['git_commit']}. `ssl_voc.json` holds all its settings.",
        "## Figures",
        _figures_text(facts["metrics"]),
        "## Served as trained",
        f"Asked without Keras about {parity['num_photos']} photos of "
        f"{parity['source']}, the artifact differs from the model by "
        f"{parity['box_difference']:.1e} px and {parity['score_difference']:.1e} of a "
        f"score at most{same_figure}.",
        "## Use",
        _use(facts),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(facts)),
        "## License",
        f"Weights: {facts['license']}. The code that made them, ssl_voc, is under "
        "Apache-2.0. Photos and pretrained weights that they were learned from keep "
        "their owners' terms.",
    ]
    return "\n\n".join(sections) + "\n"


def _use(facts):
    if facts["missing"]:
        return (
            f"`{FILES[facts['format']]}`. {facts['missing']} Names of the classes and "
            "the size of the square are in `ssl_voc.json`."
        )
    return (
        "Signature `serving_default`: `image_bytes`, encoded photos; `pixels`: uint8 "
        "`(n, height, width, 3)`; `above_threshold`: `image_bytes` and `threshold` "
        "`(n,)`; `features`: `image_bytes` to `embedding`. Answers of the first three, "
        "a row for each of the `n` photos:\n\n"
        f"{_answers(facts)}\n\n"
        "    python -m ssl_voc.predict photo.jpg --model <this folder>\n\n"
        "    saved_model_cli show --dir <this folder> --all"
    )


def _answers(facts):
    """The list of what the artifact answers, with its threshold."""
    rows = {"`boxes` float32 `(n, 1, 4)`": "x1, y1, x2, y2 in pixels of the photo"}
    each = "of every class, the most probable first"
    if not TASKS[facts["task"]].main_object_only:
        detections = facts["detections"]
        number = detections["max_detections"]
        rows = {
            f"`boxes` float32 `(n, {number}, 4)`": "x1, y1, x2, y2 in pixels of the "
            f"upright photo, of its detections of score "
            f"{detections['score_threshold']:g} or more, the {number} most confident; "
            "of boxes of one class that overlap by an IoU above "
            f"{detections['nms_iou_threshold']:g} only the most confident. Most of "
            "them are false: keep those above a threshold of your own, or ask by "
            "`above_threshold`. `predict` shows those of "
            f"{DETECTOR_THRESHOLD:g} or more"
        }
        each = "of each box, descending"
    rows |= {
        "`scores` float32": f"confidence {each}",
        "`classes` int32, `class_names` string": "the class of each score: its number, "
        "from 0 in the order above, and its name",
        "`num_detections` int32 `(n,)`": "how many boxes are there; the entries behind "
        'them are padding, -1 and `""`',
        "`image_size` int32 `(n, 2)`": "height and width of the upright photo",
        "`errors` string `(n,)`": "why a photo could not be read; empty if it was",
    }
    return "\n".join(f"- {name}: {text}." for name, text in rows.items())


def _limits(facts):
    limits = [
        f"Photos are looked at in {facts['image_size']} px: what is small in the photo "
        "is a few pixels there.",
        "Only the classes above are known. Photos unlike those it learned from (other "
        "cameras, places, drawings) were not measured unless named under Figures.",
        "Scores are the model's own, not calibrated: choose a threshold on your data.",
    ]
    if not facts["missing"]:
        limits = [
            f"Photos: {', '.join(facts['preprocessing']['formats'])} of at most "
            f"{facts['preprocessing']['max_pixels'] / 1e6:g} megapixels. Others (GIF, "
            "WebP, TIFF, BMP) and damaged ones are answered with a text in `errors` "
            "and no detections; their neighbours in the batch are not touched.",
            "Transparency is laid on white, 16-bit samples are scaled to 8 bits "
            "by the range in use: 12, 14 or 16 bits.",
            *limits,
        ]
    if TASKS[facts["task"]].main_object_only:
        limits.append(
            "One box a photo, whatever it shows: also where nothing is there."
        )
    return limits


def _figures(finished):
    """Metrics of the evaluations that lie in a run's folder, by folder name.

    Not those of several views of a photo, which the artifact has not, nor of weights
    that were trained on since.
    """
    digest, figures = finished.model_sha256, {}
    for path in sorted(finished.path.glob("evaluation*/metrics.json")):
        metrics = read_json_dict(path)
        if not metrics:
            continue  # an export does not fail for the sake of its card
        is_other = metrics.get("model_sha256", digest) != digest
        if is_other or "views" in (metrics.get("protocol") or {}):
            continue
        figures[path.parent.name] = {
            name: value
            for name, value in metrics.items()
            if isinstance(value, int | float | str | None)
            or name.endswith("_ci")
            or name in ("data", "protocol", "false_alarms")
        }
    return figures


def _figures_text(figures):
    if not figures:
        return (
            "None: the run was not evaluated. `python -m ssl_voc.evaluate RUN` does "
            "it; export again after that."
        )
    parts = []
    for name, metrics in figures.items():
        data = ", ".join(map(str, metrics.get("data") or []))
        split = f" ({metrics['split']})" * bool(metrics.get("split"))
        lines = [
            f"`{name}`: {metrics.get('num_images')} photos of {data}{split}.",
            "",
            "| figure | value | 95 % interval | protocol |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {figure} | {value:.3f} | {low:.3f} to {high:.3f} | {protocol} |"
            for figure, value, (low, high), protocol in _rows(metrics)
        ]
        if metrics.get("num_leaked"):
            lines += [
                "",
                f"{metrics['num_leaked']} of these photos were SEEN IN TRAINING: these "
                "figures are not to be reported.",
            ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _rows(metrics):
    """Figures of an evaluation with their values, intervals and protocols."""
    for confidence, row in (metrics.get("false_alarms") or {}).items():
        yield (
            *("false alarms a photo", row["per_photo"], row["per_photo_ci"]),
            "on photos that show no object, of boxes of confidence "
            f"{confidence} or more",
        )
    protocol = {**(metrics.get("protocol") or {})}
    if "threshold" in metrics:
        of_them = f"of boxes of confidence {metrics['threshold']:g} or more"
        protocol |= dict.fromkeys(AT_THRESHOLD, of_them)
    for key, interval in metrics.items():
        figure = key.removesuffix("_ci")
        if figure != key and _are_numbers([metrics.get(figure), *interval]):
            yield figure, metrics[figure], interval, protocol.get(figure, "")


def _are_numbers(values):
    return all(isinstance(value, int | float) for value in values)
