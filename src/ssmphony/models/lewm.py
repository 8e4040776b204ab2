"""LeWM TTS: autoregressive text-to-speech by a joint-embedding predictor, tokens → audio latents.

    tokens + speaker ─▶ text encoder, both directions ─▶ keys and values
    z[0 … t] ─▶ n × (causal mixer, attention to the text, feed-forward) ─▶ ẑ[t + 1], end of speech

The latents are those of `ssmphony.codecs.lewm` or `ssmphony.codecs.latent`; z[0] is learned. After LeWorldModel
(le-wm.github.io), whose predictor predicts the embedding of the next video frame. The causal mixer is attention with a
cache of keys and values or a state-space layer with a state of constant size.

Speech ends where the end-of-speech head says so, or after ``extra_latents + tokens · latents_per_token`` latents. The
position in the text never goes back. It is the token with the most attention; or, with ``pace_head``, a head predicts
how far each latent moves it, and attention is biased towards it (the location-relative attention of Battenberg et al.,
arXiv 1910.10288, with one Gaussian per head). What is said and when are then predicted separately, so that speech which
is conditioned only on itself follows the text. With ``placement: aligned`` the durations of all tokens are predicted
first (`ssmphony.models.fish_text.AlignedText`), learned from known times of phones: each step also reads the state of
the token that it speaks, and speech ends with the last of them.

A step predicts the mean of what may follow (``head: mse``, as in LeWorldModel), which may be unlike any of it, or it is
sampled from a Gaussian or by a small flow (`ssmphony.models.lewm_heads`). With ``d_style`` a style encoder takes the
speaker from a clip, as in `ssmphony.models.smamba`; with ``mean_latent`` the latents themselves are predicted relative
to the mean of the clip's, which differs more between speakers than between clips of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ssmphony.config import Config
from ssmphony.nn import EncoderConfig, Mixer
from ssmphony.types import MelFormat

if TYPE_CHECKING:
    from ssmphony.models.lewm_model import LeWM

UNCONDITIONAL = "anyone"
"""The speaker that continues a reference clip: a row of the table that is trained on all speakers."""


class LeWMConfig(Config):
    """LeWM TTS; see the module's docstring. A mixer is a kind of `ssmphony.nn.MIXERS`, or its settings."""

    renamed: ClassVar[Mapping[str, str]] = {
        "heard_noise": "input_noise",
        "most_latents": "extra_latents",
        "paced": "pace_head",
        "reach": "attention_window",
    }

    kind: Literal["lewm"] = "lewm"
    n_symbols: int
    """Tokens that the frontend knows."""
    speakers: tuple[str, ...]
    """Names of the rows of the speaker table, the voice's own first."""
    d_latent: int = 256
    """Channels of a latent."""
    d_model: int = 256
    d_ffn: int = 682
    n_heads: int = 4
    """Heads of the attention to the text."""
    text_layers: int = 4
    """Blocks of the text encoder."""
    text_mixer: Mixer = Field(default="attention", validate_default=True)
    """The text encoder's layer, run in both directions."""
    n_layers: int = 6
    """Blocks of the predictor."""
    mixer: Mixer = Field(default="attention", validate_default=True)
    """The predictor's causal layer."""
    cross_every: int = Field(default=1, ge=1)
    """One of this many blocks of the predictor attends to the text."""
    block: int = Field(default=4, ge=1)
    """Latents a step."""
    dropout: float = 0.1
    max_seq: int = 1024
    """The most tokens of a sentence."""
    extra_latents: int = 24
    """Latents that a sentence may have in addition to those of its tokens."""
    latents_per_token: float = 3.0
    """The most latents of a sentence, for each of its tokens."""
    attention_window: tuple[int, int] | None = None
    """Tokens before and after the one being spoken that a step of speech may attend to; None for all."""
    pace_head: bool = False
    """Whether a head predicts how far each latent moves the position in the text."""
    input_noise: float = Field(default=0.0, ge=0.0)
    """Standard deviation of noise on the latents that the predictor reads while it speaks; those it returns are clean.

    More of it means more trust in the text and less in what was said, like the dropout that Tacotron 2 (arXiv
    1712.05884) keeps at inference. Train with at least as much, see ``latent_noise`` of the task.
    """
    temperature: float = Field(default=0.0, ge=0.0)
    """Noise on what is spoken, in standard deviations of the predictor's errors; 0 for the mean."""
    placement: Literal["free", "aligned"] = "free"
    """How speech follows the text: by attention, or by durations that are predicted first."""
    head: Literal["mse", "gaussian", "flow"] = "mse"
    """What a step predicts: the mean of the next latent, a Gaussian of it, or a flow from noise to it."""
    flow_width: int = 256
    """Width of the network of ``flow``,"""
    flow_layers: int = 3
    """its blocks,"""
    flow_steps: int = Field(default=4, ge=1)
    """and the steps from noise to latent."""
    d_style: int = Field(default=0, ge=0)
    """Channels of a speaker's vector, which may also come from a clip of a few seconds; 0: only those of the table."""
    mean_latent: bool = False
    """Of a model with ``d_style``: whether it reads the speaker's mean latent, that of a reference or a row of a table,
    and predicts the difference from it: the mean is then right for speakers of no training, too."""
    style_layers: int = 2
    """Blocks of the style encoder, whose layer is that of the text encoder."""
    reference: MelFormat = MelFormat()
    """The log-mel that the style encoder reads."""

    @model_validator(mode="after")
    def _encoder_fits(self) -> LeWMConfig:
        _ = self.text_encoder
        if self.placement == "aligned" and self.pace_head:
            raise ValueError("pace_head is for placement: free; aligned speech has durations")
        if self.mean_latent and not self.d_style:
            raise ValueError("mean_latent is for speakers that are known by a clip: set d_style")
        return self

    @property
    def text_encoder(self) -> EncoderConfig:
        """The text encoder's blocks."""
        return EncoderConfig(
            d_model=self.d_model,
            n_layers=self.text_layers,
            mixers=(self.text_mixer,),
            d_ffn=self.d_ffn,
            dropout=self.dropout,
        )

    @property
    def style_encoder(self) -> EncoderConfig:
        """The style encoder's blocks."""
        return self.text_encoder.model_copy(update={"n_layers": self.style_layers})

    @classmethod
    def tiny(cls, n_symbols: int) -> dict[str, LeWMConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {"n_symbols": n_symbols, "speakers": ("own", "other"), "d_latent": 6, "d_model": 8}
        shape |= {"d_ffn": 12, "n_heads": 2, "text_layers": 1, "n_layers": 2, "block": 8, "max_seq": 32}
        shape |= {"extra_latents": 20, "attention_window": (2, 3)}
        mamba2 = {"kind": "mamba2", "d_state": 4, "head_dim": 8}
        styled = {"d_style": 4, "style_layers": 1, "text_mixer": mamba2}
        styled |= {"reference": MelFormat(sample_rate=8_000, n_fft=64, hop_length=16, n_mels=6, f_max=4_000)}
        forms: dict[str, dict[str, Any]] = {
            "attention": {"mixer": {"kind": "attention", "n_heads": 2, "window": 24}},
            "mamba": {"mixer": {"kind": "mamba", "d_state": 4}, "cross_every": 2, "temperature": 0.5},
            "mamba2": {"mixer": mamba2, "text_mixer": "s4d"},
            "pace_head": {"mixer": mamba2, "pace_head": True},
            "gaussian": {"mixer": mamba2, "head": "gaussian", "placement": "aligned", "temperature": 0.7},
            "mean": {**styled, "mixer": mamba2, "mean_latent": True, "placement": "aligned"},
            "flow": {**styled, "mixer": mamba2, "head": "flow", "flow_width": 8, "flow_layers": 1, "temperature": 0.7},
        }
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> LeWM:
        from ssmphony.models.lewm_model import LeWM

        return LeWM(self)
