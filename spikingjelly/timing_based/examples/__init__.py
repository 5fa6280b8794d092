"""Programs that train networks of spike times; run them with ``python -m``."""
