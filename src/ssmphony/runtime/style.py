"""The style encoder of voices that speak as whoever a recording is of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ssmphony.arrays import Floats
from ssmphony.audio.mel import log_mel
from ssmphony.interfaces import Styled
from ssmphony.runtime.graph import Graph
from ssmphony.types import MelFormat, SsmphonyError


class StyleRuntime(Styled):
    """Base of the runtimes of models that are `Styled`; a model whose voice has no style encoder has no styles."""

    def __init__(self, reference_mel: MelFormat | None, load_style_encoder: Callable[[], Graph] | None) -> None:
        """``load_style_encoder`` is called by the first recording: who only speaks does not pay for it."""
        self.reference_mel, self._load_style_encoder = reference_mel, load_style_encoder

    def style_of(self, samples: Floats) -> Floats:
        if self._load_style_encoder is None or self.reference_mel is None:
            raise SsmphonyError("this voice cannot make 'style' from a recording: give a saved reference")
        mel = log_mel(samples, self.reference_mel)
        (style,), _ = self._style_encoder.run({"mel": mel[None]})
        return style[0]

    @cached_property
    def _style_encoder(self) -> Graph:
        assert self._load_style_encoder is not None
        return self._load_style_encoder()
