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


def test_the_rate_of_a_phase_has_risen_after_its_share_of_epochs():
    head, everything = plan_phases("staged", 300, 50)
    assert head.warm_epoch(0.1) == 5
    assert everything.warm_epoch(0.1) == 75
    assert everything.warm_epoch(0.0) == 50
