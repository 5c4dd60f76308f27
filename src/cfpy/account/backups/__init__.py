"""Backups of an environment's data: what one has, how it is written, listed and restored."""
