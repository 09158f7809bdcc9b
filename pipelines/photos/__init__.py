"""Photos, their objects and tables of them."""
