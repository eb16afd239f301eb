"""Waveforms without learning: interpolation, the polyphase Wiener filter, where a band ends."""
