"""Run folders: start rules, manifest, finished runs, atomic files."""
