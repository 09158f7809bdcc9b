"""Curves, charts and contact sheets."""
