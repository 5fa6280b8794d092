"""What is wrong with a folder that was given."""


class HubError(ValueError):
    """A folder, a description or weights that can't be loaded; the message tells what to do."""


def first_line(error: BaseException) -> str:
    """Of the message of a library, without its full stop, at most 200 characters."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0].strip().rstrip(".")
    return text if len(text) <= 200 else text[:197] + "..."
