"""Making a plan: photos, splits, arms, defaults, and what is refused at once."""

import shutil

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.runs.json_files import to_json
from ssl_voc.study import main
from ssl_voc.study.arms import values_of
from ssl_voc.study.budget import Pace
from ssl_voc.study.config import StudyConfig
from ssl_voc.study.make_plan import Trial, make_plan, read_trial
from ssl_voc.study.plan import cells_of
from ssl_voc.training.input_checks import DEFAULT_BACKBONE

PACE = Pace(1.0, 0.01, 0.1)
BACKBONE, WEIGHTS = "--backbone", "--weights"


def plan_of(data, imagenet=False, **settings):
    config = StudyConfig(data=(str(data),), **settings)
    return make_plan(config, lambda *_: Trial(PACE, imagenet, "tiny", 10.0))[0]


def pretrainings_of(plan):
    cells = cells_of(plan, lambda key: None)
    return [cell for cell in cells if cell.kind == "pretrain"]


def test_without_arms_the_usual_starts_are_compared(place):
    plan = plan_of(place / "voc", unlabeled=(str(place / "bare"),))
    assert [arm.name for arm in plan.arms] == ["random", "ssl"]
    assert plan.arms[1].start == "none"
    assert plan.num_pretraining_photos == {("simclr", str(place / "bare")): 50}
    plan = plan_of(place / "voc", imagenet=True)
    assert [arm.name for arm in plan.arms] == ["random", "imagenet", "ssl"]
    assert plan.arms[2].start == "imagenet"


def test_backbone_is_what_finetune_takes_with_the_weights_of_the_arms(place, tmp_path):
    weights = tmp_path / "own.keras"
    weights.write_bytes(b"")

    def asked_and_taken(*arms, **settings):
        asked = []

        def run_trial(common, flags):
            asked.extend([dict(common).get("--backbone"), *values_of(WEIGHTS, flags)])
            return Trial(PACE, True, asked[0] or "tiny", 10.0)

        config = StudyConfig(data=(str(place / "voc"),), arm=arms, **settings)
        plan, _ = make_plan(config, run_trial)
        (taken,) = {dict(plan.common)[BACKBONE], dict(plan.pretraining)[BACKBONE]}
        return [*asked, taken]

    ssl = f"ssl:{place / 'bare'}"
    assert asked_and_taken() == [None, "auto", "tiny"]
    assert asked_and_taken("random", "imagenet", ssl) == [None, "auto", "tiny"]
    assert asked_and_taken("random", ssl) == [None, "none", "tiny"]
    assert asked_and_taken("random", f"{weights}+{ssl}") == [None, str(weights), "tiny"]
    given = asked_and_taken("random", ssl, backbone="EfficientNetB0")
    assert given == ["EfficientNetB0", "none", "EfficientNetB0"]


def test_photos_without_labels_count_where_none_are_learned(place, tmp_path):
    pool = shutil.copytree(place / "bare", tmp_path / "pool")
    for number in range(20):
        (pool / "Annotations" / f"{number:03d}.xml").unlink()
    plan = plan_of(place / "voc", arm=(f"supervised:{pool}", f"ssl:{pool}"))
    counts = {key[0]: size for key, size in plan.num_pretraining_photos.items()}
    assert counts == {"supervised": 30, "simclr": 50}
    epochs = {cell.title.split()[1]: cell.epochs for cell in pretrainings_of(plan)}
    assert epochs["supervised"] > 1.5 * epochs["simclr"]


def test_labels_of_one_class_are_refused_before_anything_runs(place, tmp_path):
    pool = shutil.copytree(place / "bare", tmp_path / "pool")
    for path in (pool / "Annotations").iterdir():
        path.unlink()
    with pytest.raises(BadInput, match="--arm a: expected photos of two classes"):
        plan_of(place / "voc", arm=("random", f"a=supervised:{pool}"))


def test_run_of_another_backbone_is_refused_before_anything_runs(place, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    manifest = {"program": "ssl_voc", "command": "pretrain"}
    (run / "manifest.json").write_text(to_json(manifest))
    (run / "config.yaml").write_text("backbone: EfficientNetB0\n")
    (run / "backbone.keras").write_bytes(b"")
    arms = "imagenet", str(run)
    with pytest.raises(BadInput, match="is of the backbone EfficientNetB0, .* tiny"):
        plan_of(place / "voc", imagenet=True, arm=arms)
    for backbone in ("tiny", "./own.keras"):
        (run / "config.yaml").write_text(f"backbone: {backbone}\n")
        assert plan_of(place / "voc", imagenet=True, arm=arms).arms[1].start == str(run)


def test_pools_are_named_by_arms_or_by_a_flag_of_their_own(place):
    with pytest.raises(ValueError, match="--unlabeled: each --arm names"):
        plan_of(place / "voc", arm=("random", "ssl:x"), unlabeled=("x",))


def test_names_of_folders_need_no_quotes_in_the_default_arms(place, tmp_path):
    pool = tmp_path / "my photos, 'new' + old\\"
    pool.symlink_to(place / "bare")
    plan = plan_of(place / "voc", unlabeled=(str(pool),))
    assert plan.arms[1].links[0].source == (str(pool),)
    with pytest.raises(BadInput, match="--unlabeled: MISSING does not exist"):
        plan_of(place / "voc", unlabeled=("MISSING",))


def test_folder_whose_name_begins_like_a_keyword_is_a_path(
    place, tmp_path, monkeypatch
):
    shutil.copytree(place / "voc", tmp_path / "scenes_2024")
    monkeypatch.chdir(tmp_path)
    digests = plan_of("scenes_2024").digests
    # The same folder by another name.
    assert digests[0] == plan_of(tmp_path / "scenes_2024").digests[0]
    words = "--data: scenes_2042 does not exist. Did you mean scenes_2024"
    with pytest.raises(BadInput, match=words):
        plan_of("scenes_2042")


def test_photos_to_report_are_read_and_learned_from_by_no_arm(place, tmp_path):
    with pytest.raises(BadInput, match="--split: 20 of the 20 photos"):
        plan_of(place / "voc", train_split="val", split="val")
    lists = shutil.copytree(place / "voc", tmp_path / "voc") / "ImageSets" / "Main"
    names = "".join((lists / f"{n}.txt").read_text() for n in ("train", "val"))
    (lists / "trainval.txt").write_text(names)
    with pytest.raises(BadInput, match="--data: no split is left"):
        plan_of(tmp_path / "voc", train_split="trainval")
    (lists / "val.txt").rename(lists / "test.txt")
    (lists / "train.txt").rename(lists / "trainval.txt")
    plan = plan_of(tmp_path / "voc", arm=("random", f"a=supervised:{tmp_path / 'voc'}"))
    assert plan.num_labels[-1] == 60 and plan.evaluation[:-1] == (("--split", "test"),)
    with pytest.raises(BadInput, match="tset"):
        plan_of(place / "voc", split="tset")
    arms = ("random", f"a=supervised:{place / 'bare'}")
    assert plan_of(place / "voc", arm=arms).arms[1].name == "a"
    with pytest.raises(BadInput, match="--arm a: .* photos to report"):
        plan_of(place / "bare", arm=arms)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"arm": ("random", "a=imagenet --schedul full")}, "--arm a: --schedul: no"),
        ({"arm": ("random", "a=imagenet --ema 2")}, "--arm a: --ema: expected"),
        ({"finetune": "--mosaic 0.5"}, "--finetune: --mosaic: a setting of --task d"),
        ({"pretrain": "--image-size 8"}, "--pretrain: --image-size: expected"),
        ({"pretrain": "--teacher x"}, "--pretrain: --teacher: a setting of"),
    ],
)
def test_flags_of_runs_are_read_before_the_trial(place, settings, words):
    config = StudyConfig(data=(str(place / "voc"),), **settings)
    with pytest.raises(BadInput, match=words):
        make_plan(config, lambda *_: pytest.fail("tried"))


def test_reported_photos_are_a_list_or_those_held_out(place):
    assert plan_of(place / "voc").evaluation[:-1] == (("--split", "val"),)
    assert plan_of(place / "bare").evaluation[:-1] == ()
    named = plan_of(place / "voc", train_split="val", split="train")
    assert named.evaluation[:-1] == (("--split", "train"),)
    assert named.num_labels[-1] == 20
    with pytest.raises(BadInput, match="--split: name the photos"):
        plan_of(place / "voc", train_split="val")


def test_labels_are_shares_or_numbers_and_too_few_are_left_out(place):
    plan = plan_of(place / "voc", labels=("1%", "50%", "12"))
    assert plan.num_labels == (12, 30)
    assert plan.grid.shares == (0.2, 0.5)
    assert plan.left_out[0].startswith("1% of the labels: only")
    assert plan.grid.tuned == ()  # fewer than 50 validate nothing
    assert plan_of(place / "voc").grid.tuned == (1.0,)
    with pytest.raises(BadInput, match="more than the 60"):
        plan_of(place / "voc", labels=("61",))
    with pytest.raises(BadInput, match="fewer than 8"):
        plan_of(place / "voc", labels=("1%",))


def test_shares_of_the_same_photos_are_one(place):
    # Of each of three classes one photo at least.
    plan = plan_of(place / "voc", labels=("14.5%", "15%", "50%"))
    assert plan.num_labels == (9, 30) and plan.grid.shares == (0.15, 0.5)
    assert "14.5% of the labels: the 9 photos of 15%" in plan.left_out


def test_rates_are_chosen_where_the_validation_part_tells_them_apart(
    place, monkeypatch
):
    def tuned():
        return plan_of(place / "voc", labels=("25%", "50%", "100%")).grid.tuned

    assert tuned() == (1.0,)  # of 60 photos: nowhere else
    monkeypatch.setattr("ssl_voc.study.make_plan.FEWEST_TO_TUNE", 30)
    assert tuned() == (0.5, 1.0)


def test_default_rate_stands_first_of_those_that_are_tried(place):
    grid = plan_of(place / "voc").grid
    assert grid.rates == (0.008, 0.00267, 0.024)
    assert plan_of(place / "voc", learning_rate=(0.1,)).grid.tuned == ()


def test_imagenet_that_cannot_be_had_is_refused_before_hours_of_work(place):
    arms = ("random", "imagenet")
    with pytest.raises(BadInput, match="cannot be had .* none exist for tiny"):
        plan_of(place / "voc", arm=arms)
    assert plan_of(place / "voc", imagenet=True, arm=arms).arms[1].start == "imagenet"


def test_trial_takes_its_own_time_off_the_budget(place):
    config = StudyConfig(data=(str(place / "voc"),), budget="1m", samples_seen=100)
    slow = make_plan(config, lambda *_: Trial(PACE, False, "tiny", 40.0))[0]
    quick = make_plan(config, lambda *_: Trial(PACE, False, "tiny", 1.0))[0]
    assert len(slow.grid.seeds) == 1 < len(quick.grid.seeds)


def test_pace_of_a_trial_tells_start_photos_and_pauses_apart(tmp_path):
    rows = [{"epoch": 1, "seconds": 30.0}]
    rows += [{"epoch": n, "seconds": 3.0, "images_per_second": 50.0} for n in (2, 3)]
    lines = "".join(to_json(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(lines)
    (tmp_path / "manifest.json").write_text('{"num_training": 100, "weights": null}')
    trial = read_trial(tmp_path, 50.0)
    # 100 photos in 2 of 3 seconds; three such epochs and 41 seconds are 50.
    assert trial == Trial(Pace(41.0, 0.02, 1.0), False, DEFAULT_BACKBONE, 50.0)
    manifest = {"num_training": 100, "weights": None, "backbone": "tiny"}
    (tmp_path / "manifest.json").write_text(to_json(manifest))
    assert read_trial(tmp_path, 50.0).backbone == "tiny"


def test_weights_that_were_replaced_make_other_runs(place, tmp_path):
    weights = tmp_path / "own.keras"

    def keys():
        arms = ("random", f"own={weights}", f"more={weights}+ssl:{place / 'bare'}")
        plan = plan_of(place / "voc", arm=arms, learning_rate=(0.1,))
        return {cell.key for cell in cells_of(plan, {}.get) if cell.kind != "explain"}

    weights.write_bytes(b"first")
    before = keys()
    assert keys() == before
    weights.write_bytes(b"second")
    kept = keys() & before
    assert kept and all(key.startswith("fine-tune-random-") for key in kept)


def test_what_flags_and_backbone_name_makes_other_runs_where_it_was_replaced(
    place, tmp_path
):
    pool = shutil.copytree(place / "bare", tmp_path / "pool")
    teacher, backbone = tmp_path / "teacher.keras", tmp_path / "own.keras"
    taught = f"ssl:distill:{place / 'bare'} --pretrain '--teacher {teacher}'"
    arms = "random", f"taught={taught}", f"more=random --unlabeled={pool}"

    def cells():
        settings = {"arm": arms, "backbone": str(backbone), "learning_rate": (0.1,)}
        plan = plan_of(place / "voc", **settings, explain=False)
        return {cell.key: cell.arm for cell in cells_of(plan, {}.get)}

    teacher.write_bytes(b"first")
    backbone.write_bytes(b"first")
    before = cells()
    assert cells() == before
    teacher.write_bytes(b"second")
    after = cells()
    assert {before[key] for key in before.keys() & after} == {"random", "more"}
    (pool / "JPEGImages" / "001.png").unlink()
    (pool / "Annotations" / "001.xml").unlink()
    before, after = after, cells()
    assert {before[key] for key in before.keys() & after} == {"random", "taught", ""}
    backbone.write_bytes(b"second")
    assert not after.keys() & cells()


def test_photos_that_were_replaced_under_their_names_make_other_runs(place, tmp_path):
    pool = shutil.copytree(place / "bare", tmp_path / "pool")
    path = pool / "JPEGImages" / "001.png"

    def digests():
        return plan_of(place / "voc", unlabeled=(str(pool),)).digests

    before = digests()
    path.touch()
    path.chmod(0o600)
    assert digests() == before
    path.write_bytes(path.read_bytes() + b"more")
    assert [a == b for a, b in zip(digests(), before, strict=True)] == [True, False]


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--data", "MISSING"], "--data: MISSING does not exist"),
        (["--data", "DATA", "--arm", "random", "--arm", "ssl:MISSING"], "--arm: MIS"),
        (["--data", "DATA", "--arm", "random", "--arm", "DATA"], "is no run folder"),
        (["--data", "DATA", "--arm", "random"], "at least two"),
        (["--data", "DATA", "--budget", "soon"], "--budget: expected a duration"),
        (["--data", "DATA", "--shard", "3/2"], "--shard: expected I/N"),
        (["--data", "DATA", "--finetune=--val-share 0.1"], "--finetune: --val-share"),
        (["--data", "DATA", "--pretrain=--epochs=9"], "--pretrain: --epochs"),
        (["--data", "DATA", "--pretrain=--train-split val"], "--pretrain: --train-sp"),
        (["--data", "DATA", "--labels", "most"], "--labels: expected shares"),
        (["--data", "DATA", "--labels", "101%"], "at most 100%"),
        (["--data", "DATA", "--out", "DATA"], "is not empty and holds no study"),
        ([], "--data: required"),
    ],
)
def test_bad_input_is_one_line_at_once(place, capsys, flags, word):
    names = {"DATA": str(place / "voc")}
    assert main([names.get(flag, flag) for flag in flags]) == 2
    error = capsys.readouterr().err
    assert word in error and len(error.splitlines()) == 1
