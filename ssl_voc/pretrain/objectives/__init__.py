"""Objectives of pretraining and their registry."""
