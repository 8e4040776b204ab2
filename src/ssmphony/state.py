"""State of many sentences as one: rows are gathered into a batch, scattered again, and replaced one at a time.

A state is a NamedTuple or tuple, possibly nested, of batch-first NumPy arrays. Axes after the first may differ from
row to row, as the tokens of a sentence do: they are padded with their last entry. A voice model reads nothing from
there but its own last column (the frame at which a sentence ends stays the frame at which it ends).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ssmphony.interfaces import Array, State


def gather(states: Sequence[State]) -> State:
    """One batch of the rows of all, in order. A single state is returned as it is."""
    first = states[0]
    if len(states) == 1:
        return first
    if isinstance(first, tuple):
        return _like(first, [gather(parts) for parts in zip(*states, strict=True)])
    arrays = [np.asarray(state) for state in states]
    widest = tuple(max(sizes) for sizes in zip(*(array.shape[1:] for array in arrays), strict=True))
    return np.concatenate([_pad(array, widest) for array in arrays])


def scatter(batch: State, like: Sequence[State]) -> list[State]:
    """The rows of a batch, cut to the shapes of the states that were gathered into it. Copies, if there are several."""
    if len(like) == 1:
        return [batch]
    if isinstance(batch, tuple):
        parts = [scatter(part, group) for part, group in zip(batch, zip(*like, strict=True), strict=True)]
        return [_like(batch, list(row)) for row in zip(*parts, strict=True)] if parts else [batch] * len(like)
    edges = np.cumsum([0, *(len(state) for state in like)])
    return [
        batch[(slice(edges[i], edges[i + 1]), *map(slice, np.shape(state)[1:]))].copy() for i, state in enumerate(like)
    ]


def reset(batch: State, slot: int, row: State) -> State:
    """The batch with ``row`` in the place of row ``slot``; the others are not touched. Pure."""
    if isinstance(batch, tuple):
        return _like(batch, [reset(part, slot, new) for part, new in zip(batch, row, strict=True)])
    return gather([part for part in (batch[:slot], row, batch[slot + 1 :]) if len(part)])


def flatten(state: State) -> Iterator[Array]:
    """Every array of a state, in the order in which `unflatten` takes them."""
    if isinstance(state, tuple):
        for part in state:
            yield from flatten(part)
    else:
        yield state


def unflatten(template: State, arrays: Iterator[Array]) -> State:
    """A state of the structure of ``template``. Raises `ValueError` where types or axes do not fit it."""
    if isinstance(template, tuple):
        return _like(template, [unflatten(part, arrays) for part in template])
    array = next(arrays, None)
    if array is None or array.dtype != template.dtype or array.shape != template.shape:
        raise ValueError("the arrays do not fit the state")
    return array


def _like(template: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    """A tuple of the same kind."""
    return type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)


def _pad(array: Array, shape: tuple[int, ...]) -> Array:
    """Repeat the last entry of each axis after the first up to ``shape``; zeros where there is none."""
    missing = [(0, 0), *((0, size - own) for size, own in zip(shape, array.shape[1:], strict=True))]
    if not any(after for _, after in missing):
        return array
    return np.pad(array, missing, mode="edge" if array.size else "constant")
