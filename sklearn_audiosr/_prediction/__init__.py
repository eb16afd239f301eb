"""Networks over clips of any length: whole, in chunks, and as a stream."""
