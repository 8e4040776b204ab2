"""The programs in `examples/` run as they are, and do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ssmphony
from ssmphony.types import Samples

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(name: str, folder: Path, *arguments: str) -> str:
    (file,) = [path for path in EXAMPLES if path.name.startswith(name)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, file, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def samples(path: Path) -> Samples:
    return soundfile.read(path, dtype="float32")[0]


def test_say_writes_sound_and_subtitles(tmp_path: Path) -> None:
    printed = run("01", tmp_path)
    assert len(samples(tmp_path / "say.wav")) > 24_000
    assert "25 दिसंबर" in printed
    assert "मौसम" in (tmp_path / "say.srt").read_text(encoding="utf-8")


def test_stream_speaks_before_the_text_is_written(tmp_path: Path) -> None:
    printed = run("02", tmp_path)
    assert printed.index(" आई\n") < printed.index("written: वह रोज़")
    whole = ssmphony.load().say("मुझे एक कहानी याद आई। एक गाँव में एक कुम्हार रहता था। वह रोज़ सुंदर घड़े बनाता था।")
    assert len(samples(tmp_path / "stream.wav")) == len(whole.samples)


def test_save_and_resume_lose_nothing(tmp_path: Path) -> None:
    run("03", tmp_path)
    assert (tmp_path / "story.state").exists()
    run("03", tmp_path)
    assert not (tmp_path / "story.state").exists()
    parts = [samples(tmp_path / f"part{number}.wav") for number in (1, 2)]
    assert min(len(part) for part in parts) > 10_000
    text = re.search(r'^TEXT = "(.+)"$', (ROOT / "examples/03_save_and_resume.py").read_text(encoding="utf-8"), re.M)
    assert text is not None
    whole = ssmphony.load().say(text[1]).samples
    joined = np.concatenate(parts)
    assert joined.shape == whole.shape
    np.testing.assert_allclose(joined, whole, atol=1e-4)  # the files hold 16 bits


def test_serve_and_call(tmp_path: Path) -> None:
    printed = run("04", tmp_path)
    with wave.open(str(tmp_path / "served.wav")) as file:
        assert file.getnframes() > 24_000
    assert "प्लेटफ़ॉर्म" in printed


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_on_a_page_and_short(path: Path) -> None:
    """The fifth and those after it are on pages of their own; `tests/contract/test_outsider.py` runs the fifth."""
    others = {"05": ("docs/extend.md", 340), "06": ("docs/ssm.md", 110), "07": ("docs/ssm.md", 110)}
    page, lines = others.get(path.name[:2], ("docs/examples.md", 110))
    assert f"<!-- woven: examples/{path.name} -->" in (ROOT / page).read_text(encoding="utf-8")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= lines


def test_bytes_are_learned_and_written(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"abcdefgh" * 100)
    printed = run("06", tmp_path, str(text), "60")
    bits = [float(value) for value in re.findall(r"([\d.]+) bits a byte", printed)]
    assert bits[-1] < 0.5 * bits[0]
    assert printed.strip().splitlines()[-1].startswith("abcdefgh" * 4)


def test_lists_are_classified(tmp_path: Path) -> None:
    assert re.search(r"step 3: [\d.]+ % right of the last 96", run("07", tmp_path, "3"))
