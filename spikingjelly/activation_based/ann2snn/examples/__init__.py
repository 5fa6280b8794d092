"""Programs that train a network, convert it, and show what became of it."""
