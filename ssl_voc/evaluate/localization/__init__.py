"""Evaluation of the task `localize`."""
