"""Errors of model files."""

import os

_DAMAGED = "It is damaged, or save() did not write it: save or download it again."


class ModelFileError(ValueError):
    """Raised for a file that `load` refuses.

    The file is damaged, is no model file, or has a format that this version can't read.

    Parameters
    ----------
    path : path-like
        The file.
    problem : str
        What is wrong with it.
    remedy : str
        What to do about it.

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

    def __init__(self, path: os.PathLike[str] | str, problem: str, remedy: str) -> None:
        super().__init__(path, problem, remedy)  # all three, or it could not be pickled
        self.path, self.problem, self.remedy = path, problem, remedy

    def __str__(self) -> str:
        return f"{self.path!r} can't be loaded: {self.problem}. {self.remedy}"


class ProblemError(Exception):
    """Raised for a problem with a file whose name is not known yet: becomes a `ModelFileError`.

    Parameters
    ----------
    problem : str
        What is wrong.
    remedy : str
        What to do if the problem was found by loading a file.
    """

    way_to_save = "Undo what was changed since the fit, or fit again."

    def __init__(self, problem: str, remedy: str = _DAMAGED) -> None:
        super().__init__(problem)
        self.way_to_load = remedy
