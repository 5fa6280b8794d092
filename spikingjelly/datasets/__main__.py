"""``python -m spikingjelly.datasets``: what data sets there are, what they need, whether their files are sound."""

import sys


def main() -> None:
    """Run the command."""
    try:
        import typer  # noqa: F401
    except ImportError as error:
        sys.exit(
            f"python -m spikingjelly.datasets needs typer, which can't be imported ({error}). "
            'Install it with: pip install "spikingjelly[cli]"'
        )
    from spikingjelly.datasets._command.app import app

    app(prog_name="python -m spikingjelly.datasets")


if __name__ == "__main__":
    main()
