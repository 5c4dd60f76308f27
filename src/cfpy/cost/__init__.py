"""What a month costs: the price book, what a Worker uses, and the same on rented servers."""
