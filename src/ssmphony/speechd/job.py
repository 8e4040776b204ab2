"""One message as it is spoken: sound and marks go out as they are made, until it ends, pauses or is stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ssmphony.speech import Speech
from ssmphony.speechd.message import sentences
from ssmphony.speechd.protocol import EVENT_S, Connection
from ssmphony.types import AudioChunk, Samples, SsmphonyError, Style, Tokens
from ssmphony.voice import Voice

BEGIN, END, STOP, PAUSE = "701 BEGIN", "702 END", "703 STOP", "704 PAUSE"
QUIET = 10 ** (-50 / 20)
"""Below this level, the beginning of a message is silence that only delays it."""
KEPT_S = 0.01
"""Of that silence, what stays: the attack of a plosive is quieter than what follows."""
_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """``text`` is plain or SSML. ``gain`` multiplies the samples; ``brief`` leaves out pauses after sentences."""

    text: str
    voice: Voice
    style: Style
    gain: float = 1.0
    brief: bool = False


class Job:
    """Speaks one request; `run` in a thread of its own, `stop` and `pause` from any other.

    Exactly one of ``702 END``, ``703 STOP`` and ``704 PAUSE`` is sent, and nothing after it. The sound that a model
    is still computing when a stop arrives is dropped; the next step is not begun.
    """

    def __init__(self, prepare: Callable[[], Request], connection: Connection) -> None:
        """``prepare`` runs in the thread of the job: it may load a voice, which must not delay a stop."""
        self._prepare, self._connection = prepare, connection
        self._begun = self._done = self._pausing = False
        self._silent = True
        """Nothing that can be heard has been sent."""

    @property
    def done(self) -> bool:
        return self._done

    def run(self) -> None:
        try:
            request = self._prepare()
            for chunk in self._chunks(request):
                self._send(chunk, request.gain)
                if self._done:
                    return
            self._finish(END)
        except SsmphonyError as error:
            _log.error("%s", error)
            self._finish(STOP)
        except OSError:  # the dispatcher is gone; the main loop finds the end of its input
            self._done = True
        except Exception:
            _log.exception("a message could not be spoken")
            self._finish(STOP)

    def stop(self) -> None:
        """End at once."""
        self._finish(STOP)

    def abandon(self) -> None:
        """End without a word: nobody listens."""
        self._done = True

    def pause(self) -> None:
        """End at the next mark, from which the dispatcher resumes."""
        self._pausing = True

    def _chunks(self, request: Request) -> Iterator[AudioChunk]:
        text, voice, style, _, brief = request
        spoken, silence_s = 0, 0.0
        for tokens in sentences(voice.frontend, text):
            silence_s = voice.silence_s(tokens, style, silence_s)
            if self._done:
                return
            speech = _begin(voice, replace(tokens, pause_after_s=0.0) if brief else tokens, style, spoken)
            while not speech.done and not self._done:
                ((chunk, speech),) = voice.step([speech])
                spoken += len(chunk.samples)
                yield chunk

    def _send(self, chunk: AudioChunk, gain: float) -> None:
        """The samples of a chunk, with its marks between them."""
        first = round(chunk.start_s * chunk.sample_rate)
        place = 0
        for mark in sorted(chunk.marks, key=lambda mark: mark.start_s):
            stop = min(max(round(mark.start_s * chunk.sample_rate) - first, place), len(chunk.samples))
            self._send_samples(chunk.samples[place:stop] * np.float32(gain), chunk.sample_rate)
            place = stop
            with self._connection.lock:
                if self._open():
                    self._connection.send_mark(mark.text)
            if self._pausing:
                self._finish(PAUSE)
        self._send_samples(chunk.samples[place:] * np.float32(gain), chunk.sample_rate)

    def _send_samples(self, samples: Samples, rate: int) -> None:
        if self._silent:
            samples = _without_silence(samples, rate)
            self._silent = not len(samples)
        size = round(EVENT_S * rate)
        for place in range(0, len(samples), size):
            with self._connection.lock:
                if self._open():
                    self._connection.send_audio(samples[place : place + size], rate)

    def _open(self) -> bool:
        """Whether events may be sent; the first one is preceded by ``701 BEGIN``. Call it with the lock."""
        if not self._done and not self._begun:
            self._begun = True
            self._connection.send(BEGIN)
        return not self._done

    def _finish(self, event: str) -> None:
        with self._connection.lock:
            try:
                if self._open():
                    self._connection.send(event)
            finally:
                self._done = True


def _begin(voice: Voice, tokens: Tokens, style: Style, origin: int) -> Speech:
    """A sentence whose own speaker (``<voice name=…>``) is unknown is spoken by that of the style."""
    try:
        return voice.begin(tokens, style, origin)
    except SsmphonyError as error:
        if tokens.speaker is None:
            raise
        _log.warning("%s", error)
        return voice.begin(replace(tokens, speaker=None), style, origin)


def _without_silence(samples: Samples, rate: int) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    return samples[max(0, int(loud[0]) - round(KEPT_S * rate)) :] if len(loud) else samples[:0]
