"""Which epochs of a schedule train the backbone."""

import pytest

from ssl_voc.finetune.phases import Phase, plan_phases


@pytest.mark.parametrize(
    ("schedule", "phases"),
    [
        ("full", [Phase(0, 5, frozen=False)]),
        ("frozen", [Phase(0, 5, frozen=True)]),
        ("staged", [Phase(0, 2, frozen=True), Phase(2, 5, frozen=False)]),
    ],
)
def test_the_backbone_trains_from_the_epoch_that_the_schedule_says(schedule, phases):
    assert plan_phases(schedule, 5, 2) == phases
