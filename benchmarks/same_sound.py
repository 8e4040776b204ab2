"""Whether a change of the code leaves the audio of a voice unchanged, and its speed.

    OLD/bin/python -m benchmarks.same_sound record old.npz VOICE      in an environment with the earlier package
    python -m benchmarks.same_sound record new.npz VOICE
    python -m benchmarks.same_sound compare old.npz new.npz
    python -m benchmarks.same_sound speed VOICE --old OLD/bin/python  both in turns

Thirty sentences are spoken whole, in chunks, four together, and resumed from stored states.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.spoken_texts import PARAGRAPHS, SENTENCES
from ssmphony.state import flatten, unflatten
from ssmphony.types import Style
from ssmphony.voice import Speech, Voice
from ssmphony.voices.package import load

COUNT = 30
TOLERANCE = 1e-5
ROUNDS = 5
Sounds = dict[str, np.ndarray]


def sentences() -> list[str]:
    parts = [part.strip() for text in PARAGRAPHS for part in re.findall(r"[^।?!]+[।?!]", text)]
    return [*SENTENCES, *parts][:COUNT]


def sounds_of(voice: Voice) -> Sounds:
    """Name → samples, of every way of speaking that must not change."""
    texts, found = sentences(), Sounds()
    for number, text in enumerate(texts):
        found[f"say {number}"] = voice.say(text, seed=number).samples
    for number, text in enumerate(texts[:6]):
        found[f"stream {number}"] = _joined([chunk.samples for chunk in voice.stream(text, seed=number)])
    for number, samples in enumerate(_together(voice, texts[:4])):
        found[f"batch {number}"] = samples
    for number, text in enumerate(texts[:3]):
        found[f"resumed {number}"] = _resumed(voice, text)
    for speaker in voice.card.speakers[:3]:
        found[f"speaker {speaker}"] = voice.say(texts[0], speaker=speaker).samples
    return found


def _begin(voice: Voice, text: str) -> Speech:
    return voice.begin(next(iter(voice.frontend.sentences(text))), Style())


def _together(voice: Voice, texts: list[str]) -> list[np.ndarray]:
    batch = [_begin(voice, text) for text in texts]
    parts: list[list[np.ndarray]] = [[] for _ in batch]
    while not all(speech.done for speech in batch):
        stepped = voice.step(batch)
        for row, (chunk, _) in zip(parts, stepped, strict=True):
            row.append(chunk.samples)
        batch = [speech for _, speech in stepped]
    return [_joined(row) for row in parts]


def _resumed(voice: Voice, text: str) -> np.ndarray:
    speech, parts = _begin(voice, text), list[np.ndarray]()
    while not speech.done:
        stored = [[np.array(array) for array in flatten(state)] for state in (speech.model, speech.codec)]
        model, codec = (
            unflatten(state, iter(arrays)) for state, arrays in zip((speech.model, speech.codec), stored, strict=True)
        )
        ((chunk, speech),) = voice.step([speech._replace(model=model, codec=codec)])
        parts.append(chunk.samples)
    return _joined(parts)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def compare(old: Sounds, new: Sounds) -> float:
    """The largest difference between two samples; raises `SystemExit` where lengths or names differ."""
    if old.keys() != new.keys():
        raise SystemExit(f"only in one of them: {sorted(old.keys() ^ new.keys())}")
    worst = 0.0
    for name, samples in old.items():
        if samples.shape != new[name].shape:
            raise SystemExit(f"{name}: {len(samples)} samples, now {len(new[name])}")
        worst = max(worst, float(np.abs(samples - new[name]).max(initial=0.0)))
    return worst


def processor_share(voice: Voice) -> float:
    """Processor seconds per second of audio."""
    begin, samples = time.process_time(), 0
    for text in sentences()[:10]:
        samples += sum(len(chunk.samples) for chunk in voice.stream(text))
    return (time.process_time() - begin) * voice.sample_rate / samples


def _timer(python: str, voice: str) -> Any:
    """A process that answers each line with a measurement; it imports the package of its own environment."""
    command = [python, "-m", "benchmarks.same_sound", "timer", voice]
    own = {name: value for name, value in os.environ.items() if python == sys.executable or name != "PYTHONPATH"}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own)


def _ask(timer: Any) -> float:
    timer.stdin.write("\n")
    timer.stdin.flush()
    return float(timer.stdout.readline())


def speed(old: str, voice: str, rounds: int) -> tuple[float, float]:
    """Medians of two environments that take turns."""
    timers = [_timer(python, voice) for python in (old, sys.executable)]
    try:
        for timer in timers:
            _ask(timer)
        found = [[_ask(timer) for timer in timers] for _ in range(rounds)]
    finally:
        for timer in timers:
            timer.stdin.close()
            timer.wait()
    before, after = (median(column) for column in zip(*found, strict=True))
    return before, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("record", "compare", "speed", "timer"))
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--old", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    if chosen.action == "record":
        np.savez(chosen.paths[0], **sounds_of(load(Path(chosen.paths[1]), threads=1)))  # pyright: ignore[reportArgumentType]
    elif chosen.action == "compare":
        worst = compare(*(dict(np.load(path)) for path in chosen.paths))
        print(f"largest difference {worst:.2e} ({'same' if worst <= TOLERANCE else 'DIFFERENT'})")
        sys.exit(worst > TOLERANCE)
    elif chosen.action == "speed":
        before, after = speed(chosen.old, chosen.paths[0], chosen.rounds)
        print(
            f"processor seconds a second of sound: {before:.4f} before, {after:.4f} now, {before / after:.3f} the speed"
        )
    else:
        voice = load(Path(chosen.paths[0]), threads=1)
        for _ in sys.stdin:
            print(processor_share(voice), flush=True)


if __name__ == "__main__":
    main()
