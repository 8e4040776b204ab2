"""Lists of clips that a training leaves out or takes alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmphony.data.crops import AudioCrops, CropSource
from ssmphony.data.dataset import Corpus, Utterances
from ssmphony.data.manifest import Clip, write_manifest, write_rows
from ssmphony.data.selection import select
from ssmphony.types import MelFormat, SsmphonyError

IDS = ("05", "06", "07-a", "07-b", "sub-08", "नमस्ते १", "Kahani 2", "1.5")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "asha"
    folder.mkdir()
    write_manifest(
        folder, [Clip(name, f"audio/{name}.flac", 1.0, "asha", "hi", "राम", ("^", "r", ".")) for name in IDS]
    )
    write_rows(folder / "rejected.jsonl", [{"id": "09", "reason": "silent"}])
    return folder


def chosen(corpus: Path, content: str | bytes, key: str = "only") -> list[str]:
    path = corpus.parent / "held-out.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (clips,) = select([Corpus.model_validate({"path": str(corpus), key: str(path)})])
    return [clip.id for clip in clips]


def test_a_list_holds_out_or_is_all(corpus: Path) -> None:
    assert chosen(corpus, "06\n05\n") == ["05", "06"]
    assert chosen(corpus, "06\n05\n", "exclude") == list(IDS[2:])
    assert chosen(corpus, "", "exclude") == list(IDS)


@pytest.mark.parametrize(
    "content",
    [
        "नमस्ते १\nKahani 2\n06",
        "  नमस्ते १ \r\n\r\nKahani 2\r\n06\r\n",
        "# for validation\nनमस्ते १\nKahani 2\n06\n",
        "नमस्ते १\nKahani 2\n06\n09\n",  # that preparation left out
        "\ufeffनमस्ते १\nKahani 2\n06\n",
        "नमस्ते १\nKahani 2\n06\n".encode("utf-16"),
    ],
)
def test_ids_may_hold_blanks(content: str | bytes, corpus: Path) -> None:
    assert chosen(corpus, content) == ["06", "नमस्ते १", "Kahani 2"]


def test_several_ids_on_a_line(corpus: Path) -> None:
    assert chosen(corpus, "05 06\t1.5\n") == ["05", "06", "1.5"]


@pytest.mark.parametrize("key", ["only", "exclude"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("06.wav", " (the clip is '06')"),
        ("06.FLAC", " (the clip is '06')"),
        ("wavs/06", " (the clip is '06')"),
        ("wavs\\06.wav", " (the clip is '06')"),
        ("sub/08.wav", " (the clip is 'sub-08')"),
        ("06|राम", " (the clip is '06')"),
        ("06\tराम", " (the clip is '06')"),
        ("kahani 2", " (the clip is 'Kahani 2')"),
        ("Kahani2", " (the clip is 'Kahani 2')"),
        ("नमस्ते  १", " (the clip is 'नमस्ते १')"),
        ("07", " (its clips begin with '07-a')"),
        ("Kahani 3", " (did you mean 'Kahani 2'?)"),
        ("zzz", ""),
        ("05 06.wav", None),
    ],
)
def test_a_name_of_no_clip_is_an_error_that_says_what_was_meant(
    name: str, hint: str | None, key: str, corpus: Path
) -> None:
    with pytest.raises(SsmphonyError) as caught:
        chosen(corpus, f"05\n{name}\n", key)
    where = f"{corpus.parent / 'held-out.txt'}: no clip of {corpus} has the id '{name}'"
    assert str(caught.value) == f"{where}{hint}" if hint is not None else str(caught.value).startswith(where)


def test_the_first_of_many_names_are_reported(corpus: Path) -> None:
    with pytest.raises(
        SsmphonyError, match=r"has the id 'p' .*, 'q', 's' and 7 more$|has the id 'p', 'q', 's' and 7 more$"
    ):
        chosen(corpus, "\n".join("pqstuvwxyz"), "exclude")


def test_a_list_may_be_one_for_several_corpora(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "ravi").mkdir()
    write_manifest(tmp_path / "ravi", [Clip(name, "a", 1.0, "ravi", "hi") for name in ("r1", "r2")])
    (tmp_path / "out.txt").write_text("06\nr1\n", encoding="utf-8")
    both = [CropSource(path=str(folder), exclude=str(tmp_path / "out.txt")) for folder in (corpus, tmp_path / "ravi")]
    assert [len(clips) for clips in select(both)] == [len(IDS) - 1, 1]
    with pytest.raises(SsmphonyError, match="has the id 'r1'"):
        select(both[:1])


@pytest.mark.parametrize("content", ["", "# nothing\n", "09\n"])
def test_a_list_that_leaves_nothing_is_an_error(content: str, corpus: Path) -> None:
    with pytest.raises(SsmphonyError, match=r"held-out\.txt: names no clip of .*asha"):
        chosen(corpus, content)


def test_what_is_no_list_is_an_error(corpus: Path) -> None:
    with pytest.raises(SsmphonyError, match=r"held-out\.txt, line 2: .*Windows-1252"):
        chosen(corpus, b"06\ncaf\xe9\n")
    for path, reason in ((corpus.parent / "none.txt", "no such file"), (corpus, "it is not a file")):
        with pytest.raises(SsmphonyError, match=reason):
            select([Corpus(path=str(corpus), exclude=str(path))])


def test_both_kinds_of_training_data_take_lists(corpus: Path) -> None:
    path = corpus.parent / "held-out.txt"
    path.write_text("06.wav\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match=r"'06\.wav' \(the clip is '06'\)"):
        Utterances([Corpus(path=str(corpus), exclude=str(path))], ("^", "r", "."), ("asha",), MelFormat())
    with pytest.raises(SsmphonyError, match=r"'06\.wav' \(the clip is '06'\)"):
        AudioCrops([CropSource(path=str(corpus), exclude=str(path))], 16).batch(0, 1)


def test_clips_that_cannot_be_used_are_counted(corpus: Path) -> None:
    arguments = ([Corpus(path=str(corpus))], ("^", "r", "."), ("asha",), MelFormat())
    with pytest.raises(SsmphonyError, match=r"of 8, 0 have no text and 8 are longer than 0\.5 s \(task\.max_seconds\)"):
        Utterances(*arguments, max_seconds=0.5)
