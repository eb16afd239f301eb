"""One estimator a file, what they share, and heads: what the outputs of a network mean."""
