"""Pure values and functions: no processes, no network, no clock."""
