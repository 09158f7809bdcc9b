"""Photos of a pretraining: read, prepared, and reported in its run folder."""

import collections

import pipelines
from ssl_voc.data_page.data_set import DataSet
from ssl_voc.data_page.report import report_data_sets
from ssl_voc.runs.progress_bar import progress_bar


def read_photos(config):
    """Lists the photos of `--data`.

    Args:
        config: A `PretrainConfig`.

    Returns:
        `pipelines.Photos`.
    """
    return pipelines.read(
        [*config.data], config.train_split, progress_bar("reading photos")
    )


def prepare_photos(photos, config, what="photos"):
    """Decodes photos into a `pipelines.Pool`.

    Args:
        photos: `pipelines.Photos`.
        config: A `PretrainConfig`.
        what: What the progress bar calls them.
    """
    return pipelines.prepare(
        photos,
        config.resize_size,
        cache=config.cache,
        progress=progress_bar(f"preparing {what}"),
    )


def record_photos(run, pool, skipped):
    """Reports what is learned from, and what is not."""
    if not (run.resuming and (run.path / "data_report.html").exists()):
        page = report_data_sets([DataSet("photos", pool.photos, pool)])
        run.write_text("data_report.html", page.html)
    run.write_text("skipped.txt", pipelines.problem_table(skipped))
    run.write_text("problems.txt", pipelines.problem_table(pool.problems))
    run.update_manifest(
        num_photos=len(pool),
        num_skipped=len(skipped),
        num_problems=len(pool.problems),
    )
    if skipped:
        print(f"skipped {len(skipped)} unreadable photos, see skipped.txt")
    if pool.problems:
        kinds = collections.Counter(problem.kind for problem in pool.problems)
        counts = ", ".join(f"{kind} ({n})" for kind, n in kinds.most_common())
        print(f"problems of the data: {counts}; see problems.txt", flush=True)
