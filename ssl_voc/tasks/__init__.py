"""Tasks that are learned from boxes: one object each, and their registry."""

from ssl_voc.tasks.base import Task, scores_by_class
from ssl_voc.tasks.registry import TASKS, task_of
