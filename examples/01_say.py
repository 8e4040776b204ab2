"""A text becomes sound in memory, then a file with the times of its words next to it:

python examples/01_say.py
"""

from pathlib import Path

import soundfile

import ssmphony
from ssmphony.audio.subtitles import to_srt

TEXT = "नमस्ते! आज 25 दिसंबर है, और मौसम बहुत अच्छा है।"

# Load a voice once and keep it. It is immutable, and threads may share it.

voice = ssmphony.load()

# The whole sound at once. `speed=2.0` is twice as fast, `pitch` is in semitones. The same text, options and seed give
# the same samples.

audio = voice.say(TEXT, speed=0.95, pitch=1.0)

# `audio.samples` are float32 in [-1, 1], in one channel; any audio library accepts them.

soundfile.write("say.wav", audio.samples, audio.sample_rate)
print(f"say.wav: {audio.seconds:.2f} s at {audio.sample_rate} Hz")

# Each word has its time in the audio and its position in the text. The date is read as
# one.

for word in audio.words:
    print(f"{word.start_s:5.2f}-{word.end_s:5.2f} s  {TEXT[word.start : word.end]}")
Path("say.srt").write_text(to_srt(audio.words, TEXT), encoding="utf-8")
