"""The model of LeWM TTS; see `ssmphony.models.lewm`."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.graph_spec import GraphSpec
from ssmphony.interfaces import SequenceLayer, State, Styled
from ssmphony.model_inputs import ModelInputs
from ssmphony.models import style
from ssmphony.models.autoregressive import Advance, AutoregressiveModel, AutoregressiveState
from ssmphony.models.fish_model import SLOWEST
from ssmphony.models.fish_text import AlignedText
from ssmphony.models.lewm import LeWMConfig
from ssmphony.models.lewm_heads import FlowHead, GaussianHead
from ssmphony.models.lewm_memory import Memory, linear_places, within_window
from ssmphony.nn import Block, CrossAttention, FeedForward, sinusoids
from ssmphony.ssm.exportable import softplus
from ssmphony.types import STYLE, ReferenceInput, Samples

FRAMES = "frames"
"""The latents of a reference, by their codec."""
LONGEST_REFERENCE = 1024
"""Latents of a reference that are read."""
NOISE_STEPS = 97
"""Latents after which the noise on the input repeats."""
WIDTH = 4.0
"""Standard deviation, in tokens, of the Gaussian that attention is drawn to before training: a syllable in UTF-8."""


class Prediction(NamedTuple):
    """What the predictor says of the latent after each of its inputs."""

    latents: Tensor
    """(batch, time, d_latent): the means."""
    stops: Tensor | None
    """(batch, time): logits of being the last; None for aligned speech, whose end is known."""
    attention: Tensor
    """(batch, time, token): the mean over heads and layers."""
    paces: Tensor | None
    """(batch, time): by how many tokens it is further in the text; None without ``pace_head``."""
    hidden: Tensor
    """(batch, time, d_model): what a head that draws reads."""


class PredictorBlock(nn.Module):
    """A causal mixer, attention to the text if ``cross``, and a feed-forward; each is pre-norm and residual."""

    def __init__(self, config: LeWMConfig, cross: bool) -> None:
        super().__init__()
        mixer = cast("SequenceLayer", config.mixer.build())
        self.mixer = Block(config.d_model, mixer, 0, config.dropout)
        self.cross_norm = nn.LayerNorm(config.d_model) if cross else None
        self.cross = CrossAttention(config.d_model, config.n_heads) if cross else None
        self.log_width = (
            nn.Parameter(torch.full((config.n_heads,), math.log(WIDTH)))
            if cross and (config.pace_head or config.placement == "aligned")
            else None
        )
        self.ffn_norm = nn.LayerNorm(config.d_model)
        self.ffn = FeedForward(config.d_model, config.d_ffn, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def pull(self, distance: Tensor | None) -> Tensor | None:
        """The bias of attention to tokens at a ``distance`` (batch, time, token): (batch, head, time, token)."""
        if distance is None or self.log_width is None:
            return None
        return -0.5 * (distance[:, None] * torch.exp(-self.log_width)[:, None, None]).square()


class LeWM(AutoregressiveModel, Styled):
    """See `ssmphony.models.lewm`. Training goes through `read` and `teacher_forced`."""

    noise: Tensor
    speaker_means: Tensor
    """(speaker, d_latent), with ``mean_latent``."""

    def __init__(self, config: LeWMConfig) -> None:
        super().__init__()
        self.config = config
        self.block, self.max_tokens = config.block, config.max_seq
        self.speaker_names = config.speakers
        d_model, styled, aligned = config.d_model, config.d_style, config.placement == "aligned"
        self.reads_noise = config.head != "mse"
        self.capabilities = frozenset(({"reference", "mix"} if styled else set()) | ({"speed"} if aligned else set()))
        self.reads = ("ids", "mask", "speaker", *(("speeds",) if aligned else ()))
        self.symbols = nn.Embedding(config.n_symbols, d_model, padding_idx=0)
        self.speakers = nn.Embedding(len(config.speakers), styled or d_model)
        self.style = self.style_enter = self.style_leave = self.mean_enter = None
        if styled:
            self.style = style.StyleEncoder(config.reference.n_mels, styled, config.style_encoder)
            self.style_enter, self.style_leave = (nn.Linear(styled, d_model, bias=False) for _ in range(2))
            nn.init.zeros_(self.style_leave.weight)
            self.reference_inputs = (ReferenceInput(STYLE, styled, style.MOST_STYLES),)
            if config.mean_latent:
                self.reference_inputs += (ReferenceInput(FRAMES, config.d_latent, LONGEST_REFERENCE),)
                self.register_buffer("speaker_means", torch.zeros(len(config.speakers), config.d_latent))
                self.speaker_tables = (*self.speaker_tables, "speaker_means")
                self.mean_enter = nn.Linear(config.d_latent, d_model, bias=False)
                nn.init.zeros_(self.mean_enter.weight)
            self.reference_mel = config.reference
        self.text_place = nn.Parameter(torch.tensor(0.3))
        self.text_blocks = config.text_encoder.build()
        self.text_norm = nn.LayerNorm(d_model)
        self.beginning = nn.Parameter(0.1 * torch.randn(config.d_latent))
        self.enter = nn.Linear(config.d_latent, d_model)
        self.place = nn.Parameter(torch.tensor(0.3))
        self.blocks = nn.ModuleList(
            PredictorBlock(config, index % config.cross_every == 0) for index in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, config.d_latent)
        self.stop = None if aligned else nn.Linear(d_model, 1)
        self.aligned = AlignedText(d_model) if aligned else None
        self.drawn = _drawing_head(config)
        self.log_spread = nn.Parameter(torch.zeros(config.d_latent))
        self.pace = nn.Linear(d_model, 1) if config.pace_head else None
        # a table, so that the same noise comes out of an exported graph
        noise = torch.randn(NOISE_STEPS, config.d_latent, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", config.input_noise * noise, persistent=False)
        nn.init.normal_(self.symbols.weight, std=0.3)
        nn.init.normal_(self.speakers.weight, std=1.0 if styled else 0.1)

    # -- text -----------------------------------------------------------------------------------------------------

    def read(
        self, ids: Tensor, mask: Tensor, speaker: Tensor, ends: Tensor | None = None, mean: Tensor | None = None
    ) -> Memory:
        """A text as the predictor reads it.

        Args:
            ids: (batch, token) int.
            mask: (batch, token) bool.
            speaker: (batch,) int, rows of the table, or (batch, d_style) float, vectors of speakers.
            ends: (batch, token) float, of aligned speech: the latent after each token's last.
            mean: (batch, d_latent), with ``mean_latent``: the speakers' mean latents; of rows of the table, without
                it, those of the table.
        """
        if mean is None and self.config.mean_latent and not speaker.is_floating_point():
            mean = self.speaker_means[speaker]
        places = sinusoids(torch.arange(ids.shape[1], device=ids.device), self.config.d_model)
        who = speaker if speaker.is_floating_point() else self.speakers(speaker)
        before = who if self.style_enter is None else self.style_enter(who)
        x = self.symbols(ids) + before[:, None] + self.text_place * places
        x = self.text_norm(self.text_blocks(x * mask[..., None], mask))
        x = x if self.style_leave is None else x + self.style_leave(who)[:, None]
        x = x if self.mean_enter is None or mean is None else x + self.mean_enter(mean)[:, None]
        x = x * mask[..., None]
        pairs = [block.cross.read(x) for block in self._blocks() if block.cross is not None]
        keys, values = tuple(keys for keys, _ in pairs), tuple(values for _, values in pairs)
        return Memory(keys, values, mask, *((None, None) if self.aligned is None else (x, ends)), mean)

    def style_of(self, samples: Samples) -> Samples:
        return style.style_of(self.style, samples, self.config.reference)

    # -- latents --------------------------------------------------------------------------------------------------

    def initial_layers(self, batch: int) -> tuple[State, ...]:
        return tuple(block.mixer.initial_state(batch) for block in self._blocks())

    def predict(
        self,
        z: Tensor,
        first: Tensor,
        mask: Tensor,
        memory: Memory,
        seen: Tensor,
        layers: tuple[State, ...],
        distance: Tensor | None = None,
        reading: Tensor | None = None,
    ) -> tuple[Prediction, tuple[State, ...]]:
        """The latents after z (batch, time, d_latent), any number of steps ≥ 1, and the state after them.

        first (batch,): the position of the first step; mask (batch, time): false where z is padding; seen (batch, time
        or 1, token): which tokens a step may attend to; distance (batch, time, token): how far each token is from the
        place of the latent that is predicted, read only with ``pace_head`` or of aligned speech; reading (batch, time,
        d_model): what aligned speech reads of the token.
        """
        steps = first[:, None] + torch.arange(z.shape[1], device=z.device)
        z = z if memory.mean is None else z - memory.mean[:, None]
        x = self.enter(z.masked_fill(~mask[..., None], 0.0)) + self.place * sinusoids(steps, self.config.d_model)
        x = x if reading is None else x + reading
        new: list[State] = []
        weights: list[Tensor] = []
        for block, state in zip(self._blocks(), layers, strict=True):
            x, state = block.mixer.forward(x, state, mask)
            new.append(state)
            if block.cross is not None and block.cross_norm is not None:
                keys, values = memory.keys[len(weights)], memory.values[len(weights)]
                y, attention = block.cross(block.cross_norm(x), keys, values, seen, block.pull(distance))
                x = x + block.dropout(y)
                weights.append(attention)
            x = x + block.dropout(block.ffn(block.ffn_norm(x)))
        x = self.norm(x)
        # one product: a runtime sums a single column in another order for one row than for many
        heads = [head for head in (self.head, self.stop, self.pace) if head is not None]
        weight, bias = (torch.cat([getattr(head, name) for head in heads]) for name in ("weight", "bias"))
        latents, singles = (y := F.linear(x, weight, bias))[..., : z.shape[2]], y[..., z.shape[2] :].unbind(-1)
        latents = latents if memory.mean is None else latents + memory.mean[:, None]
        stops, pace = (None if self.stop is None else singles[0]), None
        if self.pace is not None:
            pace = softplus(singles[-1][..., None])[..., 0]
        return Prediction(latents, stops, torch.stack(weights).mean(0), pace, x), tuple(new)

    def teacher_forced(self, z: Tensor, mask: Tensor, memory: Memory, places: Tensor | None = None) -> Prediction:
        """Teacher forcing: prediction t is made from z[0 … t - 1] (batch, time, d_latent), the first from nothing.

        places (batch, time): where in the text each latent of z is, in tokens; a straight line, if not given.
        """
        steps, reading = torch.arange(z.shape[1], device=z.device), None
        if self.aligned is not None:
            reading, places = self.place_of(memory, steps.expand(z.shape[:2]))
        elif places is None:
            places = linear_places(mask, memory.present)
        before = torch.cat([self.beginning.expand(len(z), 1, -1), z[:, :-1]], dim=1)
        first = torch.zeros(len(z), dtype=torch.long, device=z.device)
        distance = torch.arange(memory.present.shape[1], device=z.device) - places[..., None]
        seen, layers = memory.present[:, None], self.initial_layers(len(z))
        prediction, _ = self.predict(before, first, mask, memory, seen, layers, distance, reading)
        return prediction

    def place_of(self, memory: Memory, position: Tensor) -> tuple[Tensor, Tensor]:
        """Of aligned speech, at position (batch, time) int: what is read there, (batch, time, d_model), and the token
        (batch, time)."""
        assert self.aligned is not None, "free speech has no known place"
        assert memory.text is not None, "a text that was read by another model"
        assert memory.ends is not None, "aligned speech, but no durations"
        found = self.aligned(memory.text, memory.ends, memory.present, position)
        return found.x, found.token.to(found.x.dtype)

    @torch.no_grad()
    def replace(
        self,
        z: Tensor,
        chosen: Tensor,
        mask: Tensor,
        memory: Memory,
        passes: int,
        places: Tensor | None = None,
        noise: Tensor | float = 0.0,
    ) -> Tensor:
        """z (batch, time, d_latent) with the predictor's own latents where ``chosen`` (batch, time) is true.

        In one pass they are predicted from true ones (Mihaylova & Martins, arXiv 1906.07651), in each further one from
        what the pass before put there (Duckworth et al., arXiv 1906.04331): up to ``passes`` latents in a row are as
        they are when it speaks freely. ``noise`` (batch, time, d_latent) is added to the input.
        """
        given = z
        for _ in range(passes):
            given = torch.where(chosen[..., None], self.teacher_forced(given + noise, mask, memory, places).latents, z)
        return given

    # -- the family's interface -----------------------------------------------------------------------------------

    def encode(self, inputs: ModelInputs) -> tuple[Any, ...]:
        """Keys and values of each layer that attends to the text, and what aligned speech reads of it."""
        speaker = inputs.speaker if self.style is None else style.style_vectors(self.speakers.weight, inputs)
        mean = self.mean_latents(inputs) if self.config.mean_latent else None
        memory = self.read(inputs.ids, inputs.mask, speaker, mean=mean)
        if self.aligned is not None and memory.text is not None:
            ends = self.aligned.ends(memory.text, inputs.mask, inputs.speeds, self.max_frames(inputs.mask))
            memory = memory._replace(ends=ends)
        return memory.tensors()

    def mean_latents(self, inputs: ModelInputs) -> Tensor:
        """The means of the references, and of rows without any those of their speakers: (batch, d_latent)."""
        return style.vectors(self.speaker_means, inputs, FRAMES)

    def start_frame(self) -> Tensor:
        return self.beginning

    def noise_std(self) -> Tensor:
        if self.reads_noise:
            return super().noise_std()
        return self.config.temperature * self.log_spread.exp()

    def max_frames(self, mask: Tensor) -> Tensor:
        most = self.config.extra_latents + (mask.sum(1) * self.config.latents_per_token).long()
        return most if self.aligned is None else SLOWEST * most

    def advance(
        self, frame: Tensor, position: Tensor, token: Tensor, memory: Any, present: Tensor, layers: Any,
        noise: Tensor | None = None,
    ) -> Advance:  # fmt: skip
        """One step of `predict`; see `AutoregressiveModel.advance`."""
        text, reading, last = Memory.of(memory, present), None, None
        if self.aligned is not None:
            found = self.aligned(text.text, text.ends, present[:, : text.keys[0].shape[2]], position[:, None])
            reading, last, token = found.x, found.last[:, 0], found.token[:, 0].float()
        near, places = within_window(text, token.long(), self.config.attention_window)
        every, seen = torch.ones_like(position, dtype=torch.bool)[:, None], near.present[:, None]
        distance = (places - token[:, None])[:, None]
        if self.config.input_noise:
            spoken = (position > 0)[:, None]  # the learned start gets no noise
            frame = frame + self.noise[position % NOISE_STEPS] * spoken
        prediction, layers = self.predict(frame[:, None], position, every, near, seen, layers, distance, reading)
        if prediction.paces is not None:
            token = torch.minimum(token + prediction.paces[:, 0], (present.sum(1) - 1).clamp(min=0))
        elif last is None:
            attended = places.gather(1, prediction.attention[:, 0].argmax(-1, keepdim=True))[:, 0]
            token = torch.maximum(token, attended)
        latents = prediction.latents
        if self.drawn is not None and noise is not None:
            latents = self.drawn.draw(prediction.hidden, latents, self.config.temperature * noise[:, None])
        stop = last if prediction.stops is None else prediction.stops[:, 0] > 0
        assert stop is not None, "speech without an end"
        return Advance(latents[:, 0], token, stop, layers)

    def follow(self, state: AutoregressiveState, z: Tensor) -> AutoregressiveState:
        """The state after latents z (batch, time, d_latent), as if the model had spoken them: for reference clips."""
        for latent in z.unbind(1):
            state = self.one_frame(state)[0]._replace(frame=latent, done=state.done, max_frames=state.max_frames)
        return state

    def graphs(self) -> tuple[GraphSpec, ...]:
        """Those of the family and, with styles, that of their encoder."""
        return (*super().graphs(), *style.style_graphs(self.style, self.config.reference))

    def _blocks(self) -> list[PredictorBlock]:
        return cast("list[PredictorBlock]", list(self.blocks))


def _drawing_head(config: LeWMConfig) -> GaussianHead | FlowHead | None:
    if config.head == "gaussian":
        return GaussianHead(config.d_model, config.d_latent)
    if config.head == "flow":
        return FlowHead(config.d_model, config.d_latent, config.flow_width, config.flow_layers, config.flow_steps)
    return None
