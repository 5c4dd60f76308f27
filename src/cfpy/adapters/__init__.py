"""Everything outside cfpy: processes, files, packages, servers."""
