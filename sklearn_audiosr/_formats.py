"""Containers and sample formats of the sound files that are written."""

# Formats that hold values beyond [-1, 1]; in some others these would wrap round.
_UNBOUNDED = {
    *("FLOAT", "DOUBLE", "VORBIS", "OPUS"),
    *("MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"),
}

# Formats of a source that its result has, too. Others (mu-law, GSM, ADPCM, MP3 inside a WAV file)
# leave too little of a highband, or hide it in noise.
_KEPT = {
    *("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
    *("ALAC_16", "ALAC_20", "ALAC_24", "ALAC_32", "DWVW_16", "DWVW_24"),
}

# Bytes of a value; 8 are more than any other format takes.
_N_BYTES = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4}

# Sizes in a WAV header have 32 bits; RF64 is the same container with 64. Some room for the header.
_MAX_WAV_BYTES = 2**32 - 2**16


def open_writer(path, target, reader, rate):
    """Open `path` to be written at `rate`, in the format that the file `target` will have."""
    import soundfile

    container, subtypes = _find_format(reader, target, rate)
    for subtype in subtypes:
        try:
            return soundfile.SoundFile(path, "w", rate, reader.channels, subtype, None, container)
        except soundfile.LibsndfileError as error:  # some that are listed are not written
            reason = error
    raise ValueError(
        f"target must be a container for {reader.channels} channels at {rate} Hz, got "
        f"{target.name}, {container} with {subtype} ({reason.error_string}): take .wav."
    ) from reason


def _find_format(reader, target, rate):
    """Container of the target, and formats to try: the source's own, if good, then the usual."""
    import soundfile

    suffix = target.suffix.lstrip(".").upper()
    container = {"AIF": "AIFF", "OGA": "OGG", "OPUS": "OGG"}.get(suffix, suffix)
    if container not in soundfile.available_formats():
        raise ValueError(
            f"target must have the suffix of a sound file, got {target.name!r}: .wav or .flac, "
            "for example."
        )
    usual = "OPUS" if suffix == "OPUS" else soundfile.default_subtype(container)
    subtypes = [usual]
    if reader.subtype in _KEPT.intersection(soundfile.available_subtypes(container)):
        subtypes = [reader.subtype, usual]
    n_values = reader.frames * reader.channels * rate // reader.samplerate
    n_bytes = max(_N_BYTES.get(subtype, 8) for subtype in subtypes) * n_values
    if container == "WAV" and n_bytes > _MAX_WAV_BYTES:
        container = "RF64"
    return container, subtypes


def is_bounded(subtype):
    """Tell whether a sample format holds no values beyond [-1, 1]."""
    return subtype not in _UNBOUNDED
