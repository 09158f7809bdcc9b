"""The benchmark of heat maps: every photo is explained once, as its own class."""

import json

import numpy as np

import ssl_voc
from benchmarks import heat_maps
from tests import tiny


def test_every_photo_is_explained_by_every_method(tmp_path, monkeypatch, capsys):
    asked = []

    def record(model, images, classes, **flags):
        asked.append((flags.get("layer"), len(images), images.shape[1], *classes))
        return np.zeros(images.shape[:3])

    monkeypatch.setattr(ssl_voc, "grad_cam", record)
    monkeypatch.setattr(
        ssl_voc, "backbone", lambda name, image_size: tiny.build_backbone(image_size)
    )
    tree = tmp_path / "tree"
    tiny.write_voc(tree, num_train=6)
    out = tmp_path / "speed.json"
    flags = f"--data {tree} --image-size 32 --num-images 20 --out {out}".split()
    heat_maps.main(flags)
    # A first batch of 16, a fifth of 20, and the other 16.
    assert [number for _, number, *_ in asked] == 2 * [16, 4, 16]
    assert {layer for layer, *_ in asked} == {None, 16}
    assert {size for _, _, size, *_ in asked} == {32}
    report = json.loads(out.read_text())
    for name in heat_maps.METHODS:
        row = report[name]
        assert row["peak_mib"] >= row["peak_mib_after_a_fifth"] > 0
        assert row["seconds"] > 0
    assert capsys.readouterr().out.count("20 maps") == 2
