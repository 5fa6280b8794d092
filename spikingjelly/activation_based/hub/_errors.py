"""What is wrong with a folder that was given."""


class HubError(ValueError):
    """A folder, a description or weights that can't be loaded; the message tells what to do."""
