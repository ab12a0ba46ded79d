"""State dicts read here, and what PyTorch itself answered with the same weights."""
