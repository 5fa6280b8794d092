"""Instructions in the spelling of a target language: one row for each instruction."""
