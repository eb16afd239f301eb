"""The only training loop and its parts."""
