"""Command `study`: several starts, compared at several numbers of labels."""

from ssl_voc.cli.command import command_main
from ssl_voc.cli.errors import StoppedEarly
from ssl_voc.runs.start import kept_environment, load_framework
from ssl_voc.study.config import StudyConfig

DESCRIPTION = """Answers whether pretraining was worth it, on your photos and labels.

Fine-tunes from several starts (random, ImageNet, self-supervised, ...) at several
numbers of labels with several seeds, everything else equal and the learning rate chosen
for each inside the training labels, and reports what differs, by how much, and whether
the difference is real: one page (report.html), report.md, report.json. Each run is a
plain command in a folder of its own; killed anywhere, the same command goes on.
--budget makes the grid smaller until it fits into a time; --shard and --cluster share
the work among machines.

Example: python -m ssl_voc.study --data labelled --unlabeled photos --budget 8h
"""


def study(config):
    """Runs what is missing of a study and writes its report.

    Args:
        config: A `StudyConfig`.

    Returns:
        The dictionary that `report.json` holds.

    Raises:
        BadInput: when data, arms or folder cannot be worked with.
        StoppedEarly: when interrupted, or some runs failed; the others are reported.
    """
    from ssl_voc.study.claims import Claims
    from ssl_voc.study.ray_cluster import RayCluster
    from ssl_voc.study.runner import Runner
    from ssl_voc.study.study_folder import open_plan

    config = config.resolved()
    claims, failed, cluster = Claims(), 0, None
    try:
        if config.cluster and not config.report:
            cluster = RayCluster(config.cluster, config.cpus_per_run)
        plan, pace = open_plan(config, claims)
        runner = Runner(
            *(plan, config.cells_folder, claims, pace, config.shard_numbers),
            retry_failures=not config.report,
        )
        print(describe_plan(plan, runner), flush=True)
        if not config.report:
            failed = cluster.run(runner) if cluster else runner.run()
    except KeyboardInterrupt:
        raise StoppedEarly(
            f"interrupted. What was done is saved in {config.out}; the same command "
            "goes on from there, and with --report beside it tells what is done."
        ) from None
    finally:
        if cluster:
            cluster.close()
    with kept_environment():
        load_framework("cpu")  # quietly, and without a hand on accelerators
    from ssl_voc.study.report import write_report

    report = write_report(config, plan, runner.outcome_of)
    if failed:
        raise StoppedEarly(
            f"{failed} runs failed: {config.out / 'report.html'} has their commands, "
            "and the same command tries them again."
        )
    return report


def describe_plan(plan, runner):
    """The arms and the grid as text."""
    from ssl_voc.cli.durations import format_duration

    cells, missing = runner.cells_and_missing()
    lines = [
        f"arms      {', '.join(arm.name for arm in plan.arms)}",
        f"labels    {', '.join(map(str, plan.num_labels))} photos",
        f"seeds     {', '.join(map(str, plan.grid.seeds))}",
        f"training  {plan.grid.epochs} epochs of all labels",
        f"steps     {', '.join(map(str, plan.steps))}",
        *(f"left out  {line}" for line in plan.left_out),
        f"runs      {len(cells)}, {len(missing)} of them to be done, in about "
        f"{format_duration(runner.time_left(missing))}{runner.condition}",
        f"watch     {runner.folder}/*/output.txt",
    ]
    return "\n".join(lines)


main = command_main(study, StudyConfig, "study", DESCRIPTION)
