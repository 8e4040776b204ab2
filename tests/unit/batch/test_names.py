"""File names: what a job file asks for stays in the output folder, on every system."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.batch.names import plain_name, same_file, with_format
from ssmphony.types import SsmphonyError

OUT = Path("/somewhere/out")
PATHS = st.lists(st.sampled_from(["..", ".", "a", "/", "\\", "C:", "~", "नाम", " ", "\0", "con", "x.wav"])).map("".join)


@given(st.one_of(st.text(), PATHS))
def test_a_name_stays_in_the_folder_or_is_refused(name: str) -> None:
    try:
        assert plain_name(name) == name
    except SsmphonyError:
        return
    assert (OUT / name).resolve().parent == OUT
    assert (PureWindowsPath("C:/out") / name).parent == PureWindowsPath("C:/out")
    assert len(name.encode()) <= 200


@given(st.text(st.characters(categories=["L", "N", "M"]), min_size=1, max_size=40))
def test_letters_and_digits_of_any_script_are_names(name: str) -> None:
    if name.upper() in ("CON", "PRN", "AUX", "NUL"):
        return
    assert plain_name(with_format(name, [".wav"], ".wav")) == name + ".wav"


@pytest.mark.parametrize(
    "name",
    [
        *"../a /etc/passwd a/b .. . .hidden a\\b C:a nul Con.wav a. a?".split(" "),
        "",
        " a",
        "a ",
        "a\0",
        "a\nb",
        "ॐ" * 70,
        "\ud800",
    ],
)
def test_paths_and_names_that_some_system_refuses(name: str) -> None:
    with pytest.raises(SsmphonyError):
        plain_name(name)


def test_names_that_are_one_file_somewhere() -> None:
    assert same_file("A.wav") == same_file("a.WAV")
    assert same_file("क\u093c.wav") == same_file("\u0958.wav")
    assert same_file("क.wav") != same_file("ख.wav")


def test_a_suffix_is_added_once() -> None:
    formats = [".wav", ".flac"]
    assert [with_format(name, formats, ".wav") for name in ("a", "a.WAV", "a.flac", "s1.0")] == [
        "a.wav",
        "a.WAV",
        "a.flac",
        "s1.0.wav",
    ]
