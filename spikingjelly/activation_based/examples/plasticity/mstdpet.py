""":mod:`spikingjelly.activation_based.examples.mstdpet` under its name in the 2.0 releases."""

from spikingjelly.activation_based.examples.mstdpet import main, parse

__all__ = ["main", "parse"]

if __name__ == "__main__":
    main()
