"""Thousands of malformed inputs, and what the package does with them."""
