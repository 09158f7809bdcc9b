"""Decoding, resizing and hashing of single images."""
