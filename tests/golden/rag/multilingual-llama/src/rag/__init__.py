"""Question answering over your own documents, with sources."""
