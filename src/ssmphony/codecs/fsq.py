"""Audio codes ↔ samples: finite scalar quantisation between an encoder of log-mel and the source-filter head.

After the codec of Fish-Speech (Liao et al., arXiv 2411.01156): a mel encoder and grouped finite scalar quantisation.
What is around the quantiser is `ssmphony.codecs.mel_codec`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from torch import Tensor

from ssmphony.codecs.mel_codec import TINY, MelCodec, MelCodecConfig
from ssmphony.nn.fsq import FiniteScalarQuantiser


class FsqConfig(MelCodecConfig):
    """A codec of finite scalar quantisation; see the module's docstring."""

    frames: ClassVar[str] = "fsq"
    kind: Literal["fsq"] = "fsq"
    levels: tuple[int, ...] = (8, 5, 5, 5)
    """Levels of each channel of a code; their product is the size of its codebook."""
    codes: int = Field(default=4, ge=1)
    """Codes of a frame."""
    residual: bool = False
    """Whether each further code refines the ones before it, in the same channels, instead of having its own."""

    @model_validator(mode="after")
    def _levels_fit(self) -> FsqConfig:
        if not self.levels or min(self.levels) < 2:
            raise ValueError(f"levels {self.levels} must each be 2 or more")
        return self

    @classmethod
    def tiny(cls) -> dict[str, FsqConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {**TINY, "levels": (3, 4), "codes": 3}
        forms = {"": {}, "residual": {"residual": True, "stride": 1, "d_model": 10}}
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> Fsq:
        return Fsq(self)


class Fsq(MelCodec):
    """A frame holds a code for each codebook."""

    def __init__(self, config: FsqConfig) -> None:
        quantiser = FiniteScalarQuantiser(config.levels, config.codes, config.residual)
        super().__init__(config, quantiser.channels, quantiser.channels)
        self.config, self.quantiser = config, quantiser
        self.grid = self.frame_grid(config.codes, quantiser.codebooks)

    def frames_of(self, encoded: Tensor) -> Tensor:
        return self.quantiser(encoded)[1]

    def values(self, frames: Tensor) -> Tensor:
        return frames if frames.is_floating_point() else self.quantiser.decode(frames)

    def analyse_with_losses(self, samples: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return self.quantiser(self.encoded(samples))[0], {}
