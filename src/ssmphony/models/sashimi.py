"""SaShiMi: sound sample by sample, by S4 at several rates (Goel et al. 2022, arXiv 2202.09729).

    codes ─embedding─▶ `ssmphony.nn.pooled_stack`: stacks at 1, 1/4 and 1/16 of the rate ─▶ logits of the next code

``mixers: [mamba]`` in the outer rates and S4 in the slowest is the variant of the Mamba paper (Gu and Dao 2023, arXiv
2312.00752, section 4.4).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from ssmphony.models.samples import SampleModel, SampleModelConfig
from ssmphony.nn.block import Block, PlainFeedForward
from ssmphony.nn.decode import DecodeStack
from ssmphony.nn.pooled_stack import PooledStack, PooledState
from ssmphony.nn.stack import Stack, StackConfig
from ssmphony.types import SsmphonyError

BANDS = 20
"""Of the spectra that training predicts."""
Layers = tuple[dict[str, Any], ...]
_S4: dict[str, Any] = {"kind": "s4", "n_ssm": 1}


class SashimiConfig(SampleModelConfig):
    """See the module's docstring."""

    kind: Literal["sashimi"] = "sashimi"
    n_layers: int = Field(default=4, ge=1)
    """Blocks of each rate."""
    pools: tuple[int, ...] = (4, 4)
    """Steps of a rate in one step of the next."""
    expand: int = Field(default=2, ge=1)
    """How much wider each next rate is."""
    mixers: Layers = (_S4,)
    """Of the outer rates, a pattern that repeats: settings of mixers without their width, as in
    `ssmphony.nn.StackConfig`."""
    center: Layers = (_S4,)
    """Of the slowest rate."""
    ff: float = Field(default=2.0, gt=0.0)
    """Width of the feed-forward of a block, against that of the block."""
    feed_forward: Literal["swiglu", "gelu"] = "swiglu"
    """``gelu`` is that of the paper. Only with ``swiglu`` are single steps compiled."""
    dropout: float = 0.0
    ahead_s: tuple[float, ...] = ()
    """Training may also predict from the slowest rate the spectrum at these times ahead: see `Sashimi.foresee`."""

    @model_validator(mode="after")
    def _layers_fit(self) -> SashimiConfig:
        if not self.pools or min(self.pools) < 2:
            raise ValueError(f"pools {self.pools} must each be 2 or more")
        if min(self.ahead_s, default=0.0) < 0.0:
            raise ValueError(f"ahead_s {self.ahead_s} must not be negative")
        for rate in range(len(self.pools) + 1):
            self.stack(rate)
        return self

    def width(self, rate: int) -> int:
        """Channels of a rate, the fastest is 0."""
        return self.d_model * self.expand**rate

    def stack(self, rate: int) -> StackConfig:
        """The settings of the stack of a rate."""
        width = self.width(rate)
        layers = self.center if rate == len(self.pools) else self.mixers
        settings = {"d_model": width, "n_layers": self.n_layers, "mixers": layers, "dropout": self.dropout}
        return StackConfig.model_validate({**settings, "d_ffn": round(self.ff * width)})

    def build(self) -> Sashimi:
        return Sashimi(self)

    @classmethod
    def tiny(cls) -> dict[str, SashimiConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {"d_model": 6, "n_layers": 1, "pools": (2, 3), "block": 5}
        s4: Layers = ({"kind": "s4", "n_ssm": 1, "d_state": 4},)
        forms: dict[str, dict[str, Any]] = {
            "s4": {"mixers": s4, "center": s4},
            "s4d": {"mixers": ({"kind": "s4d", "d_state": 4},), "center": s4, "feed_forward": "gelu"},
            "mamba": {"mixers": ({"kind": "mamba", "d_state": 4},), "center": s4, "classes": ("one", "two")},
            "ahead": {"mixers": s4, "center": s4, "classes": ("one", "two"), "ahead_s": (0.01, 0.02)},
        }
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}


class Sashimi(SampleModel):
    """State: `ssmphony.nn.pooled_stack.PooledState`."""

    config: SashimiConfig

    def __init__(self, config: SashimiConfig) -> None:
        super().__init__(config)
        rates = range(len(config.pools) + 1)
        stacks = [config.stack(rate).build() for rate in rates]
        if config.feed_forward == "gelu":
            for rate, stack in enumerate(stacks):
                _with_plain_feed_forwards(stack, config.stack(rate).d_ffn, config.dropout)
        self.backbone = PooledStack(stacks, [config.width(rate) for rate in rates], config.pools)
        self.frame = self.backbone.frame
        spectra = len(config.ahead_s) * BANDS
        self.ahead = nn.Linear(config.width(rates[-1]), spectra) if spectra else None

    def foresee(self, codes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """`forward`, and what only training reads: the log-mel that is to come.

        A class decides few samples by itself, but much of what follows in 20 to 120 ms; so the slowest rate learns to
        plan from it, where the likelihood of the next sample hardly asks for a plan.

        Returns:
            Logits (batch, time, level), and spectra (batch, step, horizon, band) of ``ahead_s`` after each step of the
            slowest rate.
        """
        assert self.ahead is not None
        fastest, *_, slowest = self.backbone.rates(self.inputs(codes, labels))
        spectra = self.ahead(slowest).unflatten(-1, (len(self.config.ahead_s), BANDS))
        return self.read(fastest[:, : codes.shape[1]]), spectra

    def initial_memory(self, batch: int) -> PooledState:
        return self.backbone.initial_state(batch)

    def run(self, x: Tensor, memory: PooledState) -> tuple[Tensor, PooledState]:
        return self.backbone(x, memory, x.new_ones(x.shape[:2]).bool())

    def whole(self, x: Tensor) -> Tensor:
        return self.backbone.whole(x)

    def run_step(self, x: Tensor, memory: PooledState) -> tuple[Tensor, PooledState]:
        return self.backbone.step(x, memory)

    def compile_steps(self, threads: int | None = None) -> bool:
        """Take single steps in compiled code from now on, with the weights as they are; whether that is possible."""
        try:
            self.backbone.compiled = tuple(DecodeStack(_stack(part), threads) for part in self.backbone.stacks)
        except SsmphonyError:
            self.backbone.compiled = None
        return self.backbone.compiled is not None


def _stack(part: Any) -> Stack:
    assert isinstance(part, Stack)
    return part


def _with_plain_feed_forwards(stack: Stack, d_ffn: int, dropout: float) -> None:
    for layer in stack.layers:
        assert isinstance(layer, Block)
        layer.ffn = PlainFeedForward(layer.d_model, d_ffn, dropout)
