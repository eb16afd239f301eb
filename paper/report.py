"""Files of a result: table, figures, picture and card, all or none."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from paper.card import format_card


def write_report(folder, stem, results, table, draw=None):
    """Write the files of a result; an interrupted command leaves no file half written.

    Parameters
    ----------
    folder : path-like
        Created if it is missing.
    stem : str
        How the names of all files begin.
    results : dict
        All figures, with the "card".
    table : str
        reStructuredText.
    draw : callable, default=None
        ``draw(path=path)`` saves a picture as PNG.

    Returns
    -------
    paths : list of Path
        The files. The JSON comes last: where it exists, the others do too.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(results, indent=1, allow_nan=False)  # before anything is written
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished_") as scratch:
        scratch = Path(scratch)
        (scratch / f"{stem}.rst").write_text(table.strip() + "\n", encoding="utf-8")
        card = format_card(results["card"])
        (scratch / f"{stem}_card.rst").write_text(card + "\n", encoding="utf-8")
        if draw is not None:
            draw(path=scratch / f"{stem}.png")
        (scratch / f"{stem}.json").write_text(content + "\n", encoding="utf-8")
        made = sorted(scratch.iterdir(), key=lambda path: path.suffix == ".json")
        return [_move(path, folder / path.name) for path in made]


def write_atomically(path, data):
    """Write bytes so that the file is always whole, the old one or the new one."""
    path = Path(path)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".unfinished_", delete=False) as file:
        try:
            file.write(data)
            file.close()
            os.replace(file.name, path)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _move(source, target):
    if source.is_dir():  # sounds beside the table
        shutil.rmtree(target, ignore_errors=True)
    os.replace(source, target)
    return target
