"""The voice package: found, checked, refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import ssmphony
from ssmphony.text.hindi import Lexicon
from ssmphony.types import SsmphonyError
from ssmphony.voices import package


@pytest.fixture
def folder(tiny_voice_folder, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_voice_folder, tmp_path / "mine" / "tiny"))


def change(folder: Path, **changes: object) -> None:
    path = folder / "voice.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refusal(folder: Path | str) -> str:
    with pytest.raises(SsmphonyError) as caught:
        ssmphony.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_load_by_path_and_by_name(folder, monkeypatch):
    assert ssmphony.load(folder).card.name == "tiny"
    assert ssmphony.load(str(folder)).card.speakers == ("asha", "ravi")
    monkeypatch.setenv("SSMPHONY_VOICES", str(folder.parent))
    assert ssmphony.load("tiny").card.language == "hi"


def test_list_voices_names_what_load_takes(folder, monkeypatch):
    folder.rename(folder.with_name("renamed"))
    monkeypatch.setenv("SSMPHONY_VOICES", str(folder.parent))
    names = [card.name for card in ssmphony.list_voices()]
    assert "renamed" in names
    assert "tiny" not in names


def test_unknown_voice_suggests_the_nearest(folder, monkeypatch):
    monkeypatch.setenv("SSMPHONY_VOICES", str(folder.parent))
    message = refusal("tinny")
    assert "unknown voice 'tinny', did you mean 'tiny'?" in message


@pytest.mark.parametrize("name", ["../../etc", "", "..", "a/b", "\0"])
def test_names_that_look_like_paths_are_only_names(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SSMPHONY_VOICES", str(tmp_path))
    assert "voice" in refusal(name)
    assert name not in package.installed()


def test_a_folder_without_a_voice(tmp_path):
    assert "has no voice.json" in refusal(tmp_path)


@pytest.mark.parametrize("graph", ["encoder", "decoder", "codec_decoder"])
def test_damaged_and_missing_graphs(folder, graph):
    path = folder / f"{graph}.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert f"{graph}.onnx: the file is damaged" in refusal(folder)
    path.write_bytes(data[:100])
    assert f"{graph}.onnx: the file is damaged" in refusal(folder)
    path.unlink()
    assert f"{graph}.onnx: cannot read it (No such file or directory)" in refusal(folder)


def test_damaged_manifest(folder):
    path = folder / "voice.json"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    assert "not valid JSON" in refusal(folder)
    path.write_bytes(b"\xff\xfe")
    assert "the file is damaged" in refusal(folder)
    path.write_text("[]")
    assert "expected a JSON object" in refusal(folder)


def test_later_format(folder):
    change(folder, format_version=99, something_new=1)
    assert "voice format 99 is newer than this ssmphony reads; update ssmphony" in refusal(folder)


def test_another_vocabulary_is_refused_not_garbled(folder):
    symbols = json.loads((folder / "voice.json").read_text())["symbols"]
    change(folder, symbols=symbols[::-1])
    assert "another set of phonemes" in refusal(folder)


def test_wrong_keys_and_kinds(folder):
    original = json.loads((folder / "voice.json").read_text())
    change(folder, langauge="hi")
    assert "unknown key 'langauge', did you mean 'language'?" in refusal(folder)
    (folder / "voice.json").write_text(json.dumps(original))
    change(folder, model={**original["model"], "family": "paralel"})
    assert "unknown family 'paralel', did you mean 'parallel'?" in refusal(folder)
    change(folder, model=original["model"], codec={**original["codec"], "runtime": "spectre"})
    assert "unknown codec runtime 'spectre', did you mean 'spectrum'?" in refusal(folder)
    change(folder, codec=original["codec"])
    change(folder, voice={**original["voice"], "frontend": {"kind": "hindy"}})
    assert "unknown frontend 'hindy', did you mean 'hindi'" in refusal(folder)
    change(folder, voice={**original["voice"], "frontend": {}})
    assert "a generator without a frontend" in refusal(folder)
    change(folder, voice=original["voice"], graphs={})
    assert "no 'encoder' graph is listed" in refusal(folder)


@pytest.mark.parametrize("file", ["../tiny/encoder.onnx", "/etc/passwd", "..", "", "a\\b", "sub/encoder.onnx"])
def test_files_outside_the_folder_are_never_opened(folder, file):
    graphs = json.loads((folder / "voice.json").read_text())["graphs"]
    change(folder, graphs={**graphs, "encoder": {**graphs["encoder"], "file": file}})
    assert "is not the name of a file in the voice's folder" in refusal(folder)


def test_a_block_is_given_and_holds_the_lookahead(folder):
    model = json.loads((folder / "voice.json").read_text())["model"]
    change(folder, model={**model, "block": 0})
    assert "'model.block'" in refusal(folder)
    change(folder, model={**model, "lookahead": model["block"] + 1})
    assert "the model's block must hold its lookahead" in refusal(folder)


@pytest.mark.parametrize(("part", "runtime", "missing"), [("stft", "spectrum", "stft"), ("mel", "griffin_lim", "mel")])
def test_a_codec_says_what_its_runtime_needs(folder, part, runtime, missing):
    codec = json.loads((folder / "voice.json").read_text())["codec"]
    change(folder, codec={**codec, "runtime": runtime, part: None})
    assert f"needs its {missing}" in refusal(folder)


def test_user_folder_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("SSMPHONY_VOICES", raising=False)
    monkeypatch.setattr(package.sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert package.voice_folders()[1] == tmp_path / "ssmphony" / "voices"


def test_importing_ssmphony_is_light():
    import subprocess
    import sys

    code = (
        "import ssmphony, sys; assert ssmphony.__version__;"
        "heavy = {'numpy', 'onnxruntime', 'torch', 'pydantic', 'soundfile'} & set(sys.modules);"
        "assert not heavy, heavy;"
        "from ssmphony import load, Voice; assert not {'onnxruntime', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names():
    assert sorted(ssmphony.__all__) == [
        "Audio", "AudioChunk", "SsmphonyError", "Voice", "__version__", "list_voices", "load",
    ]  # fmt: skip
    assert all(getattr(ssmphony, name) is not None for name in ssmphony.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        ssmphony.lode  # noqa: B018


def symbols(voice: ssmphony.Voice, text: str) -> str:
    return " ".join(tokens.text + "=" + "".join(tokens.symbols) for tokens in voice.frontend.sentences(text))


def test_a_lexicon_of_the_user_and_one_of_the_voice(folder, tmp_path):
    (tmp_path / "mine.tsv").write_text("घर\tमकान\n", encoding="utf-8")
    (folder / "lexicon.tsv").write_text("घर\tआवास\nकल\tआज\n", encoding="utf-8")
    voice = json.loads((folder / "voice.json").read_text())["voice"]
    change(folder, voice={**voice, "frontend": {"kind": "hindi", "lexicon": "lexicon.tsv"}})
    assert symbols(ssmphony.load(folder), "घर कल") == "घर कल=^aːʋaːsaːdʒ."
    assert symbols(ssmphony.load(folder, lexicon=tmp_path / "mine.tsv"), "घर कल") == "घर कल=^məkaːnaːdʒ."
    assert symbols(ssmphony.load(folder, lexicon=Lexicon.parse(["कल\tघर"])), "कल") == "कल=^ɡʱəɾ."
    change(folder, voice={**voice, "frontend": {"kind": "hindi", "lexicon": "../mine.tsv"}})
    assert "'../mine.tsv' is not the name of a file in the voice's folder" in refusal(folder)


def test_a_voice_of_bytes_takes_no_lexicon(folder):
    voice = json.loads((folder / "voice.json").read_text())["voice"]
    change(folder, voice={**voice, "frontend": {"kind": "bytes"}})
    with pytest.raises(SsmphonyError, match="takes no lexicon"):
        ssmphony.load(folder, lexicon=Lexicon.parse([]))
