"""A stream is stopped in the middle of a sentence, stored in a file, and resumed by another process:

    python examples/03_save_and_resume.py     # speaks two chunks, then stores the stream
    python examples/03_save_and_resume.py     # resumes it and speaks the rest

The second sound begins with the sample after the last of the first.
"""

from collections.abc import Iterable
from pathlib import Path

import soundfile

import ssmphony
from ssmphony import AudioChunk
from ssmphony.engine import Engine

STATE = Path("story.state")
TEXT = "एक राजा था। उसकी दो रानियाँ थीं, और वह दोनों से बहुत प्यार करता था। एक दिन वह जंगल में गया।"


def write(name: str, chunks: Iterable[AudioChunk], sample_rate: int) -> None:
    with soundfile.SoundFile(name, "w", sample_rate, channels=1) as file:
        for chunk in chunks:
            file.write(chunk.samples)
    print(name)


# The state holds the whole stream: the text that has not been read, the sentence that is being spoken, and what
# model and codec carry from block to block. `snapshot` returns it as bytes, a safetensors file.
# The engine computes ahead of the listener, here by at most `buffer_s`; chunks computed before it are still read.


def begin(engine: Engine) -> None:
    stream = engine.stream(TEXT)
    chunks = [next(stream), next(stream)]
    STATE.write_bytes(stream.snapshot())
    write("part1.wav", [*chunks, *stream], stream.sample_rate)
    print(f"stored in {STATE}: run this again to resume")


# Another process, or another machine with the same voice, continues. Another voice, or another version, is refused.


def resume(engine: Engine) -> None:
    stream = engine.resume(STATE.read_bytes())
    write("part2.wav", stream, stream.sample_rate)
    STATE.unlink()


# The engine steps any number of streams together. Its workers are the threads, so the voice needs one.

with Engine(ssmphony.load(threads=1), buffer_s=0.5) as engine:
    if STATE.exists():
        resume(engine)
    else:
        begin(engine)
