"""Settings of a fine-tuning: what follows from what."""

import pytest

from ssl_voc.finetune import FinetuneConfig
from ssl_voc.tasks import TASKS


def peak(task, **changes):
    return FinetuneConfig(task=task, **changes).resolved().peak_learning_rate


@pytest.mark.parametrize("task", TASKS)
def test_at_the_default_batch_the_peak_is_the_rate_per_256_photos(task):
    defaults = TASKS[task].defaults
    rate = defaults["learning_rate"]
    assert peak(task) == rate * defaults["batch_size"] / 256  # bit for bit
    # 0.008 * 32 / 256 and 0.032 * 16 / 256.
    assert peak(task) == {"localize": 0.001, "detect": 0.002}[task]
    assert peak(task, learning_rate=3 * rate) == 3 * rate * defaults["batch_size"] / 256


@pytest.mark.parametrize("factor", [0.25, 4, 16])
@pytest.mark.parametrize("task", TASKS)
def test_another_batch_scales_the_peak_by_its_root(task, factor):
    batch_size = int(factor * TASKS[task].defaults["batch_size"])
    scaled = peak(task, batch_size=batch_size)
    assert scaled == pytest.approx(factor**0.5 * peak(task))


def test_help_groups_hold_each_flag_once_and_what_is_set_first_first():
    groups = FinetuneConfig.help_groups.values()
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted(FinetuneConfig.__dataclass_fields__)
    assert names[:3] == ["task", "data", "out"]
