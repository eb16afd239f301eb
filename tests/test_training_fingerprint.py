"""Fingerprints: two parameters share a text only if their contents are equal."""

import abc
import copy
import dataclasses
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from functools import cache, cached_property, partial, wraps
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator

from sklearn_audiosr._training.fingerprint import (
    describe,
    describe_clips,
    describe_parameters,
    describe_weights,
)

TESTS = Path(__file__).parent


def test_numbers_of_numpy_are_the_same_parameters():
    plain = describe_parameters({"random_state": 0, "learning_rate": 1e-4})
    numpy = {"random_state": np.int64(0), "learning_rate": np.float64(1e-4)}
    assert describe_parameters(numpy) == plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (0.003, "0.003"),
        ("mse", "mse"),
        (True, "True"),
        ([16, np.int64(8)], "(16, 8)"),
        ((16, 8), "(16, 8)"),
        ({"phase": "imaged", "layers": (2,)}, "phase=imaged, layers=(2)"),
    ],
)
def test_plain_values_are_shown(value, expected):
    assert describe(value) == expected


def test_what_may_change_is_left_out():
    kept = describe_parameters(
        {
            "verbose": 1,
            "max_epochs": 3,
            "warm_start": True,
            "highband_gain": 0.5,
            "lowband": "keep",
            "checkpoint": "a",
            "batch_size": 4,
        }
    )
    assert kept == {"batch_size": "4"}


class Model:
    """As users write them."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def log_prob(self, y, output):
        return -(y - output).abs()


class Slotted:
    __slots__ = ("scale",)

    def __init__(self, scale):
        self.scale = scale


class Description(BaseEstimator):
    def __init__(self, width, layers=None):
        self.width = width
        self.layers = layers


def compile_function(source, n_lines=0):
    """Return f of a source text that stands so many lines further down."""
    names = {"np": np, "partial": partial}
    exec(compile("\n" * n_lines + source, f"{n_lines}.py", "exec"), names)
    return names["f"]


def make_class(scale=1.0, factor=1, base=object, docstring="A model."):
    class Model(base):
        limit = scale

        def log_prob(self, y):
            return factor * y

    Model.__doc__ = docstring
    return Model


def closure(value):
    def f(x):
        return value * x

    return f


def closure_of_closures(value):
    inside = closure(value)
    return lambda x: inside(x) + 1


def recursive(depth):
    def f(x):
        return x if x > depth else f(x + 1)

    return f


def holding_itself(scale):
    model = Model(scale=scale)
    model.itself, model.all = model, [model]
    return model


def chain(last, length):
    chain = [last]
    for _ in range(length):
        chain = [chain]
    return Model(chain=chain)


@dataclasses.dataclass
class Weighted:
    """An objective with parameters, which cannot be used as a key of a dict."""

    weight: float
    sizes: list = dataclasses.field(default_factory=lambda: [512])

    def __call__(self, prediction, target, mask):
        return self.weight * (prediction - target).abs().mean()


class Abstract(abc.ABC):
    @abc.abstractmethod
    def log_prob(self, y): ...


def make_subclass(factor):
    class Subclass(Abstract):
        def __init__(self):
            super().__init__()

        def log_prob(self, y):
            return factor * y

    return Subclass()


def crowd(value, n=40):
    """Each knows all: a walk along every path would never end."""
    members = [Model(i=i) for i in range(n)]
    for member in members:
        member.all = members
    members[-1].i = -value
    return members[0]


def array(index):
    """One value of many."""
    return np.eye(1, 5000, index)


def network(value):
    network = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU())
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, value)
    return network


# Each makes equal values of equal arguments; 1 and 2 make values that differ only there.
KINDS = {
    "operation": lambda i: compile_function(f"f = lambda x: x {'+-'[i - 1]} 1"),
    "constant": lambda i: compile_function(f"f = lambda x: x * {i}"),
    "name": lambda i: compile_function(f"f = lambda x: np.{['sin', 'cos'][i - 1]}(x)"),
    "function inside": lambda i: compile_function(f"def f(x):\n return (lambda y: y + {i})(x)"),
    "set inside": lambda i: compile_function(f"f = lambda x: x in {{'a', 'b', 'c{i}'}}"),
    "default": lambda i: compile_function(f"def f(x, y={i}): return x"),
    "keyword default": lambda i: compile_function(f"def f(x, *, y={i}): return x"),
    "closure": closure,
    "closure of closures": closure_of_closures,
    "array in a closure": lambda i: closure(array(i)),
    "type in a closure": lambda i: closure([int, float][i - 1]),
    "text or number": lambda i: closure([1, "1"][i - 1]),
    "recursive function": recursive,
    "partial": lambda i: partial(max, i),
    "function of a partial": lambda i: partial(closure(i), 3),
    "bound method": lambda i: Model(scale=i).log_prob,
    "attribute": lambda i: Model(scale=i),
    "name of an attribute": lambda i: Model(**{f"scale_{i}": 1}),
    "slot": Slotted,
    "attribute of an attribute": lambda i: Model(model=Model(scale=i)),
    "array": lambda i: Model(filter=array(i)),
    "shape": lambda i: Model(filter=np.zeros((i, 2 // i))),
    "dtype": lambda i: Model(filter=np.zeros(2, ["<f4", "<i4"][i - 1])),
    "transposed array": lambda i: Model(filter=np.arange(4 * i).reshape(2, -1).T),
    "array of objects": lambda i: Model(filter=np.array([i, "a"], dtype=object)),
    "tensor": lambda i: Model(filter=torch.from_numpy(array(i)).to(torch.bfloat16)),
    "module": lambda i: Model(network=network(i)),
    "dict": lambda i: Model(levels={"a": i}),
    "key": lambda i: Model(levels={i: "a"}),
    "ordered dict": lambda i: OrderedDict(a=i),
    "set": lambda i: Model(levels={"a", "b", i}),
    "estimator": Description,
    "function of an estimator": lambda i: Description(1, closure(i)),
    "class constant": lambda i: make_class(scale=i)(),
    "method": lambda i: make_class(factor=i)(),
    "property": lambda i: type("Model", (), {"level": property(closure(i))})(),
    "static method": lambda i: type("Model", (), {"level": staticmethod(closure(i))})(),
    "class method": lambda i: type("Model", (), {"level": classmethod(closure(i))})(),
    "base class": lambda i: make_class(base=make_class(scale=i))(),
    "class": lambda i: make_class(scale=i),
    "library's function": lambda i: [torch.nn.functional.mse_loss, np.mean][i - 1],
    "library's class": lambda i: Model(kind=[torch.nn.ReLU, torch.nn.ELU][i - 1]),
    "builtin": lambda i: [len, max][i - 1],
    "ufunc": lambda i: Model(f=[np.sin, np.cos][i - 1]),
    "holding itself": holding_itself,
    "deep": lambda i: chain(i, 100),
    "crowd": crowd,
    "dataclass": Weighted,
    "subclass of an abstract class": make_subclass,
    "cached property": lambda i: type("Model", (), {"level": cached_property(closure(i))})(),
    "cached function": lambda i: cache(closure(i)),
    "wrapped function": lambda i: wraps(max)(closure(i)),
    "bound method of a partial": lambda i: partial(Model(scale=i).log_prob, 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_values_have_other_texts(kind):
    make = KINDS[kind]
    assert describe(make(1)) == describe(make(1))
    assert describe(make(1)) != describe(make(2))


@pytest.mark.parametrize("kind", ["attribute", "array", "tensor", "module", "set", "estimator"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_the_same_text(kind, copied):
    value = KINDS[kind](1)
    assert describe(copied(value)) == describe(value)


def test_names_are_shown():
    assert describe(closure(1)).startswith("closure.<locals>.f (")
    assert describe(Model()).startswith("Model (")
    assert describe(partial(max, 1)).startswith("partial (")


def test_the_place_of_a_function_is_no_part_of_it():
    source = "def f(x):\n    return x + 1"
    assert describe(compile_function(source)) == describe(compile_function(source, n_lines=9))


def test_the_docstring_of_a_class_is_no_part_of_it():
    assert describe(make_class(docstring="A model.")) == describe(make_class(docstring="Another."))


def test_the_order_of_attributes_does_not_matter():
    assert describe(Model(a=1, b=2)) == describe(Model(b=2, a=1))


def test_equal_things_may_be_one_or_two():
    filters = np.ones(3)
    once, twice = Model(a=filters, b=filters), Model(a=filters, b=np.ones(3))
    assert describe(once) == describe(twice)


def empty_closure():
    def f(x):
        return x * later

    if f is None:
        later = 1
    return f


@pytest.mark.parametrize(
    "value",
    [
        Model(lock=threading.Lock()),
        closure(threading.Lock()),
        partial(max, open(os.devnull)),
        empty_closure(),
        chain(1, 5000),
        chain(1, 5000).chain,
    ],
    ids=["lock", "closure", "file", "empty closure", "nested", "nested lists"],
)
def test_what_cannot_be_compared_is_refused_with_its_name(value):
    with pytest.raises(ValueError, match=r"checkpoint needs .*, got noise_model=\S+ \(.+\): leave"):
        describe_parameters({"learning_rate": 0.1, "noise_model": value})


def test_the_library_s_own_classes_are_known_by_name(monkeypatch):
    from sklearn_audiosr.networks import AudioUNet

    before = describe(AudioUNet())
    monkeypatch.setattr(AudioUNet, "build", lambda self: None)  # as another version would
    assert describe(AudioUNet()) == before != describe(AudioUNet(n_blocks=3))


DESCRIBE = """
import sys
sys.path.insert(0, {tests!r})
from sklearn_audiosr._training.fingerprint import describe
from test_training_fingerprint import KINDS
print(*(describe(make(1)) for make in KINDS.values()), sep="\\n")
"""


def test_texts_are_the_same_in_every_process():
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # of the order in sets
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE.format(tests=str(TESTS))],
        capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [describe(make(1)) for make in KINDS.values()]


def test_clips_containers():
    x, y = np.zeros((1, 4), np.float32), np.ones((1, 4), np.float32)
    assert describe_clips([(x, y)]).startswith("1 clips (")
    assert describe_clips([(x, y)]) == describe_clips([(x.copy(), y.copy())])
    texts = {describe_clips(p) for p in ([(x, y)], [(y, x)], [(x, x)], [(x, y[:, :3])], [])}
    assert len(texts) == 5


def test_weights():
    one, two = describe_weights(network(1)), describe_weights(network(2))
    assert describe_weights(network(1)) == one != two
    named = torch.nn.ModuleDict({"a": torch.nn.Linear(1, 1)})
    renamed = torch.nn.ModuleDict({"b": named["a"]})
    assert describe_weights(named) != describe_weights(renamed)
