"""The examples of plasticity, under the names of the 2.0 releases."""
