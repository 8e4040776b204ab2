"""Many streams at once over any voice: the base of servers and of programs that speak for several users.

    voice = ssmphony.load(threads=1)            # the workers are the threads; a graph needs no more than one
    with Engine(voice) as engine:
        for chunk in engine.stream("नमस्ते दुनिया"):        # a whole text: the samples of Voice.say, bit for bit
            play(chunk.samples)

        stream = engine.open(style=Style(speed=1.2), deadline_s=60)  # text that is still being written
        stream.write("नमस्ते, मैं")                          # never waits; audio begins after the first clause
        stream.write(" सोच रहा हूँ")
        stream.flush()                                     # speak what is there; more may follow
        stream.finish()                                    # no more text
        async for chunk in stream: ...                     # or `for`, from any thread
        stream.cancel()                                    # at any point; its slot is free at once

Promises:

* `Engine.open`, `stream` and `resume` return at once or raise: `EngineBusy` when ``running`` streams are spoken and
  ``queue`` more wait, `EngineClosed` after `Engine.close`, `SsmphonyError` for an unknown voice or speaker and for a
  style out of range. A text that is refused (markup that is not well-formed) raises when the chunks are read.
* Chunks are `AudioChunk`: samples, and the phonemes, words and marks that end in them; times count from the start of
  the stream, offsets from the start of its text, all that was written taken together.
* Reading ends with the text, or raises after the last chunk: `DeadlineExceeded`, `EngineClosed`, `VoiceFailed` (an
  error inside a voice; the other streams continue), each an `SsmphonyError` of one line for the user.
* Streams that have not produced audio yet have priority, then those that will soon run out of it. A stream that is not
  read holds up to ``buffer_s`` seconds of sound and then costs nothing; dropping a `Stream` cancels it.
* No method but iteration, `Stream.snapshot` (one step) and `Engine.close` waits, so all others may be called from an
  event loop. `Engine.close(drain=True)` speaks what was written, then ends; with ``drain=False`` it ends at once.
* `Stream.snapshot` stops a stream and returns it as bytes (safetensors); `Engine.resume` continues it, in another
  process too, with exactly the samples that would have followed. Not for a stream with a frontend of its own.
* `Engine.stats` is cheap: for metrics.
"""

from __future__ import annotations

from ssmphony.engine.engine import Engine
from ssmphony.engine.errors import DeadlineExceeded, EngineBusy, EngineClosed, VoiceFailed
from ssmphony.engine.stats import EngineStats
from ssmphony.engine.stream import Stream

__all__ = [
    "DeadlineExceeded",
    "Engine",
    "EngineBusy",
    "EngineClosed",
    "EngineStats",
    "Stream",
    "VoiceFailed",
]
