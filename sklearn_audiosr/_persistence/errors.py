"""What can be wrong with a file."""

_DAMAGED = "It is damaged, or save() did not write it: save or download it again."


class ModelFileError(ValueError):
    """A file that `load` refuses: damaged, of another kind, or of a version that it can't read.

    Parameters
    ----------
    path : str
        The file.
    problem : str
        What is wrong.
    remedy : str
        What to do.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_audiosr import ModelFileError, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "notes.txt")
    ...     path.write_text("Buy milk.") and None
    ...     try:
    ...         load(path)
    ...     except ModelFileError as error:
    ...         print(error.problem)
    it is no safetensors file
    """

    def __init__(self, path, problem, remedy):
        super().__init__(path, problem, remedy)  # all three, or it could not be pickled
        self.path, self.problem, self.remedy = path, problem, remedy

    def __str__(self):
        return f"{self.path!r} can't be loaded: {self.problem}. {self.remedy}"


class ProblemError(Exception):
    """What is wrong with a file, before its name is known; it becomes a `ModelFileError`.

    Parameters
    ----------
    problem : str
        What is wrong.
    remedy : str
        What to do if it was met in loading.
    """

    way_to_save = "Undo what was changed since the fit, or fit again."

    def __init__(self, problem, remedy=_DAMAGED):
        super().__init__(problem)
        self.way_to_load = remedy
