"""Search for what a model uses instead of the objects."""
