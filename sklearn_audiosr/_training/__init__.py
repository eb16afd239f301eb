"""The only training loop, and what serves it."""
