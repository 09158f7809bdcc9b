"""Arms: how a start is written, and what an arm may own."""

import pytest

from ssl_voc.cli.errors import BadInput
from ssl_voc.study.arms import Link, compared, parse_arm, parse_arms


@pytest.mark.parametrize(
    ("text", "start", "links"),
    [
        ("random", "none", [Link(None, ("random",))]),
        ("imagenet", "imagenet", [Link(None, ("imagenet",))]),
        ("runs/a+b", "runs/a+b", [Link(None, ("runs/a+b",))]),
        ("ssl:photos", "none", [Link("simclr", ("photos",))]),
        ("ssl:vicreg:a,b", "none", [Link("vicreg", ("a", "b"))]),
        ("ssl:tfds:voc/2007", "none", [Link("simclr", ("tfds:voc/2007",))]),
        (
            "imagenet+supervised:a+ssl:dcl:b",
            "imagenet",
            [
                Link(None, ("imagenet",)),
                Link("supervised", ("a",)),
                Link("dcl", ("b",)),
            ],
        ),
    ],
)
def test_start_is_read_as_a_chain_of_weights_and_pretrainings(text, start, links):
    arm = parse_arm(text)
    assert arm.start == start
    assert list(arm.links) == links
    assert arm.pretrainings == [link for link in links if link.objective]


def test_name_and_flags_stand_around_the_start():
    arm = parse_arm("head=ssl:photos --schedule frozen")
    assert (arm.name, arm.flags) == ("head", ("--schedule", "frozen"))
    assert parse_arm("random --schedule frozen").name == "random --schedule frozen"


@pytest.mark.parametrize("between", [" ", "="])
def test_flags_of_the_last_pretraining_stand_in_one_text(between):
    own = f"--pretrain{between}'--learning-rate 0.5 --weight-decay 1e-4'"
    arm = parse_arm(f"a=supervised:x+ssl:dcl:y {own} --schedule frozen")
    assert [link.flags for link in arm.links] == [
        (),
        ("--learning-rate", "0.5", "--weight-decay", "1e-4"),
    ]
    assert arm.flags == ("--schedule", "frozen")
    taught = parse_arm("ssl:distill:photos --pretrain '--teacher runs/large'")
    assert taught.links[0].flags == ("--teacher", "runs/large")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("random --learning-rate 1", "--learning-rate"),
        ("random --epochs=3", "--epochs"),
        ("random --patience 3", "--patience"),
        ("random --config a.yaml", "--config"),
        ("random --resume run", "--resume"),
        ("random --pretrain '--temperature 0.1'", "ends in no pretraining"),
        ("ssl:photos --pretrain '--epochs 3'", "--epochs"),
        ("ssl:", "names no data"),
        ("ssl:vicrge:photos", "no objective is called 'vicrge'. Did you mean vicreg?"),
        ("", "expected a start"),
        ("--schedule frozen", "expected a start"),
        ("'random", "cannot be read"),
    ],
)
def test_what_would_make_arms_unequal_or_says_nothing_is_refused(text, word):
    with pytest.raises(BadInput, match=word):
        parse_arm(text)


@pytest.mark.parametrize(
    ("texts", "pairs"),
    [
        (["random", "a=ssl:x"], [("a", "random")]),
        (
            ["random", "imagenet", "both=imagenet+ssl:x"],
            [("both", "imagenet"), ("imagenet", "random"), ("both", "random")],
        ),
        (
            ["both=imagenet+ssl:x", "imagenet", "random"],
            [("both", "imagenet"), ("random", "both")],
        ),
        (
            ["random", "a=ssl:x", "b=ssl:x+ssl:y", "c=ssl:x+ssl:y --ema 0.9"],
            [("a", "random"), ("b", "a"), ("b", "random"), ("c", "random")],
        ),
    ],
)
def test_arm_is_compared_with_itself_less_its_last_pretraining_first(texts, pairs):
    assert compared(parse_arms(texts)) == pairs


def test_two_arms_of_different_names_are_needed():
    with pytest.raises(BadInput, match="at least two"):
        parse_arms(["random"])
    with pytest.raises(BadInput, match="two are called 'random'"):
        parse_arms(["random", "random=ssl:photos"])
    with pytest.raises(BadInput, match="'random' and 'Random' are the same"):
        parse_arms(["random", "Random=random"])
    with pytest.raises(BadInput, match="'a' and 'b' are the same"):
        parse_arms(["a=ssl:photos", "b=random+ssl:photos"])
