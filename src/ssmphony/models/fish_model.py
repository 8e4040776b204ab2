"""The model of Fish Speech on state spaces; see `ssmphony.models.fish`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from ssmphony.config import choose
from ssmphony.graph_spec import GraphSpec
from ssmphony.interfaces import Prompted, State, Styled
from ssmphony.model_inputs import ModelInputs
from ssmphony.models import style
from ssmphony.models.autoregressive import Advance, AutoregressiveModel
from ssmphony.models.fish import UNNAMED, FishConfig
from ssmphony.models.fish_codes import CODE_STD, CodeEmbedding, DepthStack
from ssmphony.models.fish_text import AlignedText, CrossText, packed_to_the_right
from ssmphony.nn import sinusoids
from ssmphony.types import STYLE, ReferenceInput, Samples, SsmphonyError

PROMPT = "prompt"
PROMPT_CHANNELS = 4096
"""Columns of a reference's array, which holds a state as one row of numbers cut into equal pieces."""
NEVER = -1e4
"""The logit of an end that is not to come."""
LORA_GROUPS = {
    "mamba": r"^(lower|upper)\.layers\.\d+\.mixer\.(in_proj|x_proj|out_proj)$",
    "s4": r"^(lower|upper)\.layers\.\d+\.mixer\.output\.linear$",
    "text": r"^(text_blocks|aligned|cross)\.",
    "depth": r"^depth\.(enter|stack)",
    "head": r"^head$",
}
"""What LoRA may adapt. Not the matrices of state spaces: there it fails (arXiv 2410.09016)."""
SLOWEST = 4
"""A style may speak a quarter as fast."""


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


class Fish(AutoregressiveModel, Prompted, Styled):
    """See `ssmphony.models.fish`. Training goes through `read`, `prompt` and `teacher_forced`."""

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
        encodes = config.text != "prefix"
        self.text_blocks = config.encoder.build() if encodes else None
        self.text_norm = nn.LayerNorm(d_model) if encodes else None
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
            # a graph takes an axis of one length for a constant
            self.reference_inputs = (ReferenceInput(PROMPT, PROMPT_CHANNELS, max(3, -(-size // PROMPT_CHANNELS))),)
            follows.add("reference")
        self.style = self.style_enter = None
        if config.d_style:
            self.style = style.StyleEncoder(config.reference.n_mels, config.d_style, config.style_encoder)
            self.style_enter = nn.Linear(config.d_style, d_model, bias=False)
            nn.init.zeros_(self.style_enter.weight)  # at first a reference is its prompt alone
            self.reference_inputs += (ReferenceInput(STYLE, config.d_style, style.MOST_STYLES),)
            self.reference_mel = config.reference
        self.capabilities = frozenset(follows)
        nn.init.normal_(self.symbols.weight, std=CODE_STD)
        nn.init.normal_(self.speakers.weight, std=0.1)

    # -- text -----------------------------------------------------------------------------------------------------

    def read(self, ids: Tensor, mask: Tensor, speaker: Tensor, styles: Tensor | None = None) -> Tensor:
        """ids, mask (batch, token), speaker (batch,), styles (batch, d_style), zeros where there is none → states of
        the text (batch, token, d_model), of ``prefix`` what the layers over frames read."""
        places = self.text_place * sinusoids(torch.arange(ids.shape[1], device=ids.device), self.config.d_model)
        who = self.speakers(speaker)
        if self.style_enter is not None and styles is not None:
            who = who + self.style_enter(styles)
        x = (self.symbols(ids) + who[:, None] + places) * mask[..., None]
        if self.text_blocks is None or self.text_norm is None:
            return x
        return self.text_norm(self.text_blocks(x, mask)) * mask[..., None]

    def encode(self, inputs: ModelInputs) -> State:
        speaker, styles = inputs.speaker, None
        if self.style is not None and inputs.reference:
            styles = style.mean_style(inputs)[0]
        if self.reference_inputs and UNNAMED in self.speaker_names and inputs.reference:
            unnamed = torch.full_like(speaker, self.speaker_names.index(UNNAMED))
            speaker = torch.where(inputs.reference[f"{PROMPT}_mask"].any(1), unnamed, speaker)
        h = self.read(inputs.ids, inputs.mask, speaker, styles)
        if self.aligned is not None:
            ends = self.aligned.ends(h, inputs.mask, inputs.speeds, self.max_frames(inputs.mask))
            return h[:, None], ends[:, None, :, None]
        return () if self.cross is None else self.cross.memory(h)

    def style_of(self, samples: Samples) -> Samples:
        return style.style_of(self.style, samples, self.config.reference)

    def graphs(self) -> tuple[GraphSpec, ...]:
        """Those of the family and, with styles, that of their encoder."""
        return (*super().graphs(), *style.style_graphs(self.style, self.config.reference))

    # -- frames ---------------------------------------------------------------------------------------------------

    def initial_layers(self, batch: int) -> State:
        # of tensors of its own: an exporter takes inputs that are one tensor for one input
        return (self.fresh(batch), self.fresh(batch)) if self.config.guidance > 1.0 else self.fresh(batch)

    def prefill(self, inputs: ModelInputs, memory: State) -> State:
        """Fresh, or after a reference or the text."""
        fresh = self.initial_layers(inputs.ids.shape[0])
        if self.config.text == "prefix":
            x, mask = packed_to_the_right(
                self.read(inputs.ids, inputs.mask, inputs.speaker), inputs.mask, self.max_tokens
            )
            return self.layers(x, mask, fresh)[1]
        if not inputs.reference:
            return fresh
        numbers, given = inputs.reference[PROMPT].flatten(1), inputs.reference[f"{PROMPT}_mask"].any(1)
        entry, parts = self.reference_inputs[0], list[Tensor]()
        numbers = F.pad(numbers, (0, entry.max_steps * entry.channels))  # nothing was given, so it was short
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
            follows = mask & present.any(1, keepdim=True)
            y, weights, track = self.cross.forward(x, follows, keys, values, present[:, : keys.shape[2]], track)
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
        self, frame: Tensor, position: Tensor, token: Tensor, memory: Any, present: Tensor, layers: Any,
        noise: Tensor | None = None,
    ) -> Advance:  # fmt: skip
        """See `AutoregressiveModel.advance`; ``frame`` may also be what `embed` makes of it. Rows without any token
        present read no text: what is known of a recording is its codes."""
        x = (frame if frame.is_floating_point() else self.embed(frame, position))[:, None]
        guided, rows = self.config.guidance > 1.0, token.shape[0]
        dropped = ~present.any(1)  # a recording, whose text is not known
        if guided:
            x, position, present, memory = pytree.tree_map(
                lambda part: torch.cat([part, part]), (x, position, present, memory)
            )
            layers = pytree.tree_map(lambda *parts: torch.cat(parts), *layers)
            dropped = torch.cat([dropped, torch.ones_like(dropped)])
        stop = torch.zeros_like(position, dtype=torch.bool)
        if self.aligned is not None:
            h, ends = memory[0][:, 0], memory[1][:, 0, :, 0]
            reading = self.aligned(h, ends, present[:, : h.shape[1]], position[:, None])
            x = x + torch.where(dropped[:, None, None], self.no_text, reading.x)
            token, stop = reading.token[:rows, 0].float(), reading.last[:, 0]
        y, layers, weights = self.layers(
            x, torch.ones_like(x[..., 0], dtype=torch.bool), layers, memory, present, dropped
        )
        logits, stops, places = self.heads(y[:, 0])
        if stops is None:
            end = torch.full_like(logits[:, :1], NEVER)
        else:
            end = torch.where(position[:, None] > 0, stops[:, None], NEVER)
        if weights is not None:
            token = torch.maximum(token, weights[:rows, 0].argmax(-1).float())
        if places is not None:
            token = torch.maximum(token, (places * (present.sum(1) - 1).clamp(min=0)).round())
        first, rest = logits.split([self.codebooks[0], logits.shape[1] - self.codebooks[0]], dim=1)
        first, hidden = torch.cat([first, end], dim=1), y[:, 0] if self.depth is not None else rest
        if guided:
            first, stop = self._guide(first), stop[:rows]
            layers = tuple(_rows(layers, half) for half in (slice(rows), slice(rows, None)))
            hidden = torch.cat([hidden[:rows], hidden[rows:]], dim=1) if self.depth is not None else self._guide(hidden)
        return Advance(first, token, stop, layers, hidden)

    def heads(self, h: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """h (n, d_model) → logits of the codes (n, …), of the end (n,), and the position in the text (n,), 0 … 1."""
        # one product: a runtime sums a single column in another order for one row than for many
        heads = [head for head in (self.head, self.stop, self.progress) if head is not None]
        y = F.linear(h, torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads]))
        logits, *others = y.split([len(self.head.weight), *[1] * (len(heads) - 1)], dim=1)
        stops = others[0][:, 0] if self.stop is not None else None
        return logits, stops, others[-1][:, 0].sigmoid() if self.progress is not None else None

    def initial_codes(self, batch: int) -> State:
        if self.depth is None:
            return ()
        fresh = self.depth.initial_state
        return (fresh(batch), fresh(batch)) if self.config.guidance > 1.0 else fresh(batch)

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
        rows = logits.shape[0] // 2
        with_text, without = logits[:rows], logits[rows:]
        return without + self.config.guidance * (with_text - without)

    # -- training and references ----------------------------------------------------------------------------------

    def delayed(self, codes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """codes (batch, time, codebook) and mask (batch, time) as they are drawn: with a delay, later and longer."""
        if not self.delay:
            return codes, mask
        codes = codes.masked_fill(~mask[..., None], -1)
        parts = [F.pad(codes[..., k], (k, self.delay - k), value=-1) for k in range(self.delay + 1)]
        return torch.stack(parts, dim=-1), F.pad(mask, (self.delay, 0), value=True) & mask.any(1, keepdim=True)

    def lora_target_modules(self, groups: Sequence[str]) -> list[str]:
        """Names of the linear layers of groups of parts, for ``peft.LoraConfig(target_modules=…)``.

        PEFT finds a layer by its name and skips what has none: ``mamba`` and ``s4`` are the names of no linear layer.

        Args:
            groups: Of ``mamba``, ``s4``, ``text`` (the text encoder), ``depth`` and ``head``.

        Raises:
            SsmphonyError: For another group, and for one of which this model has no layer.
        """
        found = list[str]()
        for group in groups:
            pattern = re.compile(choose(LORA_GROUPS, group, "group of layers"))
            linears = [name for name, part in self.named_modules() if isinstance(part, nn.Linear)]
            names = [name for name in linears if pattern.search(name)]
            if not names:
                raise SsmphonyError(f"this model has no layer of the group '{group}'")
            found += names
        return found

    def fresh(self, batch: int) -> FishState:
        """The state of one pass, without guidance."""
        track = () if self.cross is None else self.cross.initial_state(batch)
        return FishState(self.lower.initial_state(batch), track, self.upper.initial_state(batch))

    def after_prompt(self, codes: Tensor, mask: Tensor) -> FishState:
        """The state after the codes (batch, time, codebook) of references, before the first frame of a sentence.

        Rows without a reference, whose mask is False, are fresh, and cost nothing.
        """
        given, fresh = mask.any(1).nonzero()[:, 0], self.fresh(len(codes))
        if not len(given):
            return fresh
        codes, mask = self.delayed(codes[given], mask[given])
        x = self.codes(codes) + (self.no_text if self.aligned is not None else 0.0)
        x, mask = packed_to_the_right(x, mask, int(mask.sum(1).max()))
        state = self.layers(x, mask, self.fresh(len(given)))[1]
        return pytree.tree_map(lambda rows, some: rows.index_copy(0, given, some.to(rows.dtype)), fresh, state)

    @torch.no_grad()
    def prompt(self, frames: Tensor) -> Tensor:
        """Codes (time, codebook) of a recording → the array ``prompt`` of a reference, (step, `PROMPT_CHANNELS`)."""
        state = self.after_prompt(frames[None], torch.ones_like(frames[None, :, 0], dtype=torch.bool))
        both = (state, state) if self.config.guidance > 1.0 else state
        parts = [leaf[0].float().flatten() for leaf in pytree.tree_leaves(both) if leaf.is_floating_point()]
        numbers = torch.cat(parts)
        entry = self.reference_inputs[0]
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


def _rows(state: State, rows: slice) -> State:
    return pytree.tree_map(lambda part: part[rows], state)
