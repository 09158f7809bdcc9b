"""Settings of small predictions, and what they wrote."""

import json

from ssl_voc.predict import PredictConfig


def settings(photos, tmp_path, **changes):
    return PredictConfig(
        **{"images": (str(photos),), "out": tmp_path / "out", **changes}
    )


def read_json(path):
    return json.loads(path.read_text())


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]
