"""Published networks; each takes the class of its neurons, and its step mode as any other network."""
