"""Which clips are evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.evaluation.material import chosen_clips
from ssmphony.types import SsmphonyError


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "prepared"
    folder.mkdir()
    clips = [Clip(f"clip-{n}", f"audio/clip-{n}.flac", 1.0, "asha", "hi", "आ", ("^", "aː", ".")) for n in range(3)]
    write_manifest(folder, [*clips, Clip("song", "audio/song.flac", 1.0, "asha", "hi")])
    return folder


def names(corpus: Path, content: str) -> list[str]:
    path = corpus.parent / "ids.txt"
    path.write_text(content, encoding="utf-8")
    return [clip.id for clip in chosen_clips(corpus, path)]


def test_all_transcribed_clips_or_those_of_a_list(corpus: Path) -> None:
    assert [clip.id for clip in chosen_clips(corpus, None)] == ["clip-0", "clip-1", "clip-2"]
    assert names(corpus, "# held out\nclip-2\nclip-0\n") == ["clip-0", "clip-2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("clip-0\nclip-9\n", "has the id 'clip-9'"),
        ("clip-0\nclip-1.wav\n", "the clip is 'clip-1'"),
        ("clip-0\nsong\n", "clip 'song' of .* has no transcript"),
        ("", "names no clip"),
    ],
)
def test_a_name_that_cannot_be_evaluated_is_an_error(content: str, message: str, corpus: Path) -> None:
    with pytest.raises(SsmphonyError, match=message):
        names(corpus, content)
