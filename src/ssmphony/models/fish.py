"""Fish Speech on state spaces: a language model of audio codes whose layers are (Mamba → S4) × N.

    codes[0 … t] ─sum of embeddings─▶ (Mamba-2 → S4) × N, pre-norm and residual ─▶ the first code of t + 1, or the end
                  text ─▶ bidirectional S4 ──┘                                 └─▶ the further codes of t + 1

After Fish-Speech (Liao et al., arXiv 2411.01156): its slow transformer over frames becomes a stack of state-space
layers, with neither attention nor rotary embedding, mask or cache. A step costs the same at any length, and all that is
kept is a state of constant size.

``text`` is how speech follows the text (`ssmphony.models.fish_text`): ``aligned`` by predicted durations, ``cross`` by
one attention that follows positions, ``prefix`` by reading the text before the first frame. ``frame`` is how the codes
of a frame are made: ``parallel`` all at once, ``delay`` each a step after the one before, ``depth`` one after another
by a small stack (`ssmphony.models.fish_codes`).

A reference is the state after its codes, `prompt`: it is computed once, and speaking after it costs nothing. With
``d_style`` it is also a vector of the speaker, which every frame is given through its text: a state alone forgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

from ssmphony.config import Config, LayerConfig
from ssmphony.nn import EncoderConfig, Mixer, StackConfig
from ssmphony.nn.layers import of_width
from ssmphony.sampling import Sampler
from ssmphony.types import MelFormat

if TYPE_CHECKING:
    from ssmphony.models.fish_model import Fish

UNNAMED = "anyone"
"""The speaker that a reference speaks as: a row of the table that is trained on all speakers."""
DepthMixer = Annotated[SerializeAsAny[LayerConfig], of_width("d_depth")]


class FishConfig(Config):
    """See the module's docstring. A mixer is a kind of `ssmphony.nn.MIXERS`, or its settings."""

    kind: Literal["fish"] = "fish"
    n_symbols: int
    """Tokens that the frontend knows."""
    speakers: tuple[str, ...]
    """Names of the rows of the speaker table, the voice's own first; ``anyone`` is what references speak as."""
    codebooks: tuple[int, ...] = (1000, 1000, 1000, 1000)
    """Sizes of the codebooks of a frame, those of the codec. They are equal."""
    d_model: int = 256
    mixers: tuple[Mixer, ...] = Field(default=("mamba2", "s4"), validate_default=True)
    """The pattern of the layers."""
    repeats: int = Field(default=6, ge=2)
    """How often the pattern is repeated: N."""
    d_ffn: int = 0
    """Width of a feed-forward after each layer; 0 leaves it out."""
    text: Literal["aligned", "cross", "prefix"] = "aligned"
    """How speech follows the text."""
    text_layers: int = 2
    """Blocks of the text encoder."""
    text_mixer: Mixer = Field(default="s4", validate_default=True)
    """Its layer, run in both directions."""
    text_ffn: int = 512
    n_heads: int = 4
    """Heads of the attention of ``cross``."""
    frame: Literal["parallel", "delay", "depth"] = "parallel"
    """How the codes of a frame are made."""
    d_depth: int = 128
    """Width of the stack of ``depth``."""
    depth_mixers: tuple[DepthMixer, ...] = Field(default=("mamba", "s4"), validate_default=True)
    """Its layers."""
    block: int = Field(default=4, ge=1)
    """Frames a step."""
    dropout: float = 0.1
    max_seq: int = 256
    """The most tokens of a sentence."""
    extra_frames: int = 40
    """Frames that a sentence may have in addition to those of its tokens."""
    frames_per_token: float = 8.0
    """The most frames of a sentence, for each of its tokens."""
    d_style: int = Field(default=0, ge=0)
    """Channels of a speaker's vector, which is made of a recording's log-mel; 0: a reference is a prompt alone."""
    style_layers: int = 1
    """Blocks of the style encoder, whose layer is of the kind of the text encoder's,"""
    style_width: int = 96
    """and its channels."""
    reference: MelFormat = MelFormat()
    """The log-mel that the style encoder reads."""
    guidance: float = Field(default=1.0, ge=1.0)
    """Classifier-free guidance: how many times as far from speech without text as the model itself is. Above 1 it takes
    two passes, and a model that was trained with ``text_dropout``."""
    sampler: Sampler = Sampler(temperature=0.8, top_p=0.9, repetition_window=10, repetition_share=0.5)
    """How codes are drawn, unless a style says otherwise."""

    @model_validator(mode="after")
    def _parts_fit(self) -> FishConfig:
        if not self.codebooks or len(set(self.codebooks)) > 1:
            raise ValueError(f"codebooks {self.codebooks} must be of one size")
        if len(self.codebooks) == 1 and self.frame != "parallel":
            raise ValueError(f"frame '{self.frame}' needs several codebooks: choose parallel")
        if self.guidance > 1.0 and self.text == "prefix":
            raise ValueError("guidance needs text that can be left out of a step: choose text aligned or cross")
        if self.d_style and self.text == "prefix":
            raise ValueError("text 'prefix' takes no reference: choose aligned or cross, or leave out d_style")
        _ = self.encoder, self.stack(1), self.depth
        return self

    @property
    def encoder(self) -> EncoderConfig:
        """The text encoder."""
        shape = {"d_model": self.d_model, "n_layers": self.text_layers, "d_ffn": self.text_ffn}
        return EncoderConfig.model_validate({**shape, "mixers": (self.text_mixer,), "dropout": self.dropout})

    @property
    def style_encoder(self) -> EncoderConfig:
        """The style encoder's blocks."""
        width = self.style_width
        shape = {"d_model": width, "n_layers": self.style_layers, "d_ffn": 2 * width, "dropout": self.dropout}
        mixer = self.text_mixer.model_copy(update={"d_model": width})
        return EncoderConfig.model_validate({**shape, "mixers": (mixer,)})

    def stack(self, repeats: int) -> StackConfig:
        """A part of the layers over frames."""
        shape = {"d_model": self.d_model, "n_layers": repeats * len(self.mixers), "d_ffn": self.d_ffn}
        return StackConfig.model_validate({**shape, "mixers": self.mixers, "dropout": self.dropout})

    @property
    def depth(self) -> StackConfig:
        """The stack over the codes of a frame."""
        shape = {"d_model": self.d_depth, "n_layers": len(self.depth_mixers)}
        return StackConfig.model_validate({**shape, "mixers": self.depth_mixers, "dropout": self.dropout})

    @classmethod
    def tiny(cls, n_symbols: int) -> dict[str, FishConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {"n_symbols": n_symbols, "speakers": ("own", "other", UNNAMED), "block": 8}
        shape |= {"codebooks": (11, 11, 11), "d_model": 8, "repeats": 2, "text_layers": 1, "text_ffn": 12}
        shape |= {"n_heads": 2, "d_depth": 8, "max_seq": 32, "extra_frames": 20, "frames_per_token": 3.0}
        mamba2, s4 = {"kind": "mamba2", "d_state": 4, "head_dim": 8}, {"kind": "s4", "d_state": 4}
        shape |= {"mixers": (mamba2, s4), "text_mixer": s4}
        depth = {"frame": "depth", "depth_mixers": ({"kind": "mamba", "d_state": 4}, s4)}
        reference = MelFormat(sample_rate=8_000, n_fft=64, hop_length=16, n_mels=6, f_max=4_000)
        forms: dict[str, dict[str, Any]] = {
            "aligned": {"guidance": 1.5, **depth},
            "styled": {"d_style": 4, "style_width": 8, "reference": reference},
            "cross": {"text": "cross", "frame": "delay"},
            "prefix": {"text": "prefix", "mixers": ({"kind": "mamba", "d_state": 4}, s4)},
            "attention": {"mixers": ({"kind": "attention", "n_heads": 2, "window": 24},), "d_ffn": 12},
        }
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> Fish:
        from ssmphony.models.fish_model import Fish

        return Fish(self)
