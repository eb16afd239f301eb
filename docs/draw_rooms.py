"""Draw the rooms of the package and the way of a clip as SVG in the theme's own colours.

The rooms come from rooms.toml, the arrows between them from the modules' import statements, both
when the documentation is built.
"""

import ast
import tomllib
from html import escape
from itertools import pairwise
from pathlib import Path

PACKAGE = "sklearn_audiosr"

# The list of rooms, lowest first: tests/test_package.py holds the imports against the same file.
ROOMS = Path(__file__).with_name("rooms.toml")

COLUMN, ROW, WIDTH, HEIGHT = 152, 92, 142, 38
N_COLUMNS = 6

STYLE = """
<style>
.rooms { width: 100%; max-width: 980px; height: auto; display: block; margin: 1rem auto; }
.rooms rect { fill: var(--pst-color-surface); stroke: var(--pst-color-text-muted); }
.rooms rect.public { stroke: var(--pst-color-primary); stroke-width: 2.5; }
.rooms text { fill: var(--pst-color-text-base); font: 15px var(--pst-font-family-monospace);
  text-anchor: middle; dominant-baseline: central; }
.rooms text.label { font-family: var(--pst-font-family-base); }
.rooms text.note { font: italic 13px var(--pst-font-family-base);
  fill: var(--pst-color-text-muted); }
.rooms .arrow { stroke: var(--pst-color-text-muted); stroke-width: 1.3; fill: none; }
.rooms .head { fill: var(--pst-color-text-muted); stroke: none; }
</style>
"""

ARROW = """<defs><marker id="{id}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"
markerHeight="8" orient="auto"><path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>"""


def read_rooms():
    """Return what each room holds, by its name, lowest first."""
    rooms = tomllib.loads(ROOMS.read_text(encoding="utf-8"))["room"]
    return {room["name"]: room["holds"] for room in rooms}


def read_imports(folder):
    """Return for each room the rooms that it imports, inside functions too."""
    rooms = {}
    for path in sorted(folder.rglob("*.py")):
        room = _room(path.relative_to(folder).with_suffix("").parts)
        used = rooms.setdefault(room, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
                inside = node.module.split(".")[1:]
                # from sklearn_audiosr import networks: a folder of that name is a room
                rooms_named = [[n.name] for n in node.names if (folder / n.name).is_dir()]
                used |= {_room(parts) for parts in ([inside] if inside else rooms_named or [[]])}
        used.discard(room)
    return rooms


def _room(parts):
    return "" if not parts or parts[0] == "__init__" else parts[0]


def leave_out_indirect(rooms):
    """Keep only the imports that no chain of other imports implies."""

    def reachable(start, without):
        found, todo = set(), [room for room in rooms[start] if room != without]
        while todo:
            room = todo.pop()
            if room not in found:
                found.add(room)
                todo += rooms[room]
        return found

    return sorted((a, b) for a in rooms for b in rooms[a] if b not in reachable(a, b))


def draw_rooms(folder):
    """Return the rooms and their imports as an SVG element."""
    imports = read_imports(folder)
    if set(imports) != set(read_rooms()):
        raise ValueError(f"docs/rooms.toml must name {sorted(imports)}")
    arrows = leave_out_indirect(imports)
    centres, height = place(imports, arrows)
    parts = [ARROW.format(id="import")]
    for importing, imported in arrows:
        (x1, y1), (x2, y2) = centres[importing], centres[imported]
        parts.append(
            f'<path class="arrow" marker-end="url(#import)" '
            f'd="M{x1} {y1 + HEIGHT / 2} L{x2} {y2 - HEIGHT / 2 - 2}"/>'
        )
    for room, (x, y) in centres.items():
        public = "" if room.startswith("_") else "public"
        parts.append(_box(x, y, WIDTH, HEIGHT, room or PACKAGE, public))
    title = "The rooms of the package; an arrow leads from a room to one that it imports"
    return _svg(title, N_COLUMNS * COLUMN, height, parts)


def place(imports, arrows):
    """Return the centre of each room, below all that import it, and the height of the picture."""
    floors = {}
    for room in read_rooms():  # lowest first: what it imports has its floor already
        floors[room] = 1 + max((floors[other] for other in imports[room]), default=-1)
    highest, centres = max(floors.values()), {}
    for floor in range(highest, -1, -1):
        # each below the middle of those that import it, so that arrows rarely cross
        row = sorted(
            (room for room in floors if floors[room] == floor),
            key=lambda room: _mean([centres[a][0] for a, b in arrows if b == room]),
        )
        for i, room in enumerate(row):
            x = (i + 0.5) * N_COLUMNS * COLUMN / len(row)
            centres[room] = x, (highest - floor) * ROW + HEIGHT / 2 + 5
    return centres, highest * ROW + HEIGHT + 10


def _mean(values):
    return sum(values) / len(values) if values else 0


def draw_way(title, steps):
    """Return a chain of (label, room) as an SVG element, five steps a row."""
    per_row, step, width, height, row = 5, 196, 164, 56, 98
    ident = "way-" + "".join(c for c in title.lower() if c.isalpha())[:12]
    parts = [ARROW.format(id=ident)]
    centres = [
        (width / 2 + 5 + i % per_row * step, height / 2 + 5 + i // per_row * row)
        for i in range(len(steps))
    ]
    for (x1, y1), (x2, y2) in pairwise(centres):
        if y1 == y2:
            path = f"M{x1 + width / 2} {y1} L{x2 - width / 2 - 2} {y2}"
        else:  # from the end of a row to the start of the next
            middle = (y1 + y2) / 2
            path = f"M{x1} {y1 + height / 2} V{middle} H{x2} V{y2 - height / 2 - 2}"
        parts.append(f'<path class="arrow" marker-end="url(#{ident})" d="{path}"/>')
    for (label, room), (x, y) in zip(steps, centres, strict=True):
        parts.append(_box(x, y, width, height, "", "" if room else "public"))
        parts.append(
            f'<text class="label" x="{x}" y="{y - (11 if room else 0)}">{escape(label)}</text>'
        )
        parts.append(f'<text x="{x}" y="{y + 12}">{escape(room)}</text>' if room else "")
    n_rows = -(-len(steps) // per_row)
    return _svg(
        title, per_row * step - (step - width) + 10, (n_rows - 1) * row + height + 12, parts
    )


def _box(x, y, width, height, label, css_class):
    return (
        f'<rect class="{css_class}" x="{x - width / 2}" y="{y - height / 2}" width="{width}" '
        f'height="{height}" rx="6"/><text x="{x}" y="{y}">{escape(label)}</text>'
    )


def _svg(title, width, height, parts):
    return (
        f'<svg class="rooms" viewBox="0 0 {width} {height}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


TRAINING = [
    ("Y, wideband", ""),
    ("low-pass, decimate", "degradation"),
    ("X, narrowband", ""),
    ("check, float32", "_clips"),
    ("hold out, scale", "_estimators"),
    ("to wideband length", "_signal"),
    ("draw patches", "_training"),
    ("forward", "networks"),
    ("loss of the head", "_estimators"),
    ("step, keep the best", "_training"),
]

PREDICTION = [
    ("X, narrowband", ""),
    ("check, float32", "_clips"),
    ("batches, chunks", "_prediction"),
    ("scale", "_estimators"),
    ("to wideband length", "_signal"),
    ("forward", "networks"),
    ("cut the context", "_prediction"),
    ("head, undo the scale", "_estimators"),
    ("same container", "_clips"),
    ("Y, wideband", ""),
]

STREAM = [
    ("chunk, narrowband", ""),
    ("check, pieces", "_prediction"),
    ("scale", "_estimators"),
    ("to wideband length", "_signal"),
    ("run what is there", "_prediction"),
    ("layer by layer", "networks"),
    ("head, undo the scale", "_estimators"),
    ("join", "_prediction"),
    ("audio, wideband", ""),
]


def list_rooms():
    """Return the rooms and what they hold as a definition list in reStructuredText."""
    rooms = {name or PACKAGE: holds for name, holds in read_rooms().items()}
    text = "\n".join(f"``{name}``\n   {holds}." for name, holds in rooms.items())
    return text + "\n"


def write(folder, out):
    """Write the four drawings as files that pages include."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    drawings = {
        "rooms": STYLE + draw_rooms(Path(folder)),
        "way_training": draw_way("The way of a clip in fit", TRAINING),
        "way_prediction": draw_way("The way of a clip in predict", PREDICTION),
        "way_stream": draw_way("The way of a chunk through a stream", STREAM),
    }
    for name, text in drawings.items():
        (out / f"{name}.html").write_text(text, encoding="utf-8")
    (out / "rooms.rst").write_text(list_rooms(), encoding="utf-8")
