"""Models that generate one frame after another, each from those before it and from the text: one family, many systems.

    tokens ─encode─▶ memory
    frame[t], memory, state ─advance─▶ frame[t + 1], the position in the text, whether speech is done

A frame is a vector of floats, to which noise may be added, or an integer for each of several codebooks. Of codes,
`advance` gives the logits of the first, and `next_code` those of each further one, from the codes chosen so far. With
a ``delay``, codebook k of a frame is drawn k steps after its first (MusicGen, arXiv 2306.05284).

A system of this family is a subclass with `encode`, `advance` and a start frame. What it reads first may also be what
its state is before the first frame (`prefill`). The loop over frames, the graphs and
their runtime (`ssmphony.runtime.autoregressive`) are the family's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.interfaces import State, VoiceModel
from ssmphony.model_inputs import ModelInputs, model_inputs
from ssmphony.models.graph_inputs import graph_inputs
from ssmphony.sampling import NO_CODE, Sampler, draw_codes, seeded_noise
from ssmphony.types import Frames, SsmphonyError, Style, Tokens


class Advance(NamedTuple):
    """The result of one step. token: (batch,), the position in the text, in tokens; stop: (batch,) bool, the frame is
    the last; layers: the new state."""

    frame: Tensor
    """(batch, channel): the next frame; of codes, the logits (batch, 1 + size) of the first, whose last one ends."""
    token: Tensor
    stop: Tensor
    layers: State
    hidden: Tensor | None = None
    """(batch, channel): of codes, what `next_code` reads."""


class AutoregressiveState(NamedTuple):
    """A batch of sentences between two frames; batch first, and of the same shape whatever the sentences."""

    memory: State
    """What `encode` returned for the text, padded to ``max_tokens`` tokens."""
    present: Tensor
    """(batch, max_tokens) bool: which tokens there are."""
    frame: Tensor
    """(batch, channel): the last frame, or the start frame; with a delay, the codes drawn last."""
    position: Tensor
    """(batch,) int: steps so far."""
    token: Tensor
    """(batch,): the position in the text, in tokens: never further back than before."""
    max_frames: Tensor
    """(batch,) int: a sentence has at most this many frames; once its end is known, exactly."""
    done: Tensor
    """(batch,) bool."""
    seed: Tensor
    """(batch,) int."""
    layers: State
    recent: tuple[Tensor, ...] = ()
    """Of codes that must not repeat or are delayed, those drawn last, (batch, window, codebook); else nothing."""
    places: tuple[Tensor, ...] = ()
    """Of codes that are delayed, the positions in the text in the last steps, (batch, delay)."""
    sampling: tuple[Tensor, ...] = ()
    """Of codes, (batch, 3): what the style asks for, see `Sampler.following`."""


class AutoregressiveModel(nn.Module, VoiceModel):
    """Base of the systems of this family.

    A step is ``block`` frames; sentences have at most ``max_tokens`` tokens; ``speaker_names`` are the rows of
    the speaker table, the voice's own first.
    """

    family = "autoregressive"
    block: int
    lookahead = 0
    max_tokens: int
    speaker_names: tuple[str, ...]
    speaker_tables: tuple[str, ...] = ("speakers.weight",)
    """Names of the weights that have a row for each speaker."""
    reads: tuple[str, ...] = ("ids", "mask", "speaker")
    """The fields of `ModelInputs` that are inputs of the ``encoder`` graph."""
    codebooks: Sequence[int] = ()
    """Sizes of the codebooks of a frame of codes; empty for frames of floats."""
    sampler: Sampler | None = None
    """How codes are drawn."""
    delay = 0
    """0, or one less than there are codebooks: codebook k of frame t is drawn in step ``t + k``."""
    prefills = False
    """Whether the state before the first frame depends on what was read."""
    reads_noise = False
    """Whether `advance` draws a frame of floats from standard normal noise (batch, channel), a function of seed and
    position."""

    @abstractmethod
    def encode(self, inputs: ModelInputs) -> State:
        """A whole sentence → what `advance` attends to: tensors (batch, head, token, channel), nested as the model
        likes. ``inputs`` has the fields that `reads` names, and the reference where the model reads one."""

    @abstractmethod
    def initial_layers(self, batch: int) -> State:
        """The state of `advance` before the first frame."""

    def prefill(self, inputs: ModelInputs, memory: State) -> State:
        """The state of `advance` before the first frame of sentences; of a model that ``prefills``."""
        return self.initial_layers(inputs.ids.shape[0])

    @abstractmethod
    def start_frame(self) -> Tensor:
        """(channel,): the input of the first step, before there is a frame."""

    @abstractmethod
    def max_frames(self, mask: Tensor) -> Tensor:
        """The most frames that a sentence of tokens (batch, token) may have, (batch,): it is never endless."""

    @abstractmethod
    def advance(
        self, frame: Tensor, position: Tensor, token: Tensor, memory: Any, present: Tensor, layers: Any,
        noise: Tensor | None = None,
    ) -> Advance:  # fmt: skip
        """One frame on: frame (batch, channel), position and token (batch,) as in `AutoregressiveState`, memory of
        `encode`, present (batch, token), which of its tokens there are; memory may have fewer tokens. ``noise`` where
        the model `reads_noise`."""

    def noise_std(self) -> Tensor:
        """(channel,): the standard deviation of the noise on a frame of floats."""
        return torch.zeros_like(self.start_frame(), dtype=torch.float32)

    def initial_codes(self, batch: int) -> State:
        """The state of `next_code` before the second codebook."""
        raise NotImplementedError(f"{type(self).__name__} has several codebooks, but no state of them")

    def next_code(self, hidden: Tensor, code: Tensor, codebook: Tensor, state: State) -> tuple[Tensor, State]:
        """The logits (batch, largest size) of codebook (batch,) int, 1 or more, given the code (batch,) int of the
        one before it and ``hidden`` of `Advance`, and the new state."""
        raise NotImplementedError(f"{type(self).__name__} has several codebooks, but makes no code after the first")

    # -- speaking -------------------------------------------------------------------------------------------------

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> AutoregressiveState:
        arrays = model_inputs(self, tokens, styles, fewest=1)
        padding = self.max_tokens - arrays.ids.shape[1]
        if padding < 0:
            raise SsmphonyError(
                f"a sentence has {arrays.ids.shape[1]} tokens, this voice reads {self.max_tokens}: cut it"
            )
        device = next(self.parameters()).device
        inputs = pytree.tree_map(lambda array: torch.from_numpy(array).to(device), arrays)
        memory, mask = self.encode(inputs), inputs.mask
        count, batch = mask.sum(1), len(tokens)
        window = max(self.sampler.remembers if self.sampler else 0, self.delay) if self.codebooks else 0
        state = AutoregressiveState(
            memory=pytree.tree_map(lambda part: F.pad(part, (0, 0, 0, padding)), memory),
            present=F.pad(mask, (0, padding)),
            frame=self.start_frame().expand(batch, -1),
            position=torch.zeros_like(count),
            token=torch.zeros_like(count, dtype=torch.float32),
            max_frames=self.max_frames(mask),
            done=count == 0,
            seed=inputs.seeds,
            layers=self.prefill(inputs, memory) if self.prefills else self.initial_layers(batch),
            recent=(count.new_full((batch, window, len(self.codebooks)), NO_CODE),) if window else (),
            places=(mask.new_zeros((batch, self.delay), dtype=torch.float32),) if self.delay else (),
            sampling=(inputs.sampling,) if self.codebooks else (),
        )
        for _ in range(self.delay):  # codes of the first frame
            state, *_ = self.one_frame(state)
        return state

    def step(self, state: AutoregressiveState) -> tuple[Frames, AutoregressiveState]:
        frames: list[Tensor] = []
        tokens: list[Tensor] = []
        lengths = torch.zeros_like(state.position)
        for _ in range(self.block):
            before = state
            state, frame, token = self.one_frame(state)
            lengths = lengths + (~before.done & (before.position - self.delay < state.max_frames))
            frames.append(frame)
            tokens.append(token.long())
        return Frames(torch.stack(frames, dim=1), torch.stack(tokens, dim=1), lengths), state

    def one_frame(self, state: AutoregressiveState) -> tuple[AutoregressiveState, Tensor, Tensor]:
        """The state after one step, the frame (batch, channel) whose last code was drawn, and the position in the text
        (batch,) when its first was."""
        noise = None
        if self.reads_noise:
            drawn = seeded_noise(state.seed.tolist(), state.position.tolist(), state.frame.shape[1])
            noise = torch.from_numpy(drawn).to(state.frame.device)
        made = self.advance(state.frame, state.position, state.token, state.memory, state.present, state.layers, noise)
        frame, ended = self._frame(made, state)
        last = state.position + (~ended & made.stop).long()
        most = torch.where(ended | made.stop, torch.minimum(state.max_frames, last), state.max_frames)
        if self.delay:  # frames that are not to come have no codes
            of_frame = state.position[:, None] - torch.arange(self.delay + 1, device=frame.device)
            frame = torch.where(of_frame < most[:, None], frame, NO_CODE)
        position = state.position + 1
        done = state.done | (position - self.delay >= most)
        recent = tuple(torch.cat([codes[:, 1:], frame[:, None]], dim=1) for codes in state.recent)
        places = tuple(torch.cat([old[:, 1:], made.token[:, None]], dim=1) for old in state.places)
        new = state._replace(
            frame=frame,
            position=position,
            token=made.token,
            max_frames=most,
            done=done,
            layers=made.layers,
            recent=recent,
            places=places,
        )
        if not self.delay:
            return new, frame, made.token
        drawn = torch.cat([state.recent[0][:, -self.delay :], frame[:, None]], dim=1)
        return new, drawn.diagonal(dim1=1, dim2=2).clamp(min=0), state.places[0][:, 0]

    def _frame(self, made: Advance, state: AutoregressiveState) -> tuple[Tensor, Tensor]:
        """The next frame, or the codes drawn in this step, and (batch,) bool: the end came in place of the first."""
        seeds, positions = state.seed.tolist(), state.position.tolist()
        device = made.frame.device
        sizes = self.codebooks
        if not sizes:
            spread = self.noise_std()
            if bool(spread.any()):
                noise = seeded_noise(seeds, positions, made.frame.shape[1])
                return made.frame + spread * torch.from_numpy(noise).to(device), torch.zeros_like(state.done)
            return made.frame, torch.zeros_like(state.done)
        sampler, window = self.sampler or Sampler(), self.sampler.remembers if self.sampler else 0
        recent = state.recent[0][:, -window:].cpu().numpy() if window else None
        asked = state.sampling[0].cpu().numpy()

        def draw(logits: Tensor, codebook: int) -> Tensor:
            values = logits.detach().float().cpu().numpy()
            last = recent[..., codebook] if recent is not None else None
            return torch.from_numpy(draw_codes(values, seeds, positions, sampler, codebook, last, asked)).to(device)

        first = draw(made.frame, 0)
        codes = [first.clamp(max=sizes[0] - 1)]
        if len(sizes) > 1:
            assert made.hidden is not None, "several codebooks, but nothing that the further ones read"
            layers = self.initial_codes(len(first))
            for codebook, size in enumerate(sizes[1:], start=1):
                logits, layers = self.next_code(made.hidden, codes[-1], torch.full_like(first, codebook), layers)
                code = draw(logits[:, :size], codebook)
                codes.append(torch.where(state.position < codebook, NO_CODE, code) if self.delay else code)
        return torch.stack(codes, dim=1), first == sizes[0]

    # -- export ---------------------------------------------------------------------------------------------------

    def graphs(self) -> tuple[GraphSpec, ...]:
        """``encoder``, ``predictor`` and, of several codebooks, ``codes``, as `ssmphony.runtime.autoregressive` runs
        them."""
        read, axes = graph_inputs(self, self.reads, self.max_tokens)
        length = Axis("tokens", 2, self.max_tokens)
        with torch.no_grad():
            example = self.encode(ModelInputs.from_named(read))
        layers = self.initial_layers(2)
        filled = [leaf for leaf in pytree.tree_leaves(layers) if leaf.numel()] if self.prefills else []
        prefilled = tuple(f"layer_{index}" for index in range(len(filled)))
        memory = {
            f"memory_{index}": torch.zeros(*part.shape[:2], self.max_tokens, part.shape[3])
            for index, part in enumerate(pytree.tree_leaves(example))
        }
        start = self.start_frame().detach()
        step = {
            "frame": torch.zeros(2, len(start), dtype=start.dtype),
            "position": torch.zeros(2, dtype=torch.long),
            "token": torch.ones(2),
            "present": torch.ones(2, self.max_tokens, dtype=torch.bool),
            **({"noise": torch.zeros(2, len(start))} if self.reads_noise else {}),
            **memory,
        }
        outputs = ("logits", *(["hidden"] if len(self.codebooks) > 1 else [])) if self.codebooks else ("new_frame",)
        specs = [
            GraphSpec(
                name="encoder",
                module=_Reader(self, tuple(read)),
                inputs=read,
                outputs=(*memory, "start", "noise_std", "max_frames", *prefilled),
                axes=axes,
                longest=self.max_tokens,
            ),
            GraphSpec(
                name="predictor",
                module=_Predictor(self, pytree.tree_structure(example)),
                inputs=step,
                outputs=(*outputs, "new_token", "stop"),
                axes={name: {2: length} for name in memory},
                state=layers,
            ),
        ]
        if len(self.codebooks) > 1:
            with torch.no_grad():
                zeros = pytree.tree_unflatten(list(memory.values()), pytree.tree_structure(example))
                frame, present = step["frame"], step["present"]
                made = self.advance(frame, step["position"], step["token"], zeros, present, layers)
            assert made.hidden is not None, "several codebooks, but nothing that the further ones read"
            inner = {
                "hidden": torch.zeros_like(made.hidden),
                "code": torch.zeros(2, dtype=torch.long),
                "codebook": torch.ones(2, dtype=torch.long),
            }
            specs.append(GraphSpec("codes", _Codes(self), inner, ("logits",), state=self.initial_codes(2)))
        return tuple(specs)


class _Reader(nn.Module):
    """A whole sentence: the memory, the start frame, the standard deviation of the noise, the most frames, and what the
    state is prefilled with."""

    def __init__(self, model: AutoregressiveModel, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        inputs = ModelInputs.from_named(dict(zip(self.names, arrays, strict=True)))
        memory = self.model.encode(inputs)
        batch = inputs.mask.shape[0]
        start, spread = (row.expand(batch, -1) for row in (self.model.start_frame(), self.model.noise_std()))
        layers = pytree.tree_leaves(self.model.prefill(inputs, memory)) if self.model.prefills else []
        return (
            *pytree.tree_leaves(memory),
            start.clone(),
            spread.clone(),
            self.model.max_frames(inputs.mask),
            *(leaf for leaf in layers if leaf.numel()),
        )


class _Predictor(nn.Module):
    def __init__(self, model: AutoregressiveModel, memory: pytree.TreeSpec) -> None:
        super().__init__()
        self.model = model
        self.memory = memory

    def forward(
        self, frame: Tensor, position: Tensor, token: Tensor, present: Tensor, *rest: Tensor
    ) -> tuple[tuple[Tensor, ...], State]:
        """rest: noise, where the model reads it, the tensors of the memory, and the state."""
        first = int(self.model.reads_noise)
        memory = pytree.tree_unflatten(list(rest[first:-1]), self.memory)
        noise = rest[0] if self.model.reads_noise else None
        made = self.model.advance(frame, position, token, memory, present, rest[-1], noise)
        hidden = () if made.hidden is None or len(self.model.codebooks) < 2 else (made.hidden,)
        return (made.frame, *hidden, made.token, made.stop), made.layers


class _Codes(nn.Module):
    def __init__(self, model: AutoregressiveModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, hidden: Tensor, code: Tensor, codebook: Tensor, state: State) -> tuple[Tensor, State]:
        return self.model.next_code(hidden, code, codebook, state)
