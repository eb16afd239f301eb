"""Fast convolutions on a CPU: the ways to compute them, and the choice among them."""
