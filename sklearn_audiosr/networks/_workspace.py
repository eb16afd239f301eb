"""Memory and prepared weights that convolutions keep from one call to the next."""

import math
import threading

import torch


class Workspace:
    """What convolutions keep, in the thread that is inside it.

    Intermediate results use the same memory again: to take fresh memory from the system costs
    more than to fill it. Where weights don't change, what is made of them is made once.

    Parameters
    ----------
    n_uses : int or float, default=0
        How often each layer will be called while no weight changes; 0 where weights change.
    """

    def __init__(self, n_uses=0):
        self.n_uses = n_uses
        self._scratch, self._prepared = {}, {}
        self._outer = []

    def __enter__(self):
        self._outer.append(_LOCAL.workspace)
        _LOCAL.workspace = self
        return self

    def __exit__(self, *error):
        _LOCAL.workspace = self._outer.pop()

    def scratch(self, name, shape, like):
        """Give memory for an intermediate result that its caller does not give away."""
        key, size = (name, like.dtype, like.device), math.prod(shape)
        memory = self._scratch.get(key)
        if memory is None or len(memory) < size:
            self._scratch.pop(key, None)  # free the smaller one first
            with torch.inference_mode(False):  # it serves training too
                memory = torch.empty(size, dtype=like.dtype, device=like.device)
            self._scratch[key] = memory
        return memory[:size].view(shape)

    def prepare(self, weight, kind, form, make):
        """Give ``make()``, made of a layer's weight; one form of each kind is kept."""
        if not self.n_uses:
            return make()
        if self.find_form(weight, kind) != form:
            self._prepared.pop((id(weight), kind), None)  # free the other form first
            # with the weight, so that no other gets its id
            self._prepared[id(weight), kind] = (form, _version(weight), make(), weight)
        return self._prepared[id(weight), kind][2]

    def find_form(self, weight, kind):
        """Give the form that is kept, or None; also None if the weight was changed in place."""
        form, version = self._prepared.get((id(weight), kind), (None, None))[:2]
        return form if version == _version(weight) else None


def _version(tensor):
    return None if tensor.is_inference() else tensor._version


class _NoWorkspace(Workspace):
    """Outside of any workspace nothing is kept."""

    def scratch(self, name, shape, like):
        return like.new_empty(shape)


class _Local(threading.local):
    workspace: Workspace = _NoWorkspace()


_LOCAL = _Local()


def current_workspace():
    """Give the innermost workspace of this thread; outside of any, one that keeps nothing."""
    return _LOCAL.workspace
