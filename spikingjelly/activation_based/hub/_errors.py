"""What is wrong with a folder that was given."""


class HubError(ValueError):
    """A folder, a description or weights that can't be loaded; the message tells what to do."""


def on_one_line(error: BaseException) -> str:
    """The message of a library without its line breaks and its full stop, at most 200 characters."""
    text = (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
    return text if len(text) <= 200 else text[:197] + "..."
