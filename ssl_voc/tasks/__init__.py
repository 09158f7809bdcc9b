"""Tasks that are learned from boxes: one object each, and their registry."""

from ssl_voc.tasks.base import Task as Task
from ssl_voc.tasks.base import scores_by_class as scores_by_class
from ssl_voc.tasks.registry import TASKS as TASKS
from ssl_voc.tasks.registry import task_of as task_of
