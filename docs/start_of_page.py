"""Run in the kernel before the first cell of a page; ``docs/build.py`` names it as ``PYTHONSTARTUP``.

An error that is the point of a cell shows its message, not the calls that led to it. One that nobody expected ends the
build, whose report has the calls too. Nothing is left among the names of the page.
"""


def _errors_are_messages(shell):  # type: ignore[no-untyped-def]
    import textwrap

    def show(shell, kind, error, traceback, tb_offset=None):  # type: ignore[no-untyped-def]
        message = f"{kind.__name__}: {error}"
        shell._showtraceback(kind, error, [line for text in message.splitlines() for line in textwrap.wrap(text, 88)])
        shell._last_traceback = shell.InteractiveTB.structured_traceback(kind, error, traceback, tb_offset=tb_offset)
        return shell._last_traceback

    shell.set_custom_exc((Exception,), show)


_errors_are_messages(get_ipython())  # type: ignore[name-defined]  # noqa: F821
del _errors_are_messages
