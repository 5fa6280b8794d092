"""``python -m spikingjelly``: networks in files, exported and looked into."""

from spikingjelly import _command_line


def main() -> None:
    """Run the command."""
    _command_line.run("spikingjelly", "spikingjelly._command.app")


if __name__ == "__main__":
    main()
