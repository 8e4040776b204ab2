"""The student's sound of a teacher's clip: in its own prosody, in the teacher's timing, and in all of its prosody."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ssmphony.arrays import Floats, Integers
from ssmphony.audio.frame_features import PITCH_UNIT_HZ, frame_energy
from ssmphony.audio.pitch import at_times, track_pitch
from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.config import parse
from ssmphony.data.manifest import Clip
from ssmphony.evaluation.material import speak_tokens, tokens_of
from ssmphony.evaluation.recorded import copy_synthesis, recorded_ends
from ssmphony.interfaces import Decoder, Parallel
from ssmphony.types import MelFormat, Samples, SsmphonyError, Style
from ssmphony.voice import Voice
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import load, locate

LOWEST_HZ = 50.0
"""Below it the teacher passes from voiced to unvoiced."""


class Original(NamedTuple):
    """A clip of the teacher: its samples (n,) at the student's rate, and its pitch (value,) in Hz, 0 where unvoiced."""

    clip: Clip
    samples: Samples
    pitch: Floats


class Spoken(NamedTuple):
    """free: in the student's own prosody. prosody: given the teacher's durations, pitch and energy, so that what it
    lacks is lost by text encoder and codec. durations_s, pitch: of the teacher's phones and frames, next to its own."""

    free: Samples
    prosody: Samples | None
    durations_s: Floats
    """(token,): of the student's own prosody."""
    pitch: Floats
    """(frame,) in Hz, in the teacher's timing."""
    frame_rate: float


class Student:
    """A voice that speaks the teacher's clips. ``names``: the teacher's name of a speaker → the voice's, where it
    differs. Raises `SsmphonyError` for a voice that takes over no timing."""

    def __init__(self, voice: str | None, names: dict[str, str] | None = None) -> None:
        self.voice: Voice = load(voice, threads=1)
        if not isinstance(self.voice.model, Parallel) or "timing" not in self.voice.model.capabilities:
            raise SsmphonyError(f"the voice '{self.voice.card.name}' takes over no timing: it cannot be compared")
        self.model: Parallel = self.voice.model
        self.names = names or {}
        codec: Any = read_manifest(locate(voice)).voice.codec
        self.d_text = parse(SpectrumConfig, codec, "voice.codec").d_text if codec["kind"] == "spectrum" else None
        """Place of the pitch in a frame; the energy comes after it. None: frames are mels."""

    def style(self, speaker: str) -> Style:
        """Of a speaker of the teacher; the voice's own speaker for one that it does not have."""
        name = self.names.get(speaker, speaker)
        return Style(speaker=name if name in self.voice.card.speakers else None)

    def speak(self, original: Original) -> Spoken:
        voice, clip = self.voice, original.clip
        tokens, style = tokens_of(clip, voice.frontend.symbols), self.style(clip.speaker)
        free = speak_tokens(voice, tokens, style)
        state = self.model.begin([tokens], [style])
        rate = voice.codec.grid.frame_rate
        anchors = [(first, stop, round(a * rate), round(b * rate)) for first, stop, a, b in clip.anchors]
        own_ends = np.asarray(self.model.token_ends(state))[0]
        ends = recorded_ends(own_ends, anchors, round(clip.seconds * rate))
        durations = np.diff(own_ends, prepend=0) / rate
        frames = self._frames(state, ends)
        pitch, prosody = self._pitch_and_prosody(frames, original)
        return Spoken(free.samples, prosody, durations, pitch, rate)

    def _frames(self, state: Any, ends: Integers) -> Floats:
        """Frames (frame, channel) of the sentence in a given timing."""
        state = self.model.with_token_ends(state, ends[None])
        parts: list[Floats] = []
        while sum(map(len, parts)) < ends[-1]:
            block, state = self.model.step(state)
            parts.append(np.asarray(block.values)[0, : int(block.lengths[0])])
        return np.concatenate(parts)

    def _pitch_and_prosody(self, frames: Floats, original: Original) -> tuple[Floats, Samples | None]:
        """Pitch of the frames, and the sound with the teacher's own: of mels, that of the vocoder."""
        voice = self.voice
        rate, hop = voice.codec.grid.frame_rate, voice.codec.grid.hop_length
        if self.d_text is None:
            copy = None if voice.encoder is None else copy_synthesis(voice.encoder, voice.codec, original.samples)
            times = np.arange(0.5, len(frames)) / rate
            return at_times(track_pitch(decoded(voice.codec, frames)), MelFormat().frame_rate, times), copy
        level = frames.copy()
        length = len(frames) * hop
        sound = np.pad(original.samples[:length], (0, max(0, length - len(original.samples))))
        level[:, self.d_text] = teacher_pitch(original, rate, len(frames)) / PITCH_UNIT_HZ
        level[:, self.d_text + 1] = frame_energy(sound, hop)
        return frames[:, self.d_text] * PITCH_UNIT_HZ, decoded(voice.codec, level)


def teacher_pitch(original: Original, rate: float, count: int) -> Floats:
    """The teacher's pitch in Hz in the middle of each of ``count`` hops, 0 where it is unvoiced."""
    voiced = np.where(original.pitch >= LOWEST_HZ, original.pitch, np.float32(0.0))
    return at_times(voiced, original.clip.f0_rate, np.arange(0.5, count) / rate)


def decoded(codec: Decoder, frames: Floats) -> Samples:
    """The codec's sound of frames (frame, channel)."""
    padded = np.pad(frames, ((0, codec.lookahead), (0, 0)))
    mask = (np.arange(len(padded)) < len(frames))[None]
    sound, _ = codec.decode(padded[None], mask, codec.initial_state(1))
    return np.asarray(sound[0], np.float32)[codec.lookahead * codec.grid.hop_length :]
