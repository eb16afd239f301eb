"""The package as a whole: what an import loads, which way imports run, what is public."""

import ast
import importlib
import importlib.util
import inspect
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest

import sklearn_audiosr

PACKAGE = "sklearn_audiosr"
ROOT = Path(sklearn_audiosr.__file__).parent

# Folders that use the package as its rooms use each other.
OUTSIDE = ("benchmarks", "paper", "recipes", "tools")

PUBLIC_MODULES = [
    "sklearn_audiosr",
    "sklearn_audiosr.augmentation",
    "sklearn_audiosr.datasets",
    "sklearn_audiosr.degradation",
    "sklearn_audiosr.listening",
    "sklearn_audiosr.metrics",
    "sklearn_audiosr.networks",
]

LIGHT_IMPORTS = """
import sys
import numpy as np
import sklearn_audiosr
import sklearn_audiosr.augmentation, sklearn_audiosr.datasets, sklearn_audiosr.degradation
import sklearn_audiosr.listening, sklearn_audiosr.metrics, sklearn_audiosr.networks

wideband = np.sin(0.1 * np.arange(64)).reshape(2, 32)
sklearn_audiosr.SplineUpsampler().fit(wideband[:, ::2], wideband).predict(wideband[:, ::2])
sklearn_audiosr.networks.AudioUNet(n_blocks=2)
sklearn_audiosr.augmentation.ChangeSpeed(1.1).fit_transform(wideband)
heavy = {"matplotlib", "pooch", "requests", "soundfile", "soxr", "torch", "tqdm", "pesq", "pystoi",
         "safetensors"}
print(*sorted(heavy.intersection(sys.modules)))
"""


def module_name(path):
    """Return the dotted name of a file inside the package, "" for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def load_drawing():
    """Import docs/draw_rooms.py, which reads the list of rooms too."""
    path = Path(__file__).parents[1] / "docs" / "draw_rooms.py"
    spec = importlib.util.spec_from_file_location("draw_rooms", path)
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    return drawing


DRAWING = load_drawing()
ROOMS = list(DRAWING.read_rooms())


def room_of(name):
    """Return the room of a module: its first name."""
    return name.partition(".")[0]


def imports(path):
    """Yield the absolute dotted name of everything that a file imports, inside functions too."""
    package = path.relative_to(ROOT.parent).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def modules_of(path):
    """Return the modules of the package that a file imports, by their names inside it."""
    modules = set()
    for name in imports(path):
        head, _, inside = name.partition(".")
        if head == PACKAGE:
            # from ._clips import check_pairs: the last word is a module or a name in one
            modules.add(inside if inside in MODULES else inside.rpartition(".")[0])
    return modules


def test_light_work_loads_no_heavy_library():
    done = subprocess.run(
        [sys.executable, "-c", LIGHT_IMPORTS], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_list_of_rooms_is_complete():
    assert sorted(ROOMS) == sorted({room_of(name) for name in MODULES})


def test_rooms_import_only_rooms_above_them_in_the_list():
    wrong = [
        f"{name or PACKAGE} imports {other}"
        for name, path in MODULES.items()
        for other in sorted(modules_of(path))
        if ROOMS.index(room_of(other)) > ROOMS.index(room_of(name))
    ]
    assert not wrong, f"docs/rooms.toml has these the other way round: {wrong}"


def test_imports_have_no_circle():
    graph = {name: modules_of(path) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(error.args[1])}")


def test_clips_import_numpy_and_sklearn_utils_only():
    def allowed(name):
        root = name.partition(".")[0]
        own = name.startswith(f"{PACKAGE}._clips.")
        return (
            own or root in {"numpy", *sys.stdlib_module_names} or name.startswith("sklearn.utils")
        )

    inside = [
        name
        for module, path in MODULES.items()
        if room_of(module) == "_clips"
        for name in imports(path)
    ]
    assert [name for name in inside if not allowed(name)] == []


def test_version_is_the_installed_one():
    installed = version("sklearn-audiosr")
    assert installed == sklearn_audiosr.__version__, "install again: touch pyproject.toml"


@pytest.mark.parametrize("module_name", PUBLIC_MODULES)
def test_public_names_exist(module_name):
    module = importlib.import_module(module_name)
    absent = [name for name in module.__all__ if not hasattr(module, name)]
    assert not absent, f"{module_name}.__all__ promises what is not there: {absent}"


def test_arrows_in_the_drawing_of_the_rooms_lead_down_between_the_rooms():
    imports = DRAWING.read_imports(ROOT)
    arrows = DRAWING.leave_out_indirect(imports)
    routes, centres, height = DRAWING.place(imports, arrows)
    assert set(ROOMS) <= set(centres)
    assert [(route[0], route[-1]) for route in routes] == arrows
    for route in routes:
        heights = [centres[item][1] for item in route]
        assert heights == sorted(heights)
        assert heights[-1] < height
    places = sorted((y, x, isinstance(item, str)) for item, (x, y) in centres.items())
    for (y, x, is_room), (next_y, next_x, next_is_room) in pairwise(places):
        half = sum(DRAWING.WIDTH if room else 0 for room in (is_room, next_is_room)) / 2
        assert y < next_y or x + half < next_x


@pytest.mark.parametrize("module_name", PUBLIC_MODULES)
def test_public_names_have_a_docstring_with_an_example(module_name):
    module = importlib.import_module(module_name)
    public = {name: getattr(module, name) for name in module.__all__}
    plain = [
        name
        for name, value in public.items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and not documented(value.__doc__, has_parameters=bool(inspect.signature(value).parameters))
    ]
    assert not plain, f"{module_name}: give a numpydoc docstring with Examples to {plain}"


def documented(docstring, *, has_parameters):
    """Return whether a docstring has the sections that every public name needs."""
    text = inspect.cleandoc(docstring or "")
    needed = ["Examples", "Parameters"] if has_parameters else ["Examples"]
    return all(f"\n\n{title}\n{'-' * len(title)}\n" in text for title in needed)


def test_no_file_takes_private_names_of_another_room():
    outside = [path for folder in OUTSIDE for path in sorted((ROOT.parent / folder).glob("*.py"))]
    assert {path.parent.name for path in outside} == set(OUTSIDE)
    taken = [
        f"{path.relative_to(ROOT.parent)}: {name}"
        for path in [*MODULES.values(), *outside]
        for name in private_names(path)
    ]
    assert not taken, f"give these a public name in the room that has them: {taken}"


def private_names(path):
    """Yield the private names that a file imports from other rooms, or takes of other objects."""
    own = [PACKAGE, room_of(module_name(path))] if ROOT in path.parents else [path.parent.name]
    for name in imports(path):
        parts = name.split(".")
        if parts[: len(own)] == own or parts[0] not in (PACKAGE, *OUTSIDE):
            continue
        inside = parts[2:] if parts[0] == PACKAGE else parts[1:]  # a room may be private itself
        if any(map(is_private, inside)):
            yield name
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and ROOT not in path.parents:
            if ast.unparse(node.value) not in ("self", "cls"):
                yield ast.unparse(node)


def is_private(name):
    """Return whether a name begins with an underscore, other than __init__ and its like."""
    return name.startswith("_") and not name.endswith("__")


def lines_of_code(tree, text):
    """Count the lines of a file, but for the docstrings of classes and their methods."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    methods = [n for cls in classes for n in cls.body if isinstance(n, ast.FunctionDef)]
    texts = [ast.get_docstring(node, clean=False) or "" for node in [*classes, *methods]]
    return len(text.splitlines()) - sum(len(t.splitlines()) for t in texts)


def longest_body(tree):
    """Return the lines of the longest function, without its docstring."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    bodies = [f.body[1:] if ast.get_docstring(f) else f.body for f in functions]
    return max((body[-1].end_lineno - body[0].lineno + 1 for body in bodies if body), default=0)


def test_files_and_functions_are_short_and_few_modules_lie_flat():
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    assert [name for name in trees if lines_of_code(trees[name], texts[name]) > 300] == []
    assert [name for name, tree in trees.items() if longest_body(tree) > 40] == []
    assert len(list(ROOT.glob("*.py"))) <= 6


def test_a_learned_estimator_has_few_hooks_and_the_loop_few_parameters():
    from sklearn_audiosr._estimators.learned import LearnedUpsampler
    from sklearn_audiosr._training.loop import train

    own = [sklearn_audiosr.AudioSuperResolver, sklearn_audiosr.DNNBandwidthExtender]
    methods = {n for n, value in vars(LearnedUpsampler).items() if inspect.isfunction(value)}
    hooks = {n for cls in own for n in methods & set(vars(cls)) if n.startswith("_")} - {"__init__"}
    assert len(hooks) <= 8, hooks
    undocumented = [n for n in hooks if not inspect.getdoc(getattr(LearnedUpsampler, n))]
    assert undocumented in ([], ["_open_stages"])  # documented in the base class
    assert len(inspect.signature(train).parameters) <= 8


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process")
def test_a_file_of_tests_goes_to_one_worker(request):
    """pytest 9.2 ignores the groups of pytest-xdist 3.8: fixtures were made by each worker."""
    assert request.node.nodeid.endswith("@test_package.py")
