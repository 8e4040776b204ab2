"""From an utterance as its corpus has it to a finished clip: checks, sound, symbols, anchors, pitch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.loudness import normalise
from ssmphony.audio.pitch import track_pitch
from ssmphony.audio.resample import resample
from ssmphony.config import Config
from ssmphony.data.clips import Rejected, write_array, write_clip
from ssmphony.data.corpora.reader import Utterance
from ssmphony.data.manifest import Clip
from ssmphony.data.silence import trim_span
from ssmphony.data.transcript import Timing, render_timing, text_timing
from ssmphony.types import MelFormat, Samples

_FORMAT = MelFormat()
_FILE_NAME = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,199}")
_LONGEST_NAME = 230  # bytes; file systems take 255, and endings need some


class Limits(Config):
    """What a clip must be to be kept. Times in seconds, speaking rate in characters of text per second."""

    shortest_s: float = 0.2
    longest_s: float = 15.0
    slowest: float = 0.4
    fastest: float = 28.0
    clipped: float = 0.001
    """Share of samples at full scale above which a recording counts as clipped."""
    quietest: float = 0.003
    """A recording whose peak lies below this is silent."""
    loudness_lufs: float = -20.0
    edge_s: float = 0.05


class Finished(NamedTuple):
    """A clip, its samples (n,) and its pitch (frame,) in Hz."""

    clip: Clip
    samples: Samples
    pitch: npt.NDArray[np.float32]


def finish_clip(utterance: Utterance, language: str, limits: Limits) -> Finished:
    """An utterance as a clip; raises `Rejected` with the reason."""
    if not _FILE_NAME.fullmatch(utterance.id) or len(utterance.id.encode()) > _LONGEST_NAME:
        raise Rejected("the id is not a file name")
    check_sound(utterance.samples, limits)
    samples = resample(utterance.samples, utterance.rate, _FORMAT.sample_rate)
    first, last = _sound(utterance, samples)
    if last == 0:
        raise Rejected("silent")
    edge = round(limits.edge_s * _FORMAT.sample_rate)  # for ``^`` and the full stop; zeros where there is less
    start, stop = first - edge, last + edge
    check_length((stop - start) / _FORMAT.sample_rate, utterance.text, limits)
    samples = np.pad(samples[max(start, 0) : stop], (max(-start, 0), max(stop - len(samples), 0)))
    samples = normalise(samples, _FORMAT.sample_rate, limits.loudness_lufs)
    timing = _timing(utterance, samples, start / _FORMAT.sample_rate, language)
    clip = Clip(
        id=utterance.id,
        audio=f"audio/{utterance.id}.flac",
        seconds=len(samples) / _FORMAT.sample_rate,
        speaker=utterance.speaker,
        language=language,
        text=utterance.text or "",
        symbols=timing.symbols if timing else None,
        words=timing.words if timing else (),
        anchors=timing.anchors if timing else (),
    )
    clip.check()
    return Finished(clip, samples, track_pitch(samples))


def write_finished(finished: Finished, out: Path) -> None:
    """Write the audio and the pitch of a clip below ``out``; raises OSError."""
    write_clip(out / finished.clip.audio, finished.samples, _FORMAT.sample_rate)
    write_array(out / "f0" / f"{finished.clip.id}.npy", finished.pitch)


def _sound(utterance: Utterance, samples: Samples) -> tuple[int, int]:
    """First and stop sample of what is spoken, (0, 0) in silence: as rendered, or else as heard."""
    if utterance.spoken is None:
        return trim_span(samples, _FORMAT.sample_rate, keep_s=0.0)
    times = utterance.spoken.times
    return round(times[0][1] * _FORMAT.sample_rate), round(times[-1][0] * _FORMAT.sample_rate)


def check_sound(samples: Samples, limits: Limits) -> None:
    """Raises `Rejected` for a recording that is empty, not a number, silent or clipped."""
    if len(samples) == 0:
        raise Rejected("empty recording")
    if not np.isfinite(samples).all():
        raise Rejected("holds samples that are not numbers")
    if (samples.max() - samples.min()) / 2 < limits.quietest:  # a constant is not heard
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


def _timing(utterance: Utterance, samples: Samples, offset_s: float, language: str) -> Timing | None:
    """Symbols and known times, counted from ``offset_s``; None without a transcript or a frontend for it."""
    if utterance.spoken is not None:
        return render_timing(utterance.spoken, len(samples) / _FORMAT.sample_rate, offset_s)
    if utterance.text is None or language != "hi":
        return None
    times = utterance.word_times
    moved = None if times is None else tuple((word, a - offset_s, b - offset_s) for word, a, b in times)
    return text_timing(utterance.text, moved, samples, _FORMAT.sample_rate)
