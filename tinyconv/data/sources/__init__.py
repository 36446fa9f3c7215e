"""Facts about data sets and weights: where they come from, whose they are, and what tinyconv makes of them."""
