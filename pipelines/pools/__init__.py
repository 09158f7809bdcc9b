"""Prepared photos in memory or on disk, and batches of them."""
