"""Evaluation of the task `detect`."""
