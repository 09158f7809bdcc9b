"""Evaluations of the tasks."""

import importlib


def evaluation_of(task):
    """The subclass of `EvaluationRun` that measures models of a `Task`."""
    return importlib.import_module(f"ssl_voc.evaluate.{task.evaluation}.run").Evaluation
