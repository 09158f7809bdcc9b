"""A small plan that the tests of `study` share."""

import dataclasses

from ssl_voc.study.arms import parse_arms
from ssl_voc.study.plan import Grid, Plan

COUNTS = {0.01: 10, 0.1: 100, 0.25: 250, 1.0: 1000}
POOLS = (("simclr", "pool"), ("simclr", "other"))
DIGESTS = (((), "a"), *((pool, "b") for pool in POOLS))


def build_plan(arms=("random", "ssl=ssl:pool"), **changes):
    """Two arms, four shares of 1,000 labels, three seeds, three rates."""
    shares = changes.pop("shares", tuple(COUNTS))
    evaluation = changes.pop("evaluation", (("--split", "val"),))
    grid = Grid(
        shares=shares,
        tuned=tuple(share for share in shares if COUNTS[share] >= 50),
        seeds=(0, 1, 2),
        rates=(0.01, 0.003, 0.03),
        epochs=30,
        samples_seen=4000,
        explain=True,
    )
    plan = Plan(
        arms=tuple(parse_arms(arms)),
        grid=dataclasses.replace(grid, **changes),
        num_labels=tuple(COUNTS[share] for share in shares),
        num_pretraining_photos=dict(zip(POOLS, (200, 500), strict=True)),
        digests=DIGESTS,
        common=(("--task", "localize"), ("--data", ("photos",))),
        pretraining=(("--seed", 0),),
        evaluation=evaluation,
    )
    return plan
