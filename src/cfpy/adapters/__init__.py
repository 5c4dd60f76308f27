"""Everything that touches the world outside: processes, files, packages, servers."""
