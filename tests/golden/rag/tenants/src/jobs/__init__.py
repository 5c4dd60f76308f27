"""Jobs that a queue delivers, at least once: claims, waits, a sweep, files from addresses."""
