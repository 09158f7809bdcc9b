"""Command `inspect`: a data set, looked at before anything is trained."""

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import as_bad_input
from ssl_voc.inspect.config import InspectConfig
from ssl_voc.training.input_checks import refuse_missing_source

DESCRIPTION = """Shows what a data set holds and what is wrong with it.

Decodes every photo once and writes one page (report.html, which holds its pictures):
counts by class and size, photos with their boxes, the smallest and the largest boxes,
what was dropped or repaired, photos that are not annotated, near-duplicates within and
between splits, and how many boxes each image size would make large enough. The same as
text and numbers: report.txt, report.json; what cannot be read: skipped.txt. Nothing is
trained, no accelerator is asked.

Example: python -m ssl_voc.inspect labelled
"""


def inspect(config):
    """Reads a data set and writes its report.

    Args:
        config: An `InspectConfig`.

    Returns:
        The dictionary that `summary.json` holds.

    Raises:
        BadInput: when the data cannot be read, or the folder is taken.
    """
    import pipelines
    from ssl_voc.data_page.report import report_data_sets
    from ssl_voc.inspect.data_sets import IMAGE_SIZE, read_data_sets, summarize
    from ssl_voc.runs.run_folder import RunFolder

    config = config.resolved()
    run = config.out, config, "inspect", config.overwrite
    with as_bad_input():
        for source in config.data:
            refuse_missing_source("DATA", source)
        RunFolder.check(*run)
        sets = read_data_sets([*config.data], config.split)
    with RunFolder.open(*run) as folder:
        page = report_data_sets(sets, IMAGE_SIZE)
        folder.write_text("report.html", page.html)
        folder.write_text("report.txt", page.text + "\n")
        folder.write_json("report.json", page.numbers)
        skipped = [problem for each in sets for problem in each.pool.skipped]
        folder.write_text("skipped.txt", pipelines.problem_table(skipped))
        folder.finish(summary := summarize(sets))
        print(f"{page.text}\npage  {folder.path / 'report.html'}", flush=True)
        return summary


main = command_main(inspect, InspectConfig, "inspect", DESCRIPTION)
