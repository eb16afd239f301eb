"""Containers and sample formats of the sound files that are written."""

# Formats that hold values beyond [-1, 1]; in some others these would wrap round.
_UNBOUNDED = {
    *("FLOAT", "DOUBLE", "VORBIS", "OPUS"),
    *("MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"),
}

# Formats of a source, and those that its result has. Others (mu-law, GSM, ADPCM, MP3 inside a WAV
# file) leave too little of a highband, or hide it in noise. libsndfile writes ALAC of two channels
# beyond its memory.
_KEPT = {
    **{name: name for name in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")},
    **{"DWVW_16": "DWVW_16", "DWVW_24": "DWVW_24"},
    **{"ALAC_16": "PCM_16", "ALAC_20": "PCM_24", "ALAC_24": "PCM_24", "ALAC_32": "PCM_32"},
}

# Suffixes that are not the names of their containers.
_OTHER_SUFFIXES = {"AIF": "AIFF", "AIFC": "AIFF", "OGA": "OGG", "OPUS": "OGG", "SND": "AU"}

# Containers whose files don't tell a rate, or tell another one than was asked for.
_WITHOUT_RATE = {"HTK", "RAW", "SD2", "SDS", "WVE", "XI"}

# Highest rates in Hz: beyond it libvorbis crashes and Opus is not written, and the others tell what
# is left in 16 bits.
_HIGHEST_RATES = {"OGG": 192000, "SVX": 65535, "MPC2K": 65535}

# Bytes of a value; 8 are more than any other format takes.
_N_BYTES = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4}

# Headers of 24 bits in PAF round the frames up to a multiple of so many.
_N_ROUNDED = 10

# Frames that are read at a time.
_N_READ = 2**16

# Sizes in a WAV header have 32 bits; RF64 is the same container with 64. Some room for the header.
_MAX_WAV_BYTES = 2**32 - 2**16


def open_writer(path, target, reader, rate):
    """Open `path` to be written at `rate`, in the format that the file `target` will have."""
    import soundfile

    from sklearn_audiosr._files.reading import openable

    container, usual = find_container(target, rate)
    subtypes = [usual]
    kept = _KEPT.get(reader.subtype)
    if usual != "OPUS" and kept in soundfile.available_subtypes(container):
        subtypes = [kept, usual]
    if container == "WAV" and _count_bytes(reader, rate, subtypes) > _MAX_WAV_BYTES:
        container = "RF64"
    options = (rate, reader.channels)
    for subtype in subtypes:
        try:
            return soundfile.SoundFile(openable(path), "w", *options, subtype, None, container)
        except soundfile.LibsndfileError as error:  # some that are listed are not written
            reason = error
    if reason.error_string.startswith("System error"):
        raise OSError(f"{target} can't be written: check its folder, rights and space") from reason
    raise ValueError(
        f"target must be a container for {reader.channels} channels at {rate} Hz, got "
        f"{target.name}, {container} with {subtype} ({reason.error_string}): take .wav."
    ) from reason


def write_block(writer, block):
    """Write frames, an array (n_frames, n_channels), or raise OSError."""
    import soundfile

    try:
        writer.write(block)
    except (soundfile.LibsndfileError, AssertionError) as error:  # fewer than there are
        raise OSError("target can't be written to the end: check the space on its disk") from error


def check_written(path, target, n_frames):
    """Raise OSError unless the file at `path` holds so many frames, to the last.

    What an encoder keeps back until a file is closed may find no room on the disk, and nobody tells
    then.
    """
    import soundfile

    from sklearn_audiosr._files.reading import SequentialReader

    try:
        with SequentialReader(path) as file:
            is_whole = n_frames <= file.frames < n_frames + _N_ROUNDED and (
                _has_frame(file, n_frames - 1) or _count_frames(path) >= n_frames
            )
    except soundfile.LibsndfileError:
        is_whole = False
    if not is_whole:
        raise OSError(f"{target} can't be written whole: check the space on its disk, or take .wav")


def _has_frame(file, index):
    """Tell whether a frame can be sought and read; in some formats none can."""
    import soundfile

    try:
        file.seek(index)
        return len(file.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _count_frames(path):
    """Frames of a file that can be read one after the other."""
    from sklearn_audiosr._files.reading import SequentialReader

    n_frames = 0
    with SequentialReader(path) as file:
        while n_read := len(file.read(_N_READ)):
            n_frames += n_read
    return n_frames


def find_container(target, rate):
    """Container of the target by its suffix, and its usual sample format."""
    import soundfile

    suffix = target.suffix.lstrip(".").upper()
    container = _OTHER_SUFFIXES.get(suffix, suffix)
    if container not in soundfile.available_formats() or container in _WITHOUT_RATE:
        raise ValueError(
            "target must have the suffix of a sound file that holds any rate, got "
            f"{target.name!r}: .wav or .flac, for example."
        )
    highest = _HIGHEST_RATES.get(container, rate)
    if rate > highest:
        raise ValueError(
            f"target must be a container for {rate} Hz, got {target.name}, which holds "
            f"{highest} Hz at most: take .wav."
        )
    return container, "OPUS" if suffix == "OPUS" else soundfile.default_subtype(container)


def _count_bytes(reader, rate, subtypes):
    """Bytes of the result at most; none if the length of the source is not known."""
    from sklearn_audiosr._files.reading import tells_length

    if not tells_length(reader):
        return 0
    n_values = reader.frames * reader.channels * rate // reader.samplerate
    return max(_N_BYTES.get(subtype, 8) for subtype in subtypes) * n_values


def is_bounded(subtype):
    """Tell whether a sample format holds no values beyond [-1, 1]."""
    return subtype not in _UNBOUNDED
