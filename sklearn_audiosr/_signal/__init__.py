"""Waveforms without learning: interpolation, polyphase Wiener filter, effective bandwidth."""
