"""Curves, charts and photo sheets."""
