"""The only prediction loop: clips of any length, whole, in chunks or as a stream."""
