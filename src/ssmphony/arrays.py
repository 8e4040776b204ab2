"""NumPy arrays by name: the type of their elements, and what each of their axes is.

Axes are named alike everywhere, and the order is that of this list:

* ``batch``: rows that share nothing: sentences, streams, clips.
* ``token``: units of a text: phonemes, bytes.
* ``time``: frames of a codec, or steps of a layer.
* ``sample``: samples of a waveform.
* ``channel``: what one token, frame or step holds.

A mask is true where a row has something, and false where it is padding. Under pytest every call of a function with such
types is checked: axes of one name have one length (`tests/axes.py`). Nothing is checked, and nothing needed for it,
outside of the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Reals: TypeAlias = npt.NDArray[np.floating]
"""Of any precision."""
Integers: TypeAlias = npt.NDArray[np.int64]
Booleans: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Axes:
    """The names of an array's axes, in order, separated by spaces."""

    names: str


BatchIntegers: TypeAlias = Annotated[Integers, Axes("batch")]
TokenFloats: TypeAlias = Annotated[Floats, Axes("batch token")]
TokenIntegers: TypeAlias = Annotated[Integers, Axes("batch token")]
TokenMask: TypeAlias = Annotated[Booleans, Axes("batch token")]
TokenFeatures: TypeAlias = Annotated[Floats, Axes("batch token channel")]
TimeFloats: TypeAlias = Annotated[Floats, Axes("batch time")]
TimeIntegers: TypeAlias = Annotated[Integers, Axes("batch time")]
TimeMask: TypeAlias = Annotated[Booleans, Axes("batch time")]
FrameFeatures: TypeAlias = Annotated[Floats, Axes("batch time features")]
"""Frames with other channels than the tokens they are made of."""
SampleFloats: TypeAlias = Annotated[Floats, Axes("batch sample")]
