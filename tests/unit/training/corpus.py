"""A prepared corpus of made-up speech: every phoneme a chord of its own, with known durations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ssmphony.data.manifest import Clip, write_manifest

RATE, HOP = 24000, 256
VOWELS = ("ə", "aː", "ɪ", "iː", "ʊ", "uː")
CONSONANTS = ("k", "t̪", "p", "m", "n", "s")


def write_corpus(
    folder: Path, clips: int = 8, speakers: tuple[str, ...] = ("tiny",), seed: int = 0, every_token: bool = False
) -> Path:
    """``clips`` sentences of two to five words; clip i is spoken by ``speakers[i % len(speakers)]``. Times are those of
    the words, or of ``every_token``."""
    random = np.random.default_rng(seed)
    (folder / "audio").mkdir(parents=True)
    (folder / "f0").mkdir()
    rows: list[Clip] = []
    for number in range(clips):
        symbols, words = sentence(random, int(random.integers(2, 6)))
        frames = random.integers(4, 12, len(symbols))
        samples, f0 = render(symbols, frames, 120.0 + 40.0 * (number % len(speakers)), random)
        name = f"clip-{number}"
        soundfile.write(folder / "audio" / f"{name}.flac", samples, RATE)
        np.save(folder / "f0" / f"{name}.npy", f0)
        ends = np.cumsum([0, *frames]) * HOP / RATE
        timed = tuple((token, token + 1) for token in range(len(symbols))) if every_token else words
        rows.append(
            Clip(
                id=name,
                audio=f"audio/{name}.flac",
                seconds=len(samples) / RATE,
                speaker=speakers[number % len(speakers)],
                language="hi",
                symbols=symbols,
                words=words,
                anchors=tuple((first, stop, float(ends[first]), float(ends[stop])) for first, stop in timed),
            )
        )
    write_manifest(folder, rows)
    return folder


def sentence(random: np.random.Generator, words: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    symbols, spans = ["^"], []
    for _ in range(words):
        first = len(symbols)
        for _ in range(int(random.integers(1, 3))):
            symbols += [str(random.choice(CONSONANTS)), str(random.choice(VOWELS))]
        spans.append((first, len(symbols)))
    return (*symbols, "."), tuple(spans)


def render(
    symbols: tuple[str, ...], frames: np.ndarray, f0: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Samples, and Hz a frame: vowels are voiced chords, consonants bursts of noise, the rest is silence."""
    pieces = []
    for symbol, count in zip(symbols, frames, strict=True):
        time = np.arange(count * HOP) / RATE
        if symbol in VOWELS:
            formant = 500.0 + 300.0 * VOWELS.index(symbol)
            piece = 0.2 * np.sin(2 * np.pi * f0 * time) + 0.1 * np.sin(2 * np.pi * formant * time)
        elif symbol in CONSONANTS:
            piece = 0.02 * (1 + CONSONANTS.index(symbol)) * random.standard_normal(len(time))
        else:
            piece = 1e-4 * random.standard_normal(len(time))
        pieces.append(piece)
    track = np.repeat([f0 if symbol in VOWELS else 0.0 for symbol in symbols], frames)
    return np.concatenate(pieces).astype(np.float32), np.append(track, 0.0).astype(np.float32)
