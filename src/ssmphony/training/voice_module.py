"""The parts of a voice in a training: a model, a codec or both, of which one or both are trained."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from torch import nn

from ssmphony.export.weights import Part

M = TypeVar("M", bound=nn.Module | None)
C = TypeVar("C", bound=nn.Module | None)

Trains = Literal["model", "codec", "both"]
"""Which parts of a voice a training changes."""


class VoiceModule(nn.Module, Generic[M, C]):
    """A model and a codec, either of which may be None. Weights have the names of a voice package: ``model.…``,
    ``codec.…``.

    A part that is not trained keeps its values, and stays in evaluation mode (without dropout).
    """

    def __init__(self, model: M, codec: C, trains: Trains) -> None:
        super().__init__()
        self.model = model
        self.codec = codec
        self.trains: Trains = trains
        for part, module in self.parts().items():
            if part not in self.trained():
                module.requires_grad_(False).eval()

    def parts(self) -> dict[Part, nn.Module]:
        """The parts that there are, by name."""
        found: dict[Part, nn.Module | None] = {"model": self.model, "codec": self.codec}
        return {part: module for part, module in found.items() if module is not None}

    def trained(self) -> dict[Part, nn.Module]:
        """The parts that are trained, by name."""
        return {part: module for part, module in self.parts().items() if self.trains in (part, "both")}

    def train(self, mode: bool = True) -> VoiceModule[M, C]:
        super().train(mode)
        for part, module in self.parts().items():
            if part not in self.trained():
                module.eval()
        return self
