"""The only prediction loop: networks over clips of any length, whole, in chunks, as a stream."""
