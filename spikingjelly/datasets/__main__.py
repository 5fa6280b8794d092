"""``python -m spikingjelly.datasets``: what data sets there are, what they need, whether their files are sound."""

from spikingjelly import _command_line


def main() -> None:
    """Run the command."""
    _command_line.run("spikingjelly.datasets", "spikingjelly.datasets._command.app")


if __name__ == "__main__":
    main()
