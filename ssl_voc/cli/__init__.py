"""Typed options, `--config` files, errors and the body of every command."""
