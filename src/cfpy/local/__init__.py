"""Runs and tests a project on this machine."""
