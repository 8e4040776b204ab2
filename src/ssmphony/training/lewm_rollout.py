"""The predictor and the codec of LeWM TTS together, in PyTorch: three ways to use them, and the error of a rollout.

synthesize   tokens → latents → mel, on its own or after a reference clip
reconstruct  mel → latents → mel
predict      mel and tokens → latents, each predicted from the true ones before it → mel
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ssmphony.codecs.lewm import LeWMCodec
from ssmphony.models.lewm import UNCONDITIONAL
from ssmphony.models.lewm_memory import Memory, linear_places
from ssmphony.models.lewm_model import LeWM
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import Style, Tokens

LeWMVoice = VoiceModule[LeWM, LeWMCodec]
"""The predictor and the codec of its latents."""


class Prompt(NamedTuple):
    """A reference clip: its text, and its latents (time, d_latent) by `LeWMCodec.encode`."""

    tokens: Tokens
    latents: Tensor


class Synthesis(NamedTuple):
    """latents: (time, d_latent); tokens: (time,) which token each speaks; mel: (4 time, n_mels) log-mel; stopped: the
    end was predicted, not enforced."""

    latents: Tensor
    tokens: Tensor
    mel: Tensor
    stopped: bool


@torch.no_grad()
def synthesize(voice: LeWMVoice, tokens: Tokens, style: Style = Style(), prompt: Prompt | None = None) -> Synthesis:
    """Speak one sentence; after a ``prompt`` in the voice of that clip, unless ``style`` names a speaker. The prompt
    itself is not returned."""
    model = voice.model
    if prompt and style.speaker is None and UNCONDITIONAL in model.config.speakers:
        style = replace(style, speaker=UNCONDITIONAL)
    before = prompt.tokens if prompt else Tokens((), ())
    whole = Tokens((*before.ids, *tokens.ids), (*before.symbols, *tokens.symbols))
    state = model.begin([whole], [style])
    if prompt:
        state = model.follow(state, prompt.latents[None])
        # the attention may not have reached the end of the prompt
        state = state._replace(token=state.token.clamp(min=len(before)))
    latents, most = list[Tensor](), state.max_frames
    spoken: list[Tensor] = []
    while not bool(state.done):
        state, *_ = model.one_frame(state)
        latents.append(state.frame[0])
        spoken.append(state.token[0].long() - len(before))
    if not latents:
        empty = model.head.weight.new_zeros
        n_mels = voice.codec.config.format.n_mels
        return Synthesis(empty(0, model.config.d_latent), empty(0, dtype=torch.long), empty(0, n_mels), True)
    z = torch.stack(latents)
    mel = voice.codec.decode_mel(z[None], torch.ones_like(z[None, :, 0], dtype=torch.bool))[0]
    return Synthesis(z, torch.stack(spoken), voice.codec.denormalise(mel), bool(state.position < most))


@torch.no_grad()
def reconstruct(voice: LeWMVoice, mel: Tensor) -> Tensor:
    """Log-mel (frame, n_mels) through the latents' means and back, (frame, n_mels)."""
    codec = voice.codec
    present = torch.ones_like(mel[None, :, 0], dtype=torch.bool)
    z, _, mask = codec.encoder(codec.normalise(mel[None]), present)
    return codec.denormalise(codec.decode_mel(z, mask))[0, : len(mel)]


@torch.no_grad()
def predict(voice: LeWMVoice, mel: Tensor, tokens: Tokens, speaker: int, places: Tensor | None = None) -> Tensor:
    """Log-mel (frame, n_mels) as the predictor gives it, a latent at a time, from the recording so far; places
    (latent,): where in the text it is then, see `LeWM.teacher_forced`."""
    codec, model = voice.codec, voice.model
    device = mel.device
    ids = torch.tensor([tokens.ids], device=device)
    memory = model.read(ids, torch.ones_like(ids, dtype=torch.bool), torch.tensor([speaker], device=device))
    present = torch.ones_like(mel[None, :, 0], dtype=torch.bool)
    z, _, mask = codec.encoder(codec.normalise(mel[None]), present)
    predicted = model.teacher_forced(z, mask, memory, None if places is None else places[None]).latents
    return codec.denormalise(codec.decode_mel(predicted, mask))[0, : len(mel)]


@torch.no_grad()
def rollout_errors(
    model: LeWM, z: Tensor, memory: Memory, steps: Sequence[int], places: Tensor | None = None
) -> dict[int, Tensor]:
    """Mean squared error of the latent predicted h steps ahead, for each h of ``steps`` that the clip has room for.

    z (1, time, d_latent): a recording's latents; places (1, time): see `LeWM.teacher_forced`. The first third is
    given, then the predictor reads its own latents and finds its place in the text.
    """
    mask = torch.ones_like(z[..., 0], dtype=torch.bool)
    given, positions, reading = max(1, z.shape[1] // 3), torch.arange(z.shape[1], device=z.device)[None], None
    if model.aligned is not None:
        reading, places = model.place_of(memory, positions)
    elif places is None:
        places = linear_places(mask, memory.present)
    index = torch.arange(memory.present.shape[1], device=z.device)
    seen, one = memory.present[:, None], mask[:, :1]
    before = torch.cat([model.beginning.expand(1, 1, -1), z[:, : given - 1]], dim=1)
    first, layers = torch.zeros(1, dtype=torch.long, device=z.device), model.initial_layers(1)
    read = None if reading is None else reading[:, :given]
    distance = index - places[:, :given, None]
    _, layers = model.predict(before, first, mask[:, :given], memory, seen, layers, distance, read)
    latest, errors = z[:, given - 1 : given], dict[int, Tensor]()
    place = places[:, given : given + 1]
    for step in range(1, min(max(steps), z.shape[1] - given) + 1):
        at = slice(given + step - 1, given + step)
        if reading is not None:
            read, place = reading[:, at], places[:, at]
        distance = index - place[..., None]
        prediction, layers = model.predict(latest, first + at.start, one, memory, seen, layers, distance, read)
        latest = prediction.latents
        if prediction.paces is not None:
            place = torch.minimum(place + prediction.paces, memory.present.sum(1, keepdim=True) - 1.0)
        if step in steps:
            errors[step] = (latest[:, 0] - z[:, at.start]).square().mean()
    return errors


def corrupted(
    model: LeWM,
    z: Tensor,
    mask: Tensor,
    memory: Memory,
    places: Tensor,
    noise: float,
    share: float,
    passes: int,
    offset: float = 0.0,
) -> Tensor:
    """What the predictor reads in training, against drift: z (batch, time, d_latent) with its own predictions in the
    place of a ``share``, and with noise of up to ``noise`` standard deviations of z, of another size for each row; an
    ``offset`` is noise that stays the same through a clip, and hides what does not change in it: its speaker."""
    added = torch.zeros_like(z)
    if noise or offset:
        # relative to the latents: else larger latents would escape the noise
        spread = z.detach()[mask].std() * torch.rand(2, len(z), 1, 1, device=z.device)
        added = noise * spread[0] * torch.randn_like(z) + offset * spread[1] * torch.randn_like(z[:, :1])
    if share:
        chosen = torch.rand(z.shape[:2], device=z.device) < share
        z = model.replace(z, chosen, mask, memory, passes, places, added)
    return z + added
