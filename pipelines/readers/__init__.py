"""Readers of photos and labels, one per format."""
