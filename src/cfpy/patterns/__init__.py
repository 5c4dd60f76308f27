"""What a pattern is: found, composed, rendered, checked, tested, updated."""
