"""The former home of neurons with a compiled loop over time; all neurons have one now."""
