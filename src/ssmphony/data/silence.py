"""Where a recording is silent: trimming its edges, and cutting it into clips at its pauses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.types import Samples

_FRAME_S = 0.01
_BELOW_PEAK_DB = 45.0  # speech this far below the loudest frame is inaudible next to it
_ABOVE_NOISE_DB = 9.0
_DIGITAL_SILENCE_DB = -90.0
_CLICK_FRAMES = 6  # a run of sound this short, this far from the rest, is a click at the edge of the recording
_LONELY_FRAMES = 20
_LEAST_RANGE_DB = 25.0  # a steady recording keeps at least this much of its range


def loud_frames(samples: Samples, rate: int) -> npt.NDArray[np.bool_]:
    """Which 10 ms frames of samples (n,) hold sound: (ceil(n / frame),) bool.

    The threshold lies 45 dB under the loudest frame, or 9 dB over the noise floor (the 5th percentile, digital
    silence apart) where that is higher, but never less than 25 dB under the loudest frame.
    """
    hop = round(_FRAME_S * rate)
    padded = np.pad(samples, (0, -len(samples) % hop)).reshape(-1, hop)
    level = 10 * np.log10(np.mean(padded.astype(np.float64) ** 2, axis=1) + 1e-12)
    peak = level.max(initial=-120.0)
    audible = level[level > _DIGITAL_SILENCE_DB]
    noise = np.percentile(audible, 5) if len(audible) else -120.0
    return level > min(max(peak - _BELOW_PEAK_DB, noise + _ABOVE_NOISE_DB), peak - _LEAST_RANGE_DB)


def trim_span(samples: Samples, rate: int, keep_s: float = 0.05) -> tuple[int, int]:
    """First and stop sample of the sound in samples (n,), with at most ``keep_s`` of silence around it.

    (0, 0) when there is no sound. A short click far from the rest does not count as sound.
    """
    runs = _runs(loud_frames(samples, rate))
    while len(runs) > 1 and _is_click(runs[0], runs[1][0] - runs[0][1]):
        runs = runs[1:]
    while len(runs) > 1 and _is_click(runs[-1], runs[-1][0] - runs[-2][1]):
        runs = runs[:-1]
    if not runs or np.abs(samples).max() < 1e-4:
        return 0, 0
    hop, keep = round(_FRAME_S * rate), round(keep_s * rate)
    return max(runs[0][0] * hop - keep, 0), min(runs[-1][1] * hop + keep, len(samples))


def _is_click(run: tuple[int, int], gap: int) -> bool:
    return run[1] - run[0] < _CLICK_FRAMES and gap > _LONELY_FRAMES


def cut_spans(
    samples: Samples, rate: int, shortest_s: float = 2.0, longest_s: float = 12.0, pause_s: float = 0.12
) -> list[tuple[int, int]]:
    """Cut samples (n,) in the middle of pauses into spans of ``shortest_s`` to ``longest_s``.

    Every cut takes the longest pause that leaves a span in range, or, where there is none, the quietest place: no
    span is longer than ``longest_s``. A last span shorter than ``shortest_s`` is left out.
    """
    hop = round(_FRAME_S * rate)
    loud = loud_frames(samples, rate)
    pauses = [run for run in _runs(~loud) if run[1] - run[0] >= pause_s / _FRAME_S]
    shortest, longest = round(shortest_s / _FRAME_S), round(longest_s / _FRAME_S)
    spans: list[tuple[int, int]] = []
    start, end = 0, len(loud)
    while end - start > longest:
        reachable = [run for run in pauses if start + shortest <= sum(run) // 2 <= start + longest]
        if reachable:
            cut = sum(max(reachable, key=lambda run: run[1] - run[0])) // 2
        else:
            cut = quietest(samples, rate, (start + shortest) * _FRAME_S, (start + longest) * _FRAME_S) // hop
        spans.append((start, cut))
        start = cut
    if end - start >= shortest:
        spans.append((start, end))
    return [(first * hop, min(stop * hop, len(samples))) for first, stop in spans]


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open frame ranges that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def quietest(samples: Samples, rate: int, low_s: float, high_s: float) -> int:
    """The sample in the middle of the longest silence between two times, or of the quietest frame there."""
    hop = round(_FRAME_S * rate)
    first, stop = int(low_s * rate) // hop, max(int(high_s * rate) // hop, int(low_s * rate) // hop + 1)
    runs = _runs(~loud_frames(samples, rate)[first:stop])
    if runs:
        start, end = max(runs, key=lambda run: run[1] - run[0])
        return (2 * first + start + end) * hop // 2
    frames = samples[first * hop : stop * hop]
    frames = frames[: len(frames) // hop * hop].reshape(-1, hop).astype(np.float64)
    return (first + int(np.argmin((frames**2).sum(axis=1)))) * hop + hop // 2


def loud_seconds(samples: Samples, rate: int) -> tuple[float, float]:
    """When the sound in samples (n,) begins and ends, in seconds."""
    start, stop = trim_span(samples, rate, keep_s=0.0)
    return start / rate, stop / rate


def silence_near(
    samples: Samples, rate: int, time_s: float, low_s: float, high_s: float, within_s: float = 0.08
) -> tuple[float, float]:
    """The longest silence between two times that begins or ends within ``within_s`` of ``time_s``, or holds it.

    (start, end) in s; (time_s, time_s) if there is none.
    """
    first, stop = round(low_s / _FRAME_S), round(high_s / _FRAME_S)
    runs = [
        ((first + start) * _FRAME_S, (first + end) * _FRAME_S)
        for start, end in _runs(~loud_frames(samples, rate)[first:stop])
    ]
    near = [(start, end) for start, end in runs if start - within_s <= time_s <= end + within_s]
    return max(near, key=lambda run: run[1] - run[0], default=(time_s, time_s))
