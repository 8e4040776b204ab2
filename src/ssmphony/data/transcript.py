"""What is spoken in a clip, and when: symbols from the frontend, anchors from known word or phone times.

Recordings pause where the text has no comma, and run through commas. Where word times are known and the frontend has a
symbol for a pause, the symbols follow the recording: a silence between two words that the text does not mark becomes
that symbol, and one without a silence is dropped, so that each is an audible pause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.reader import Spoken, WordTime
from ssmphony.data.pages import locate
from ssmphony.data.silence import loud_seconds, silence_near
from ssmphony.interfaces import Frontend
from ssmphony.types import Samples, SsmphonyError, Tokens

_UNMARKED_PAUSE_S = 0.15  # longer than the closure of a stop
_MARKED_PAUSE_S = 0.05
_LEAST_GAP_S = 0.012  # a pause symbol that is kept has at least one frame


class Timing(NamedTuple):
    """See `ssmphony.data.manifest.Clip`."""

    symbols: tuple[str, ...]
    words: tuple[tuple[int, int], ...]
    anchors: tuple[tuple[int, int, float, float], ...]


def transcribe(text: str, frontend: Frontend) -> Tokens:
    """``text`` as one sentence; raises `Rejected` when there is nothing to speak in it."""
    try:
        return frontend.whole(text)
    except SsmphonyError as error:
        raise Rejected(str(error)) from None


def text_timing(text: str, times: Sequence[WordTime] | None, samples: Samples, rate: int, frontend: Frontend) -> Timing:
    """Symbols of ``text`` and, where word times match it, one anchor for each timed word.

    ``times`` count from the start of ``samples`` (n,). Word times that do not match the text are left out:
    the clip then has no anchors.
    """
    transcript = transcribe(text, frontend)
    plain = Timing(transcript.symbols, tuple((word.first, word.stop) for word in transcript.words), ())
    pieces = locate(text, times or ())
    if times is None or pieces is None:
        return plain
    spans: list[tuple[int, int, float, float]] = []
    for (begin, end), (_, start_s, end_s) in zip(pieces, times, strict=True):
        inside = [word for word in transcript.words if begin <= word.start < end]
        if not inside:
            return plain
        spans.append((inside[0].first, inside[-1].stop, max(start_s, 0.0), min(end_s, len(samples) / rate)))
    return _follow_recording(plain, spans, samples, rate, frontend.pause)


def _follow_recording(
    plain: Timing, spans: Sequence[tuple[int, int, float, float]], samples: Samples, rate: int, pause: str | None
) -> Timing:
    """Anchors that leave out the silences between words, and ``pause`` symbols where there are such silences."""
    first_sound, last_sound = loud_seconds(samples, rate)
    symbols = list(plain.symbols[: spans[0][0]])
    moved: list[int] = []  # how far the tokens of each span are moved by pauses put in and taken out
    starts, ends = [min(first_sound, spans[0][3])], []
    for left, right in zip(spans, spans[1:], strict=False):
        moved.append(len(symbols) - left[0])
        symbols.extend(plain.symbols[left[0] : left[1]])
        between = plain.symbols[left[1] : right[0]]
        begin, end = silence_near(samples, rate, (left[3] + right[2]) / 2, starts[-1], right[3])
        if pause is not None and between in ((), (pause,)):
            least = _MARKED_PAUSE_S if between else _UNMARKED_PAUSE_S
            between = (pause,) if end - begin >= least else ()
        if not between:
            begin = end = (left[3] + right[2]) / 2
        elif end - begin < _LEAST_GAP_S * len(between):
            middle = (begin + end) / 2
            begin, end = middle - _LEAST_GAP_S * len(between) / 2, middle + _LEAST_GAP_S * len(between) / 2
        symbols.extend(between)
        ends.append(begin)
        starts.append(end)
    moved.append(len(symbols) - spans[-1][0])
    symbols.extend(plain.symbols[spans[-1][0] :])
    ends.append(max(last_sound, spans[-1][2]))
    anchors = tuple(
        (span[0] + shift, span[1] + shift, start, end)
        for span, shift, start, end in zip(spans, moved, starts, ends, strict=True)
    )
    if any(end - start <= 0 for _, _, start, end in anchors):
        return plain
    shifts = [_shift(spans, moved, first) for first, _ in plain.words]
    words = tuple((first + by, stop + by) for (first, stop), by in zip(plain.words, shifts, strict=True))
    return Timing(tuple(symbols), words, anchors)


def time_every_token(
    timing: Timing,
    samples: Samples,
    rate: int,
    pause: str | None,
    middles_of: Callable[[Samples, int, Sequence[str]], npt.NDArray[np.float64]],
) -> Timing:
    """One anchor a token, without gaps from the beginning of ``samples`` (n,) to their end.

    A phone ends halfway between its middle and that of the next, or where its word does. Without anchors of words in
    ``timing``, the words are where their phones are, and pauses follow the recording.

    Args:
        pause: The frontend's symbol for a pause.
        middles_of: (samples, rate, symbols) → the middle of each symbol in s, NaN where it makes no sound.

    Raises:
        Rejected: The phones cannot be found in the sound.
    """
    try:
        middles = middles_of(samples, rate, timing.symbols)
    except ValueError as error:
        raise Rejected(f"its phones cannot be found: {error}") from None
    if not np.isfinite(middles).any():
        raise Rejected("its phones cannot be found: the text has none")
    edges = _halfway(middles)
    if not timing.anchors and timing.words:
        spans = [(first, stop, float(edges[first]), float(edges[stop])) for first, stop in timing.words]
        moved = _follow_recording(timing, spans, samples, rate, pause)
        edges = _halfway(_in_place(middles, timing.symbols, moved.symbols))
        timing = moved
    return timing._replace(anchors=_gapless(timing, edges, samples, rate))


def _halfway(middles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where tokens begin and end, (token + 1,), from their middles; those without one share the time between others."""
    tokens, known = np.arange(len(middles)), np.isfinite(middles)
    filled = np.interp(tokens, tokens[known], middles[known])
    return np.concatenate([filled[:1], (filled[:-1] + filled[1:]) / 2, filled[-1:]])


def _in_place(
    middles: npt.NDArray[np.float64], symbols: Sequence[str], moved: Sequence[str]
) -> npt.NDArray[np.float64]:
    """The middles of symbols among which pauses were put in and taken out."""
    known = np.isfinite(middles)
    sounds = {symbol for symbol, sounding in zip(symbols, known, strict=True) if sounding}
    placed = np.full(len(moved), np.nan)
    placed[[token for token, symbol in enumerate(moved) if symbol in sounds]] = middles[known]
    return placed


def _gapless(
    timing: Timing, edges: npt.NDArray[np.float64], samples: Samples, rate: int
) -> tuple[tuple[int, int, float, float], ...]:
    """One anchor a token: inside the anchors of words by their ``edges`` (token + 1,), evenly in between."""
    tokens, seconds = len(timing.symbols), len(samples) / rate
    anchors = timing.anchors
    if not anchors:
        first, stop = (timing.words[0][0], timing.words[-1][1]) if timing.words else (0, tokens)
        anchors = ((first, stop, *loud_seconds(samples, rate)),)
    stops, ends = [0, *(anchor[1] for anchor in anchors)], [0.0, *(anchor[3] for anchor in anchors)]
    firsts, starts = [*(anchor[0] for anchor in anchors), tokens], [*(anchor[2] for anchor in anchors), seconds]
    for stop, first, end, start in zip(stops, firsts, ends, starts, strict=True):
        edges[stop : first + 1] = np.linspace(end, start, first + 1 - stop)
    for first, stop, start, end in anchors:
        edges[first : stop + 1] = edges[first : stop + 1].clip(start, end)
    edges = np.maximum.accumulate(edges.clip(0.0, seconds))
    times = [round(float(edge), 5) for edge in edges]
    return tuple((token, token + 1, times[token], times[token + 1]) for token in range(tokens))


def _shift(spans: Sequence[tuple[int, int, float, float]], moved: Sequence[int], token: int) -> int:
    """How far ``token`` was moved."""
    return moved[int(np.searchsorted([span[0] for span in spans], token, side="right")) - 1]


def render_timing(spoken: Spoken, seconds: float, offset_s: float) -> Timing:
    """One anchor a token; the first token takes the clip's beginning and the last its end."""
    edges = [0.0, *(start - offset_s for start, _ in spoken.times[1:]), seconds]
    edges = [min(max(edge, 0.0), seconds) for edge in edges]
    anchors = tuple(
        (token, token + 1, round(start, 5), round(end, 5))
        for token, (start, end) in enumerate(zip(edges[:-1], edges[1:], strict=True))
    )
    return Timing(spoken.symbols, spoken.words, anchors)
