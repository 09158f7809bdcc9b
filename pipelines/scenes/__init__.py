"""A data set of drawn scenes."""
