"""Pure values and functions: no process, no network, no clock."""
