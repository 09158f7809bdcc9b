"""Command line: typed options, config files, errors, exit status."""
