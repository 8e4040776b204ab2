"""From an utterance as its corpus has it to a finished clip: checks, sound, symbols, anchors, pitch."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ssmphony.audio.loudness import normalise
from ssmphony.audio.pitch import at_times, track_pitch
from ssmphony.audio.resample import resample
from ssmphony.config import Config
from ssmphony.data.clips import Rejected, write_array, write_clip
from ssmphony.data.corpora.reader import Utterance
from ssmphony.data.manifest import Clip
from ssmphony.data.silence import trim_span
from ssmphony.data.transcript import Timing, render_timing, text_timing, time_every_token
from ssmphony.interfaces import Frontend
from ssmphony.types import MelFormat, Samples

PITCH_RATE = 93.75
"""Values of tracked pitch per second, about."""
_FILE_NAME = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,199}")
_LONGEST_NAME = 230  # bytes; file systems take 255, and endings need some


class Limits(Config):
    """What a clip must be to be kept, and how it is written."""

    shortest_s: float = 0.2
    longest_s: float = 15.0
    slowest: float = 0.4
    """Characters of text per second."""
    fastest: float = 28.0
    """Characters of text per second."""
    clipped: float = 0.001
    """Share of samples at full scale above which a recording counts as clipped."""
    quietest: float = 0.003
    """A recording whose peak lies below this is silent."""
    loudness_lufs: float = -20.0
    edge_s: float = 0.05
    """Silence kept before and after the speech."""
    sample_rate: int = Field(default=24_000, ge=4_000)
    """Of the clips, in Hz: that of the codec that is to be trained on them."""

    phone_error: float | None = Field(default=None, gt=0.0)
    """Share of phones that a recogniser may read differently from the text, edits per phone; None: it is not asked."""
    phone_times: bool = False
    """Whether a recogniser finds the times of all phones of recordings."""

    @property
    def pitch(self) -> MelFormat:
        """The frames of pitch that is tracked: about 94 a second."""
        return MelFormat(sample_rate=self.sample_rate, hop_length=round(self.sample_rate / PITCH_RATE))


PhoneError = Callable[[Samples, int, Sequence[str]], float]
"""(samples (n,), rate in Hz, symbols) → edits per phone between what a recogniser reads and the symbols."""

PhoneTimes = Callable[[Samples, int, Sequence[str]], npt.NDArray[np.float64]]
"""(samples (n,), rate in Hz, symbols) → the middle of each symbol in s, NaN where it makes no sound.

Raises ValueError where the symbols cannot be found in the sound."""


class Finished(NamedTuple):
    """A clip, its samples (n,) at ``rate`` Hz, and its pitch in Hz."""

    clip: Clip
    samples: Samples
    rate: int
    pitch: npt.NDArray[np.float32]


def finish_clip(
    utterance: Utterance,
    language: str,
    frontend: Frontend | None,
    limits: Limits,
    phone_times: PhoneTimes | None = None,
) -> Finished:
    """An utterance as a clip, transcribed where there is a ``frontend``, with an anchor for each symbol where there is
    ``phone_times``; raises `Rejected` with the reason."""
    if not _FILE_NAME.fullmatch(utterance.id) or len(utterance.id.encode()) > _LONGEST_NAME:
        raise Rejected("the id is not a file name")
    check_sound(utterance.samples, limits)
    rate = limits.sample_rate
    samples = resample(utterance.samples, utterance.rate, rate)
    start, stop = _span(utterance, samples, limits)
    check_length((stop - start) / rate, utterance.text, limits)
    samples = np.pad(samples[max(start, 0) : stop], (max(-start, 0), max(stop - len(samples), 0)))
    samples = normalise(samples, rate, limits.loudness_lufs)
    pitch, f0_rate = _pitch(utterance, samples, start / rate, limits)
    timing = _timing(utterance, samples, rate, start / rate, frontend)
    if timing is not None and frontend is not None and utterance.spoken is None and phone_times is not None:
        timing = time_every_token(timing, samples, rate, frontend.pause, phone_times)
    clip = Clip(
        id=utterance.id,
        audio=f"audio/{utterance.id}.flac",
        seconds=len(samples) / rate,
        speaker=utterance.speaker,
        language=language,
        text=utterance.text or "",
        symbols=timing.symbols if timing else None,
        words=timing.words if timing else (),
        anchors=timing.anchors if timing else (),
        f0_rate=f0_rate,
    )
    clip.check()
    return Finished(clip, samples, rate, pitch)


def check_speech(finished: Finished, limits: Limits, phone_error: PhoneError) -> None:
    """Raises `Rejected` for a clip in which a recogniser hears something else than its text."""
    symbols = finished.clip.symbols
    if symbols is None or limits.phone_error is None:
        return
    error = phone_error(finished.samples, finished.rate, symbols)
    if error > limits.phone_error:
        raise Rejected(f"the recogniser reads {error:.0%} of the phones differently")


def write_finished(finished: Finished, out: Path) -> None:
    """Write the audio and the pitch of a clip below ``out``; raises OSError."""
    write_clip(out / finished.clip.audio, finished.samples, finished.rate)
    write_array(out / "f0" / f"{finished.clip.id}.npy", finished.pitch)


def _span(utterance: Utterance, samples: Samples, limits: Limits) -> tuple[int, int]:
    """First and stop sample of the clip, with its edges: before 0 and after the end where silence must be added.

    Raises `Rejected` in silence.
    """
    if utterance.trimmed:
        return 0, len(samples)
    rate = limits.sample_rate
    if utterance.spoken is None:
        first, last = trim_span(samples, rate, keep_s=0.0)
    else:
        times = utterance.spoken.times
        first, last = round(times[0][1] * rate), round(times[-1][0] * rate)
    if last == 0:
        raise Rejected("silent")
    edge = round(limits.edge_s * rate)  # for ``^`` and the full stop
    return first - edge, last + edge


def _pitch(
    utterance: Utterance, samples: Samples, offset_s: float, limits: Limits
) -> tuple[npt.NDArray[np.float32], float]:
    """Hz and values per second: as known, from ``offset_s`` on, or else tracked."""
    if utterance.pitch is None:
        return track_pitch(samples, limits.pitch), limits.pitch.frame_rate
    hertz, hop = utterance.pitch
    f0_rate = utterance.rate / hop
    count = 1 + int(len(samples) / limits.sample_rate * f0_rate + 1e-6)
    return at_times(hertz, f0_rate, offset_s + np.arange(count) / f0_rate), f0_rate


def check_sound(samples: Samples, limits: Limits) -> None:
    """Raises `Rejected` for a recording that is empty, not a number, silent or clipped."""
    if len(samples) == 0:
        raise Rejected("empty recording")
    if not np.isfinite(samples).all():
        raise Rejected("holds samples that are not numbers")
    if (samples.max() - samples.min()) / 2 < limits.quietest:  # a constant is inaudible
        raise Rejected("silent")
    clipped = float((np.abs(samples) >= 0.999).mean())
    if clipped > limits.clipped:
        raise Rejected(f"clipped: {clipped:.2%} of the samples at full scale")


def check_length(seconds: float, text: str | None, limits: Limits) -> None:
    """Raises `Rejected` for a clip too short or too long in itself or for its text."""
    if seconds < limits.shortest_s:
        raise Rejected(f"too short: {seconds:.2f} s")
    if seconds > limits.longest_s:
        raise Rejected(f"too long: {seconds:.2f} s")
    if text is None:
        return
    if not text.strip():
        raise Rejected("no text")
    rate = len(text) / seconds
    if not limits.slowest <= rate <= limits.fastest:
        raise Rejected(f"{rate:.1f} characters a second: text and sound do not belong together")


def _timing(
    utterance: Utterance, samples: Samples, rate: int, offset_s: float, frontend: Frontend | None
) -> Timing | None:
    """Symbols and known times, counted from ``offset_s``; None without a transcript or a frontend for it."""
    if utterance.spoken is not None:
        return render_timing(utterance.spoken, len(samples) / rate, offset_s)
    if utterance.text is None or frontend is None:
        return None
    times = utterance.word_times
    moved = None if times is None else tuple((word, a - offset_s, b - offset_s) for word, a, b in times)
    return text_timing(utterance.text, moved, samples, rate, frontend)
