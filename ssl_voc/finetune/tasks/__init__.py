"""Tasks of fine-tuning and their registry."""
