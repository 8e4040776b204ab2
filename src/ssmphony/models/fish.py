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

A reference is the state after its codes, `prompt`: it is computed once, and speaking after it costs nothing.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from ssmphony.config import Config
from ssmphony.interfaces import State
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.autoregressive import Advance, AutoregressiveModel
from ssmphony.models.fish_codes import CODE_STD, CodeEmbedding, DepthStack
from ssmphony.models.fish_text import AlignedText, CrossText, packed_to_the_right
from ssmphony.nn import EncoderConfig, Mixer, StackConfig, sinusoids
from ssmphony.nn.layers import within
from ssmphony.sampling import Sampler
from ssmphony.types import ReferenceInput

UNNAMED = "anyone"
"""The speaker that a reference speaks as: a row of the table that is trained on all speakers."""
PROMPT = "prompt"
PROMPT_CHANNELS = 4096
"""Columns of a reference's array, which holds a state as one row of numbers cut into equal pieces."""
NEVER = -1e4
"""The logit of an end that is not to come."""
SLOWEST = 4
"""A style may speak a quarter as fast."""


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
    depth_mixers: tuple[Mixer, ...] = Field(default=("mamba", "s4"), validate_default=True)
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
    guidance: float = Field(default=1.0, ge=1.0)
    """Classifier-free guidance: how many times as far from speech without text as the model itself is. Above 1 it takes
    two passes, and a model that was trained with ``text_dropout``."""
    sampler: Sampler = Sampler(temperature=0.8, top_p=0.9, repetition_window=10, repetition_share=0.5)
    """How codes are drawn, unless a style says otherwise."""

    @field_validator("mixers", "text_mixer", "depth_mixers", mode="before")
    @classmethod
    def _share_width(cls, mixers: Any, info: Any) -> Any:
        width = info.data.get("d_depth" if info.field_name == "depth_mixers" else "d_model")
        if info.field_name == "text_mixer" or not isinstance(mixers, list | tuple):
            return within(mixers, width)
        return [within(mixer, width) for mixer in mixers]

    @model_validator(mode="after")
    def _parts_fit(self) -> FishConfig:
        if not self.codebooks or len(set(self.codebooks)) > 1:
            raise ValueError(f"codebooks {self.codebooks} must be of one size")
        if len(self.codebooks) == 1 and self.frame != "parallel":
            raise ValueError(f"frame '{self.frame}' needs several codebooks: choose parallel")
        if self.guidance > 1.0 and self.text == "prefix":
            raise ValueError("guidance needs text that can be left out of a step: choose text aligned or cross")
        _ = self.encoder, self.stack(1), self.depth
        return self

    @property
    def encoder(self) -> EncoderConfig:
        """The text encoder."""
        shape = {"d_model": self.d_model, "n_layers": self.text_layers, "d_ffn": self.text_ffn}
        return EncoderConfig.model_validate({**shape, "mixers": (self.text_mixer,), "dropout": self.dropout})

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
        forms: dict[str, dict[str, Any]] = {
            "aligned": {"guidance": 1.5, **depth},
            "cross": {"text": "cross", "frame": "delay"},
            "prefix": {"text": "prefix", "mixers": ({"kind": "mamba", "d_state": 4}, s4)},
            "attention": {"mixers": ({"kind": "attention", "n_heads": 2, "window": 24},), "d_ffn": 12},
        }
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> Fish:
        return Fish(self)


class FishState(NamedTuple):
    """lower, upper: of the layers before and after the place where text is attended to; track: of the attention."""

    lower: State
    track: State
    upper: State


class Prediction(NamedTuple):
    """What the model says of the frames that exist, n in all, rows one after another."""

    logits: Tensor
    """(n, codebook, size)."""
    stops: Tensor | None
    """(n,): logits of the end in place of the frame; None for ``aligned``."""
    attention: Tensor | None
    """(batch, time, token) of ``cross``."""
    places: Tensor | None
    """(n,): how far in the text, 0 … 1, for ``prefix``."""


class Fish(AutoregressiveModel):
    """See the module's docstring. Training goes through `read`, `prompt` and `teacher_forced`."""

    def __init__(self, config: FishConfig) -> None:
        super().__init__()
        self.config, d_model = config, config.d_model
        self.block, self.max_tokens, self.speaker_names = config.block, config.max_seq, config.speakers
        self.codebooks, self.sampler = config.codebooks, config.sampler
        self.delay = len(config.codebooks) - 1 if config.frame == "delay" else 0
        self.prefills = True
        self.symbols = nn.Embedding(config.n_symbols, d_model, padding_idx=0)
        self.speakers = nn.Embedding(len(config.speakers), d_model)
        self.text_place = nn.Parameter(torch.tensor(0.3))
        self.text_blocks, self.text_norm = config.encoder.build(), nn.LayerNorm(d_model)
        self.codes = CodeEmbedding(config.codebooks, d_model)
        self.start = nn.Parameter(0.1 * torch.randn(d_model))
        self.no_text = nn.Parameter(0.1 * torch.randn(d_model))
        self.lower = config.stack((config.repeats + 1) // 2).build()
        self.aligned = AlignedText(d_model) if config.text == "aligned" else None
        self.cross = CrossText(d_model, config.n_heads, 8) if config.text == "cross" else None
        self.upper = config.stack(config.repeats // 2).build()
        self.norm = nn.LayerNorm(d_model)
        of_depth = config.frame == "depth"
        self.head = nn.Linear(d_model, config.codebooks[0] if of_depth else sum(config.codebooks))
        self.depth = DepthStack(config.codebooks, d_model, config.depth) if of_depth else None
        self.stop = nn.Linear(d_model, 1) if self.aligned is None else None
        self.progress = nn.Linear(d_model, 1) if config.text == "prefix" else None
        follows = {"sampling"} | ({"speed"} if self.aligned is not None else set())
        self.reads = ("ids", "mask", "speaker", *(("speeds",) if self.aligned is not None else ()))
        if config.text != "prefix":
            size = sum(leaf.numel() for leaf in pytree.tree_leaves(self.initial_layers(1)) if leaf.is_floating_point())
            self.reference_inputs = (ReferenceInput(PROMPT, PROMPT_CHANNELS, max(2, -(-size // PROMPT_CHANNELS))),)
            follows.add("reference")
        self.capabilities = frozenset(follows)
        nn.init.normal_(self.symbols.weight, std=CODE_STD)
        nn.init.normal_(self.speakers.weight, std=0.1)

    # -- text -----------------------------------------------------------------------------------------------------

    def read(self, ids: Tensor, mask: Tensor, speaker: Tensor) -> Tensor:
        """ids, mask (batch, token), speaker (batch,) → states of the text (batch, token, d_model), of ``prefix`` what
        the layers over frames read."""
        places = self.text_place * sinusoids(torch.arange(ids.shape[1], device=ids.device), self.config.d_model)
        x = (self.symbols(ids) + self.speakers(speaker)[:, None] + places) * mask[..., None]
        if self.config.text == "prefix":
            return x
        return self.text_norm(self.text_blocks(x, mask)) * mask[..., None]

    def encode(self, inputs: ModelInputs) -> State:
        speaker = inputs.speaker
        if self.reference_inputs and UNNAMED in self.speaker_names and inputs.reference:
            unnamed = torch.full_like(speaker, self.speaker_names.index(UNNAMED))
            speaker = torch.where(inputs.reference[f"{PROMPT}_mask"].any(1), unnamed, speaker)
        h = self.read(inputs.ids, inputs.mask, speaker)
        if self.aligned is not None:
            ends = self.aligned.ends(h, inputs.mask, inputs.speeds, self.max_frames(inputs.mask))
            return h[:, None], ends[:, None, :, None]
        return () if self.cross is None else self.cross.memory(h)

    # -- frames ---------------------------------------------------------------------------------------------------

    def initial_layers(self, batch: int) -> State:
        track = () if self.cross is None else self.cross.initial_state(batch)
        fresh = FishState(self.lower.initial_state(batch), track, self.upper.initial_state(batch))
        return (fresh, fresh) if self.config.guidance > 1.0 else fresh

    def prefill(self, inputs: ModelInputs, memory: State) -> State:
        """Fresh, or after a reference or the text."""
        fresh = self.initial_layers(len(inputs.ids))
        if self.config.text == "prefix":
            x, mask = packed_to_the_right(self.read(inputs.ids, inputs.mask, inputs.speaker), inputs.mask, self.max_tokens)
            return self.layers(x, mask, fresh)[1]
        if not inputs.reference:
            return fresh
        numbers, given = inputs.reference[PROMPT].flatten(1), inputs.reference[f"{PROMPT}_mask"].any(1)
        parts = list[Tensor]()
        for leaf in pytree.tree_leaves(fresh):
            if leaf.is_floating_point():
                size = leaf[0].numel()
                row, numbers = numbers[:, :size].reshape(leaf.shape), numbers[:, size:]
                leaf = torch.where(given.reshape(-1, *[1] * (leaf.ndim - 1)), row.to(leaf.dtype), leaf)
            parts.append(leaf)
        return pytree.tree_unflatten(parts, pytree.tree_structure(fresh))

    def embed(self, frame: Tensor, position: Tensor) -> Tensor:
        """frame (…, codebook) and its number in the sentence plus one (…) → (…, d_model); the start, for 0."""
        return torch.where((position == 0)[..., None], self.start, self.codes(frame))

    def layers(
        self, x: Tensor, mask: Tensor, state: FishState, memory: State = (), present: Tensor | None = None,
        dropped: Tensor | None = None,
    ) -> tuple[Tensor, FishState, Tensor | None]:  # fmt: skip
        """All layers: x, mask (batch, time, …) → (batch, time, d_model), the state, and the attention to the text.

        dropped: (batch,) bool, rows that read no text; all of them without ``memory``.
        """
        x, lower = self.lower.forward(x, state.lower, mask)
        track, weights = state.track, None
        if self.cross is not None and present is not None:
            keys, values = memory
            y, weights, track = self.cross.forward(x, mask, keys, values, present[:, : keys.shape[2]], track)
            x = x + (y if dropped is None else torch.where(dropped[:, None, None], self.no_text, y))
        elif self.cross is not None:
            x = x + self.no_text
        x, upper = self.upper.forward(x, state.upper, mask)
        return self.norm(x), FishState(lower, track, upper), weights

    def start_frame(self) -> Tensor:
        return torch.zeros(len(self.codebooks), dtype=torch.long)

    def max_frames(self, mask: Tensor) -> Tensor:
        count, slowest = mask.sum(1), SLOWEST if self.aligned is not None else 1
        return (slowest * (self.config.extra_frames + count * self.config.frames_per_token)).long()

    def advance(
        self, frame: Tensor, position: Tensor, token: Tensor, memory: Any, present: Tensor, layers: Any
    ) -> Advance:
        """See `AutoregressiveModel.advance`; ``frame`` may also be what `embed` makes of it."""
        x = (frame if frame.is_floating_point() else self.embed(frame, position))[:, None]
        guided, dropped = self.config.guidance > 1.0, None
        if guided:
            x, position, present, memory = pytree.tree_map(lambda part: torch.cat([part, part]), (x, position, present, memory))
            layers = pytree.tree_map(lambda *parts: torch.cat(parts), *layers)
            dropped = torch.arange(len(x), device=x.device) >= len(token)
        stop = torch.zeros_like(position, dtype=torch.bool)
        if self.aligned is not None:
            h, ends = memory[0][:, 0], memory[1][:, 0, :, 0]
            reading = self.aligned(h, ends, present[:, : h.shape[1]], position[:, None])
            x = x + (reading.x if dropped is None else torch.where(dropped[:, None, None], self.no_text, reading.x))
            token, stop = reading.token[: len(token), 0].float(), reading.last[:, 0]
        y, layers, weights = self.layers(x, torch.ones_like(x[..., 0], dtype=torch.bool), layers, memory, present, dropped)
        logits, stops, places = self.heads(y[:, 0])
        if stops is None:
            end = torch.full_like(logits[:, :1], NEVER)
        else:
            end = torch.where(position[:, None] > 0, stops[:, None], NEVER)
        if weights is not None:
            token = torch.maximum(token, weights[: len(token), 0].argmax(-1).float())
        if places is not None:
            token = torch.maximum(token, (places * (present.sum(1) - 1).clamp(min=0)).round())
        first, rest = logits.split([self.codebooks[0], logits.shape[1] - self.codebooks[0]], dim=1)
        first, hidden = torch.cat([first, end], dim=1), y[:, 0] if self.depth is not None else rest
        if guided:
            first, stop = self._guide(first), stop[: len(token)]
            layers = tuple(pytree.tree_map(lambda part: part.chunk(2)[half], layers) for half in range(2))
            hidden = torch.cat(hidden.chunk(2), dim=1) if self.depth is not None else self._guide(hidden)
        return Advance(first, token, stop, layers, hidden)

    def heads(self, h: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """h (n, d_model) → logits of the codes (n, …), of the end (n,), and the place in the text (n,), 0 … 1."""
        # one product: a runtime sums a single column in another order for one row than for many
        heads = [head for head in (self.head, self.stop, self.progress) if head is not None]
        y = F.linear(h, torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads]))
        logits, *others = y.split([len(self.head.weight), *[1] * (len(heads) - 1)], dim=1)
        stops = others[0][:, 0] if self.stop is not None else None
        return logits, stops, others[-1][:, 0].sigmoid() if self.progress is not None else None

    def initial_codes(self, batch: int) -> State:
        if self.depth is None:
            return ()
        fresh = self.depth.initial_state(batch)
        return (fresh, fresh) if self.config.guidance > 1.0 else fresh

    def next_code(self, hidden: Tensor, code: Tensor, codebook: Tensor, state: State) -> tuple[Tensor, State]:
        if self.depth is None:
            rows = hidden.unflatten(1, (len(self.codebooks) - 1, -1))
            chosen = torch.arange(rows.shape[1], device=code.device) == (codebook - 1)[:, None]
            return (rows * chosen[..., None]).sum(1), state
        if self.config.guidance == 1.0:
            return self.depth.step(hidden, code, codebook, state)
        halves = zip(hidden.chunk(2, dim=1), state, strict=True)
        made = [self.depth.step(half, code, codebook, layers) for half, layers in halves]
        return self._guide(torch.cat([logits for logits, _ in made])), tuple(layers for _, layers in made)

    def _guide(self, logits: Tensor) -> Tensor:
        """Rows with text, then the same without."""
        with_text, without = logits.chunk(2)
        return without + self.config.guidance * (with_text - without)

    # -- training and references ----------------------------------------------------------------------------------

    def delayed(self, codes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """codes (batch, time, codebook) and mask (batch, time) as they are drawn: with a delay, later and longer."""
        if not self.delay:
            return codes, mask
        codes = codes.masked_fill(~mask[..., None], -1)
        parts = [F.pad(codes[..., k], (k, self.delay - k), value=-1) for k in range(self.delay + 1)]
        return torch.stack(parts, dim=-1), F.pad(mask, (self.delay, 0), value=True)

    def fresh(self, batch: int) -> FishState:
        """The state of one pass, without guidance."""
        layers: Any = self.initial_layers(batch)
        return layers[0] if self.config.guidance > 1.0 else layers

    def after_prompt(self, codes: Tensor, mask: Tensor) -> FishState:
        """The state after the codes (batch, time, codebook) of a reference, before the first frame of a sentence."""
        codes, mask = self.delayed(codes, mask)
        x = self.codes(codes) + (self.no_text if self.aligned is not None else 0.0)
        x, mask = packed_to_the_right(x, mask, x.shape[1])
        return self.layers(x, mask, self.fresh(len(codes)))[1]

    @torch.no_grad()
    def prompt(self, codes: Tensor) -> Tensor:
        """codes (time, codebook) of a recording → the array ``prompt`` of a reference, (step, `PROMPT_CHANNELS`)."""
        state = self.after_prompt(codes[None], torch.ones_like(codes[None, :, 0], dtype=torch.bool))
        both = (state, state) if self.config.guidance > 1.0 else state
        parts = [leaf[0].float().flatten() for leaf in pytree.tree_leaves(both) if leaf.is_floating_point()]
        numbers = torch.cat(parts)
        (entry,) = self.reference_inputs
        return F.pad(numbers, (0, entry.max_steps * entry.channels - len(numbers))).reshape(entry.max_steps, -1)

    def teacher_forced(
        self, codes: Tensor, targets: Tensor, mask: Tensor, h: Tensor, present: Tensor, ends: Tensor | None = None,
        layers: FishState | None = None, dropped: Tensor | None = None,
    ) -> Prediction:  # fmt: skip
        """Each frame from those before it.

        Args:
            codes: (batch, time, codebook), as `delayed` returns them; what is read, errors among them.
            targets: The same without errors: the further codes of ``depth`` are made from them.
            mask: (batch, time), which of them exist.
            h: `read` of the text, (batch, token, d_model); present (batch, token).
            ends: (batch, token) float, the frame after each token's last, for ``aligned``.
            layers: The state that a reference left.
            dropped: (batch,) bool, rows that read no text.
        """
        time, index = codes.shape[1], torch.arange(codes.shape[1], device=codes.device).expand(codes.shape[:2])
        layers = self.fresh(len(codes)) if layers is None else layers
        x, memory = self.embed(F.pad(codes[:, :-1], (0, 0, 1, 0)), index), ()
        if self.aligned is not None:
            assert ends is not None, "aligned text, but no durations"
            text = self.aligned(h, ends, present, index).x
            x = x + (text if dropped is None else torch.where(dropped[:, None, None], self.no_text, text))
        elif self.cross is not None:
            memory = self.cross.memory(h)
        else:
            layers = self.layers(*packed_to_the_right(h, present, h.shape[1]), layers)[1]
        y, _, weights = self.layers(x[:, :time], mask, layers, memory, present, dropped)
        y = y[mask]
        logits, stops, places = self.heads(y)
        logits = logits.unflatten(1, (-1, self.codebooks[0]))
        if self.depth is not None:
            logits = torch.cat([logits, self.depth.whole(y, targets[mask])], dim=1)
        return Prediction(logits, stops, weights, places)
