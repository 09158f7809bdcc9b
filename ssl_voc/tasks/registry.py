"""Registry of the tasks, by the name that `--task` takes."""

from ssl_voc.cli.errors import BadInput
from ssl_voc.tasks.detect import DetectTask
from ssl_voc.tasks.localize import LocalizeTask

TASKS = {task.name: task for task in (LocalizeTask(), DetectTask())}


def task_of(finished):
    """The `Task` of a `FinishedRun`.

    Raises:
        BadInput: when the run is of a task that is not known here.
    """
    name = finished.task
    if name not in TASKS:
        raise BadInput(
            f"{finished.flag}: {finished.path} is of task {name!r}. Expected one of: "
            f"{', '.join(TASKS)}."
        )
    return TASKS[name]
