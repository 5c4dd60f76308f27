"""cfpy: from nothing to a production-grade Python application on Cloudflare's edge."""

from __future__ import annotations

__version__ = "0.1.0"
