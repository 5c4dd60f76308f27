"""The files of a project: read, checked, and edited as text."""
