"""``python -m cfpy``."""

from __future__ import annotations

from cfpy.cli.app import main

if __name__ == "__main__":
    main()
