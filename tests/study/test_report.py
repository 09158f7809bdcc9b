"""The report: what the page, the markdown and the numbers say of finished cells."""

import dataclasses
import html
import json
import re
import shutil

import numpy as np
import pytest

from ssl_voc.study.cells import Cell
from ssl_voc.study.config import StudyConfig
from ssl_voc.study.report import write_report
from tests.study import pretended, pretended_run
from tests.study.pretended import make_runner, small_plan, stay_in_process


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A study of two seeds, run without processes, and its report."""
    out = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cell, "commands", pretended.commands)
        stay_in_process(patch)
        plan = dataclasses.replace(small_plan(seeds=(0, 1)), left_out=("heat",))
        runner = make_runner(out / "cells", plan=plan)
        assert runner.run() == 0
        config = StudyConfig(data=("photos",), out=out)
        return out, write_report(config, plan, runner.outcome_of), runner


def rows_of(rows, **values):
    return [row for row in rows if all(row[k] == v for k, v in values.items())]


def test_gain_of_few_labels_is_shown_and_that_of_many_is_not(reported):
    _, report, _ = reported
    main = rows_of(report["differences"], measure="mean_iou")
    signs = {row["num_labels"]: row["sign"] for row in main}
    assert signs == {100: 1, 1000: 0}
    assert report["verdict"][0].startswith("Partly, ssl is better than random")
    assert "ahead with 100 labels" in report["verdict"][0]
    assert "no difference shown with 1000 labels" in report["verdict"][0]


def test_figures_are_means_of_photos_and_seeds(reported):
    out, report, runner = reported
    (row,) = rows_of(report["figures"], arm="ssl", num_labels=100, measure="mean_iou")
    found = []
    for path in (out / "cells").glob("fine-tune-ssl-100-*/run/evaluation/images.jsonl"):
        lines = path.read_text().splitlines()
        found += [json.loads(line)["mean_iou"] for line in lines]
    assert len(found) == 2 * pretended_run.NUM_PHOTOS
    assert row["mean"] == pytest.approx(np.mean(found))
    assert row["mean"] == pytest.approx(np.mean(row["by_seed"]))
    assert row["ci"][0] < row["mean"] < row["ci"][1]


def test_top1_of_one_class_is_no_measure(reported):
    assert list(reported[1]["measures"]) == ["mean_iou", "loc_acc_50", "loc_acc_70"]


def test_runs_that_may_not_look_at_the_photo_are_told(reported):
    out, report, _ = reported
    rows = {(row["arm"], row["num_labels"]): row for row in report["blind"]}
    few = rows["random", 100]
    assert few["answers"] == pytest.approx({"frequent_box": 0.3, "gray_photos": 0.2})
    (own,) = rows_of(
        report["figures"], arm="random", num_labels=100, measure="loc_acc_50"
    )
    assert few["gain"] == pytest.approx(own["mean"] - 0.3)
    assert (few["num_clear"], few["num_runs"]) == (0, 2)
    assert rows["random", 1000]["num_clear"] == 2
    (line,) = [line for line in report["verdict"] if "Not shown to look" in line]
    assert "random with 100 labels (in 2 of 2 runs)" in line and "1000" not in line
    page = (out / "report.html").read_text()
    assert "Without seeing the photo" in page and "0 of 2" in page


def test_labels_saved_are_interpolated_between_those_of_the_first_arm(reported):
    (row,) = rows_of(reported[1]["labels_saved"], num_labels=100)
    # 0.52 against 0.42 and 0.60: 0.1 / 0.18 of the way from 100 to 1000.
    assert row["num_labels_of_baseline"] == pytest.approx(
        100 * 10 ** (0.1 / 0.18), rel=0.1
    )


def test_costs_and_chosen_rates_are_told(reported):
    report = reported[1]
    (row,) = rows_of(report["costs"], what="pretraining")
    assert (row["arm"], row["steps"], row["photos_seen"]) == ("ssl", 16, 80)
    (row,) = rows_of(report["costs"], arm="random", what="fine-tuning, 100 labels")
    assert (row["runs"], row["steps"]) == (2, 16)
    chosen = report["learning_rates"]
    assert [row["learning_rate"] for row in chosen] == [0.003] * 4
    assert chosen[0]["validation_scores"] == {"0.01": 0.5, "0.003": 0.6}


def test_page_needs_no_other_file_and_escapes_names(reported):
    page = (reported[0] / "report.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<cat>" not in page and html.escape("<cat> (40)") in page
    assert page.count("data:image/svg+xml") >= 5
    assert "data:image/jpeg" in page  # heat maps
    assert '<td class="shown">' in page
    for heading in ("Verdict", "Labels saved", "Fairness", "Where the models look"):
        assert f"<h2>{heading}</h2>" in page
    assert page.index("<h2>Verdict") < page.index("data:image/svg+xml")
    assert "width=device-width" in page


def test_markdown_has_the_same_tables(reported):
    text = (reported[0] / "report.md").read_text()
    assert reported[1]["verdict"][0] in text
    assert "| labels | arm | seeds | mean IoU |" in text
    assert re.search(r"\| 100 \| ssl less random \| 2 \| \*\*\+0\.\d+ \[", text)


def test_photos_that_one_run_lacks_are_left_out_of_all(reported, tmp_path):
    out, report, runner = reported
    copy = shutil.copytree(out / "cells", tmp_path / "cells")
    path = next(copy.glob("fine-tune-ssl-100-*/run/evaluation/images.jsonl"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    config = StudyConfig(data=("photos",), out=tmp_path)
    fewer = write_report(config, runner.plan, runner.outcome_of)
    for before, after in zip(report["figures"], fewer["figures"], strict=True):
        assert (before["num_images"], after["num_images"]) == (40, 39)
        assert before["measure"] != "mean_iou" or before["mean"] != after["mean"]


def test_report_of_nothing_gives_no_verdict(reported, tmp_path):
    config = StudyConfig(data=("photos",), out=tmp_path)
    report = write_report(config, reported[2].plan, lambda key: None)
    assert report["verdict"][0].startswith("No verdict")
    assert "No run was measured yet" in (tmp_path / "report.html").read_text()


def test_pretraining_without_an_arm_that_lacks_it_alone_is_told(tmp_path):
    config = StudyConfig(data=("photos",), out=tmp_path)
    for arms, is_told in (
        (("random", "ssl=imagenet+ssl:pool"), True),
        (("random", "imagenet", "ssl=imagenet+ssl:pool"), False),
    ):
        report = write_report(config, small_plan(arms=arms), lambda key: None)
        told = [line for line in report["verdict"] if "ssl added is not told" in line]
        assert bool(told) == is_told


def test_labels_that_are_learned_for_few_steps_are_told(tmp_path):
    config = StudyConfig(data=("photos",), out=tmp_path)
    # Of 16 photos a step: 6 steps times 95 epochs, 62 times 30; at least 1,500.
    detect = dataclasses.replace(small_plan(batch_size=16), task="detect")
    assert detect.steps == [570, 1860]
    verdict = write_report(config, detect, lambda key: None)["verdict"]
    (line,) = [line for line in verdict if "Few steps" in line]
    assert "570 with 100 labels (finetune: 1500)." in line and "1860" not in line
    enough = dataclasses.replace(detect, task="localize")
    verdict = write_report(config, enough, lambda key: None)["verdict"]
    assert not any("Few steps" in line for line in verdict)
    quick = dataclasses.replace(enough, grid=dataclasses.replace(enough.grid, epochs=9))
    verdict = write_report(config, quick, lambda key: None)["verdict"]
    (line,) = [line for line in verdict if "Few steps" in line]
    assert "168 with 100 labels (finetune: 180)" in line
    # Of 1,000 labels finetune keeps 150 to choose the epoch.
    assert "558 with 1000 labels (finetune: 1590)" in line


def test_labels_that_a_pretraining_learned_are_told_beside_the_verdict(tmp_path):
    config = StudyConfig(data=("photos",), out=tmp_path)
    plan = small_plan(arms=("random", "a=supervised:photos", "b=ssl:pool"))
    photos = {**plan.num_pretraining_photos, ("supervised", "photos"): 900}
    digests = *plan.digests, (("supervised", "photos"), "c")
    plan = dataclasses.replace(plan, num_pretraining_photos=photos, digests=digests)
    verdict = write_report(config, plan, lambda key: None)["verdict"]
    (line,) = [line for line in verdict if "learned the labels" in line]
    assert "supervised pretraining on photos" in line and "900 photos" in line


def test_what_the_start_of_an_arm_had_seen_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(Cell, "commands", pretended.commands)
    stay_in_process(monkeypatch)
    arms = "random", "own=runs/own", "on=runs/own+ssl:pool"
    plan = small_plan(arms=arms, evaluation=(), explain=False)
    runner = make_runner(tmp_path / "cells", plan=plan)
    assert runner.run() == 0
    seen = {"pretraining_photos.tsv": "1f", "pretraining_unlabeled_photos.tsv": "ee"}
    for run in (tmp_path / "cells").glob("*/run"):
        text = (run / "photos.tsv").read_text()
        (run / "held_out_photos.tsv").write_text(f"{text}a\tset\t{'ee' * 8}\n")
        begun = {} if "random" in run.parent.name else seen
        for name, digits in begun.items():
            (run / name).write_text(f"{text}b\tset\t{digits * 8}\n")
    config = StudyConfig(data=("photos",), out=tmp_path)
    report = write_report(config, plan, runner.outcome_of)
    rows = [row for row in report["exposure"] if "start" in row["photos"]]
    # Of each its own list with labels, and that without, which has the reported photo.
    assert [row["num_reported"] for row in rows] == [0, 1, 0, 1]
    verdict = "\n".join(report["verdict"])
    for name in ("own", "on"):
        assert f"start or teacher of {name} learned the labels of 1 photos" in verdict
        assert f"start or teacher of {name}: 1 of the 1 reported" in verdict
    assert "teacher of random" not in verdict


@pytest.mark.parametrize("backbone", ["own.keras", "EfficientNetB0"])
def test_file_of_a_backbone_whose_weights_stand_for_random_ones_is_told(
    tmp_path, backbone
):
    config = StudyConfig(data=("photos",), out=tmp_path)
    plan = small_plan(arms=("random", "imagenet", "ssl=ssl:pool"))
    plan = dataclasses.replace(plan, common=(*plan.common, ("--backbone", backbone)))
    verdict = write_report(config, plan, lambda key: None)["verdict"]
    told = [line for line in verdict if "Not from random weights: random, ssl" in line]
    assert bool(told) == (backbone == "own.keras")


def test_measures_that_one_side_or_seed_lacks_are_left_out(reported, tmp_path):
    out, _, runner = reported
    copy = shutil.copytree(out / "cells", tmp_path / "cells")
    maps = next(copy.glob("heat-*/run/metrics.json"))
    values = json.loads(maps.read_text())
    values["all"]["baseline"]["energy"] = None
    maps.write_text(json.dumps(values))
    path = next(copy.glob("fine-tune-ssl-100-*seed-1*/run/evaluation/metrics.json"))
    values = json.loads(path.read_text())
    values["per_size"]["tiny"] = values["per_size"].pop("large")
    path.write_text(json.dumps(values))
    config = StudyConfig(data=("photos",), out=tmp_path)
    report = write_report(config, runner.plan, runner.outcome_of)
    rows = rows_of(report["per_size"], arm="ssl", num_labels=100)
    assert {row["group"] for row in rows} == {"large", "tiny"}
    page, before = ((p / "report.html").read_text() for p in (tmp_path, out))
    gap = "+0.100 [+0.050, +0.200]"
    assert gap in before and gap not in page


def test_report_of_half_a_study_says_so(reported, tmp_path):
    out, _, runner = reported

    def half(key):
        return None if "seed-1" in key or "heat" in key else runner.outcome_of(key)

    config = StudyConfig(data=("photos",), out=tmp_path, cells=out / "cells")
    report = write_report(config, runner.plan, half)
    assert report["runs"]["done"] < report["runs"]["all"]
    assert any("One seed" in line for line in report["verdict"])
    page = (tmp_path / "report.html").read_text()
    assert f"{report['runs']['done']} of {report['runs']['all']} runs are done" in page


def test_pretraining_that_hardly_learned_is_told_beside_the_verdict(reported):
    out, report, runner = reported
    assert not any("hardly learned" in line for line in report["verdict"])
    (path,) = (out / "cells").glob("pretrain-*/run/summary.json")
    before = path.read_text()
    path.write_text('{"loss_over_chance": 0.97}')
    config = StudyConfig(data=("photos",), out=out)
    again = write_report(config, runner.plan, runner.outcome_of)
    path.write_text(before)
    (line,) = [line for line in again["verdict"] if "hardly learned" in line]
    assert "0.97 of chance" in line


def test_runs_of_different_versions_are_told_beside_the_verdict(reported, tmp_path):
    out, report, runner = reported
    copy = shutil.copytree(out / "cells", tmp_path / "cells")
    config = StudyConfig(data=("photos",), out=tmp_path)
    for path in copy.glob("*/run/manifest.json"):
        versions = {"keras": "3.1" if "seed-1" in str(path) else "3.0", "numpy": "2"}
        values = {"git_commit": "abc", "backend": "jax", "packages": versions}
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    verdict = write_report(config, runner.plan, runner.outcome_of)["verdict"]
    (line,) = [line for line in verdict if "different versions" in line]
    assert "keras 3.0, 3.1. " in line or "keras 3.1, 3.0. " in line
    assert not any("different versions" in line for line in report["verdict"])


def test_coco_precision_of_detectors_is_a_mean_without_an_interval(reported, tmp_path):
    out, report, runner = reported
    assert report["coco_ap"] == [] and "COCO AP" not in (out / "report.md").read_text()
    copy = shutil.copytree(out / "cells", tmp_path / "cells")
    for path in copy.glob("*/run/evaluation/metrics.json"):
        value = 0.3 if "seed-1" in str(path) else 0.2
        values = {**json.loads(path.read_text()), "coco_ap": value}
        path.write_text(json.dumps(values))
    config = StudyConfig(data=("photos",), out=tmp_path)
    rows = write_report(config, runner.plan, runner.outcome_of)["coco_ap"]
    assert len(rows) == 4 and {row["mean"] for row in rows} == {0.25}
    assert "| 100 | ssl | 0.250 |" in (tmp_path / "report.md").read_text()
