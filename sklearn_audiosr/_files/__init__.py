"""Sound files of any length: reading, writing, formats, and `upsample_file` in bounded memory."""
