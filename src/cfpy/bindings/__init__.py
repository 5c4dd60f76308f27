"""Kinds of bindings, and what adds one to a project."""
