"""What Workers AI takes and gives, free of the runtime."""
