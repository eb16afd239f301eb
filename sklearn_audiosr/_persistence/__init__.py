"""Model files: safetensors and JSON, read as data, with no code to run."""
