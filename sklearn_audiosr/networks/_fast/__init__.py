"""Fast convolutions on a CPU: ways to compute them, and the choice among these."""
