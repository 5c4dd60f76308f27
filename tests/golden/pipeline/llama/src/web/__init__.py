"""The Worker's HTTP layer: requests and replies, errors, who may call, one log line each."""
