"""Pictures and the text of a pretraining."""

import types

import numpy as np
import pytest

import pipelines
from ssl_voc.pretrain import PretrainConfig, report
from ssl_voc.runs.run_folder import RunFolder
from tests import tiny

NUM_PHOTOS = 100


def shown(pool, folder, seed):
    """Brightnesses of the photos that views are drawn of, and titles of the first."""
    seen = []

    def draw_views(model, images):
        seen.extend(images[:, 0, 0, 0].tolist())
        return images, images

    objective = types.SimpleNamespace(
        pool=pool,
        config=types.SimpleNamespace(seed=seed),
        draw_views=draw_views,
        title=lambda photo: titles.append(photo.image_id) or "",
    )
    titles = []
    run = RunFolder(folder, None, resuming=False, manifest={})
    report.save_views(run, objective, model=None)
    return seen, titles


def test_views_are_shown_of_a_seeded_sample_of_all_photos(tmp_path):
    images = tiny.draw_photos(NUM_PHOTOS, size=8)
    images[:] = np.arange(NUM_PHOTOS).reshape(-1, 1, 1, 1)
    pool = pipelines.prepare(pipelines.read({"images": images}), 8)
    seen, titles = shown(pool, tmp_path, seed=0)
    assert len(set(seen)) == 32 and min(seen) < 20 and max(seen) > 80
    # A photo keeps its name.
    assert [int(title) for title in titles] == seen[:12]
    assert shown(pool, tmp_path, seed=0)[0] == seen != shown(pool, tmp_path, 1)[0]


def test_the_next_commands_are_of_both_tasks_and_the_weights_bring_the_backbone():
    *commands, call = report.next_steps("runs/a", "ConvNeXtTiny")
    words = "python -m ssl_voc.finetune --task {} --data DATA --weights runs/a"
    assert commands == [words.format("detect"), words.format("localize")]
    assert call == "ssl_voc.backbone('ConvNeXtTiny', weights='runs/a')"


@pytest.mark.parametrize("above_chance", [0.93, 0.49, None])
def test_a_loss_near_chance_is_said_to_have_hardly_learned(tmp_path, above_chance):
    objective = types.SimpleNamespace(
        describe=lambda summary: [], skipped=[], config=PretrainConfig().resolved()
    )
    run = RunFolder(tmp_path, None, resuming=False, manifest={})
    summary = {"effective_rank": 4.0, "effective_rank_images": 9}
    text = report.format_summary(
        run, objective, {**summary, "loss_over_chance": above_chance}
    )
    assert ("hardly learned" in text) == (above_chance == 0.93)
