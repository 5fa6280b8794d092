"""``python -m spikingjelly``: networks in files, exported and looked into."""

import sys


def main() -> None:
    """Run the command."""
    try:
        import typer  # noqa: F401
    except ImportError as error:
        sys.exit(
            f"python -m spikingjelly needs typer, which can't be imported ({error}). "
            'Install it with: pip install "spikingjelly[cli]"'
        )
    from spikingjelly._command.app import app

    app(prog_name="python -m spikingjelly")


if __name__ == "__main__":
    main()
