"""The frameworks (one file each, with the same functions) and the work that they are timed on."""
