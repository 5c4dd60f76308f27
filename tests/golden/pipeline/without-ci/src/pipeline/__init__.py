"""Files in, summaries out: an API that answers at once, and a consumer that works later."""
