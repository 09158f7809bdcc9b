"""What a pretraining leaves for people: lists, pictures, figures and last words."""

import numpy as np

from pipelines import photo_table
from ssl_voc.layers.view_audit import audit_views
from ssl_voc.losses.nt_xent_loss import chance_level
from ssl_voc.metrics.wilson import wilson_interval
from ssl_voc.runs.plots import Panel, plot_curves, plot_image_grid

NUM_AUDITED = 32
NUM_SHOWN = 12

_SUMMARY_KEYS = (
    "loss",
    "loss_over_chance",
    "contrastive_top1",
    "effective_rank",
    "alignment",
    "uniformity",
    "images_per_second",
    "data_wait_share",
)


def record_photos(run, pool):
    """Lists what was read and what was skipped, with a hash of each photo."""
    skipped = "".join(f"{item.name}\t{item.reason}\n" for item in pool.skipped)
    run.write_text("skipped.txt", skipped)
    run.write_text("photos.tsv", photo_table(pool.photos, pool.hashes))
    run.update_manifest(num_photos=len(pool), num_skipped=len(pool.skipped))
    if pool.skipped:
        print(f"skipped {len(pool.skipped)} unreadable photos, see skipped.txt")


def save_views(run, pool, augmenter):
    """Audits a batch of views and leaves a picture of some pairs.

    Raises:
        ValueError: when the views cannot teach anything, see `audit_views`.
    """
    images = pool.gather(np.arange(min(NUM_AUDITED, len(pool))))
    drawn = audit_views(augmenter, images)
    views_a, views_b = np.split(drawn["views"], 2)
    grid, titles = [], []
    for index in range(min(NUM_SHOWN, len(images))):
        grid += [images[index], views_a[index], views_b[index]]
        titles += [pool.photos[index].image_id[:18], "view a", "view b"]
    plot_image_grid(grid, run.path / "views.png", columns=6, titles=titles)
    print(f"views look like {run.path / 'views.png'}", flush=True)


def draw_curves(run, batch_size):
    """Draws `curves.png` from the epochs so far."""
    panels = [
        Panel(("loss",), "NT-Xent", chance=float(chance_level(batch_size))),
        Panel(("contrastive_top1", "knn_top1"), "top-1 accuracy"),
        Panel(("effective_rank",), "effective rank"),
        Panel(("alignment", "uniformity"), "alignment, uniformity"),
    ]
    plot_curves(run.read_jsonl("metrics.jsonl"), run.path / "curves.png", panels)


def summarize(run, pool, probe):
    """Measures the final backbone and returns what `summary.json` shall hold.

    Args:
        run: The `RunFolder` of a run whose epochs are done.
        pool: The `pipelines.Pool` it learned from.
        probe: The `FeatureProbe` on its backbone.
    """
    last = run.read_jsonl("metrics.jsonl")[-1]
    summary = {name: last[name] for name in _SUMMARY_KEYS if name in last}
    if probe.num_queries:
        knn = {
            "knn_top1": probe.measure_knn(),
            "knn_top1_untrained": run.manifest["knn_top1_untrained"],
        }
        for name, value in knn.items():
            summary[name] = value
            summary[f"{name}_ci"] = wilson_interval(value, probe.num_queries)
        summary["knn_majority"] = probe.majority_share
        summary["knn_num_queries"] = probe.num_queries
    summary["effective_rank_images"] = len(probe.rank_images)
    summary["num_images"] = len(pool)
    summary["num_skipped"] = len(pool.skipped)
    return summary


def last_words(run, pool, backbone_name, summary):
    """The last words of the command, as text."""
    lines = [
        "",
        f"backbone        {run.path / 'backbone.keras'}",
        f"pictures        {run.path / 'views.png'}, curves.png",
        f"loss            {summary['loss']:.3f} "
        f"({summary['loss_over_chance']:.2f} of chance); contrastive top-1 "
        f"{summary['contrastive_top1']:.3f}",
        f"effective rank  {summary['effective_rank']:.1f} "
        f"on {summary['effective_rank_images']} photos",
    ]
    if "knn_top1" in summary:
        low, high = summary["knn_top1_ci"]
        lines.append(
            f"k-NN top-1      {summary['knn_top1']:.3f} [{low:.3f}, {high:.3f}]; "
            f"untrained {summary['knn_top1_untrained']:.3f}, commonest class "
            f"{summary['knn_majority']:.3f} ({summary['knn_num_queries']} queries)"
        )
    if pool.skipped:
        lines.append(
            f"skipped         {len(pool.skipped)} unreadable photos: "
            f"{run.path / 'skipped.txt'}"
        )
    call = f"ssl_voc.backbone({backbone_name!r}, weights={str(run.path)!r})"
    lines.append(f"next            {call}")
    return "\n".join(lines)
