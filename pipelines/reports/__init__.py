"""Reports of what a data set holds."""
