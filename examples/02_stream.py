"""Chunks of sound as they are computed, while the text is still being written, as a language model would write it:

python examples/02_stream.py
"""

import time
from collections.abc import Iterator

import soundfile

import ssmphony

PIECES = ("मुझे एक ", "कहानी याद आई। एक गाँव ", "में एक कुम्हार रहता था। ", "वह रोज़ सुंदर घड़े बनाता था।")


# The text may be any iterable of strings. A sentence is spoken as soon as its end is certain.


def written() -> Iterator[str]:
    for piece in PIECES:
        time.sleep(0.1)
        print(f"        written: {piece}")
        yield piece


# A chunk holds some sound, at first a little and then up to two seconds, and the words that end in it. The first one
# arrives after the first sentence is written; memory does not grow with the text. The chunks go to a file here; a
# player accepts them as well.

voice = ssmphony.load()
with soundfile.SoundFile("stream.wav", "w", voice.sample_rate, channels=1) as file:
    for chunk in voice.stream(written()):
        file.write(chunk.samples)
        words = " ".join(word.text for word in chunk.words)
        print(f"{chunk.start_s:5.2f} s  {chunk.seconds:.2f} s of sound  {words}")
