"""Whether other frameworks give the same spikes for the same NIR file, in both directions."""
