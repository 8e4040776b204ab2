"""Small corpora on disk, made of buzzes and noise, in the layouts that the readers take."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 22_050


def buzz(seconds: float, hertz: float = 200.0, rate: int = RATE, level: float = 0.2) -> npt.NDArray[np.float32]:
    """A voiced sound."""
    phase = 2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate
    return (level * sum(0.6**k * np.sin((k + 1) * phase) for k in range(6))).astype(np.float32)


def silence(seconds: float, rate: int = RATE) -> npt.NDArray[np.float32]:
    return np.zeros(round(seconds * rate), np.float32)


def phrase(*parts: float, rate: int = RATE) -> npt.NDArray[np.float32]:
    """Positive numbers are seconds of sound, negative ones of silence."""
    return np.concatenate([buzz(part, rate=rate) if part > 0 else silence(-part, rate) for part in parts])


def write(path: Path, samples: npt.NDArray[np.float32], rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)


def ljspeech(folder: Path, texts: dict[str, str], seconds: float = 1.0) -> Path:
    """Metadata in the order of ``texts``, every recording of ``seconds`` with 0.3 s of silence around it."""
    for clip in texts:
        write(folder / "wavs" / f"{clip}.flac", phrase(-0.3, seconds, -0.3))
    rows = "".join(f"{clip}|{text}\n" for clip, text in texts.items())
    (folder / "metadata.csv").write_text(rows, encoding="utf-8")
    return folder


def curious(folder: Path, clip: str, text: str, samples: npt.NDArray[np.float32], words: list[list[object]]) -> Path:
    """One page with word times."""
    write(folder / "wavs" / f"{clip}.flac", samples)
    (folder / "metadata.csv").write_text(f"{clip}|{text}\n", encoding="utf-8")
    row = {"id": clip, "text": text, "words": words}
    (folder / "alignment.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def table(folder: Path, content: str | bytes, *recordings: str) -> Path:
    """A corpus in LJSpeech layout with this ``metadata.csv``, and recordings of a second and a half in ``wavs/``."""
    for name in recordings or ("01.wav", "02.wav"):
        write(folder / "wavs" / name, phrase(-0.2, 1.5, -0.2))
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "metadata.csv").write_bytes(data)
    return folder


def reasons(out: Path) -> dict[str, str]:
    """What was left out of a prepared corpus, and why."""
    rows = (json.loads(line) for line in (out / "rejected.jsonl").read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["reason"] for row in rows}
