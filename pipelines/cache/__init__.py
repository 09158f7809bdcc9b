"""Prepared photos on disk."""
