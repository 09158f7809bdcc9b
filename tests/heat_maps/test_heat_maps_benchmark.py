"""The benchmark of heat maps, run on a model of few layers."""

import json

import ssl_voc
from benchmarks import heat_maps
from tests import tiny


def test_time_and_memory_of_every_method_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        ssl_voc, "backbone", lambda _, image_size: tiny.build_deep_backbone(image_size)
    )
    # Of each method, after a fifth of the maps and at the end.
    peaks = dict(zip(heat_maps.METHODS, [(3.0, 3.1), (3.3, 4.0)], strict=True))
    readings = iter([reading for pair in peaks.values() for reading in pair])
    monkeypatch.setattr(heat_maps, "peak_memory_gib", lambda: next(readings))
    tiny.write_voc(tmp_path / "tree", num_train=3)
    flags = f"--data {tmp_path / 'tree'} --image-size 64 --num-images 7"
    heat_maps.main(f"{flags} --out {tmp_path / 'speed.json'}".split())
    report = json.loads((tmp_path / "speed.json").read_text())
    for name, pair in peaks.items():
        row = report[name]
        assert (row["peak_gib_after_a_fifth"], row["peak_gib"]) == pair
        assert row["seconds"] > 0
    assert capsys.readouterr().out.count("7 maps") == len(heat_maps.METHODS) == 2
