"""Voices to get and give: from a folder, a web server and a hub; whole, verified, or not at all."""

from __future__ import annotations

import http.server
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import ssmphony
from ssmphony.cli import app
from ssmphony.types import SsmphonyError
from ssmphony.voices.index import VoiceIndex, parse_index
from ssmphony.voices.manifest import read_manifest, write_manifest
from ssmphony.voices.publish import publish
from ssmphony.voices.sources import open_source, read_index
from tests.unit.voices.hub_server import HubServer, running_hub


@pytest.fixture
def shelf(tiny_voice_folder: Path, tmp_path: Path) -> Path:
    """A folder that offers the tiny voice, with a sample."""
    sample = tmp_path / "s.wav"
    soundfile.write(sample, np.zeros(100), 24_000)
    publish(tiny_voice_folder, str(tmp_path / "shelf"), sample=sample)
    return tmp_path / "shelf"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of voices, empty."""
    monkeypatch.setenv("SSMPHONY_VOICES", str(tmp_path / "home"))
    monkeypatch.delenv("SSMPHONY_VOICE_SOURCE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def command(home: Path) -> Any:
    return lambda *arguments: CliRunner().invoke(app, ["voices", *map(str, arguments)])


def refused(done: Any, reason: str, home: Path) -> None:
    """One line on standard error, and nothing installed."""
    assert done.exit_code == 1, done.output
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert not [path for path in home.glob("*") if not path.name.startswith(".")]


class _Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/away/"):
            self.send_response(302)
            self.send_header("Location", "http://voices.example.org/index.json")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(shelf: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(shelf)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def change(shelf: Path, **values: Any) -> None:
    """Write other values into the entry of the voice."""
    index = json.loads((shelf / "index.json").read_bytes())
    index["voices"][0].update(values)
    (shelf / "index.json").write_text(json.dumps(index), encoding="utf-8")


def test_what_is_pushed_to_a_folder_is_described_in_its_index(shelf: Path, tiny_voice_folder: Path) -> None:
    (entry,) = parse_index((shelf / "index.json").read_bytes(), "index").voices
    card = read_manifest(tiny_voice_folder).card
    assert (entry.name, entry.licence, entry.speakers) == ("tiny", card.licence, card.speakers)
    assert entry.size == sum(path.stat().st_size for path in tiny_voice_folder.iterdir())
    assert {file.name for file in entry.files} == {path.name for path in tiny_voice_folder.iterdir()}
    assert entry.sample == "sample.wav"
    assert (shelf / "tiny" / "sample.wav").is_file()


@pytest.mark.parametrize("kind", ["folder", "site", "index on a site"])
def test_a_voice_is_installed_and_speaks(kind: str, command: Any, shelf: Path, site: str, home: Path) -> None:
    origin = {"folder": str(shelf), "site": site, "index on a site": f"{site}index.json"}[kind]
    assert "tiny" in command("list", "--from", origin).stdout
    done = command("get", "tiny", "--from", origin)
    assert done.exit_code == 0, done.output
    assert "tiny (Apache-2.0" in done.stdout
    assert [path.name for path in home.iterdir()] == ["tiny"]
    assert not (home / "tiny" / "sample.wav").exists()
    assert ssmphony.load("tiny").say("नमस्ते").seconds > 0
    assert ", installed" in command("list", "--from", origin).stdout
    again = command("get", "tiny", "--from", origin)
    assert again.exit_code == 1
    assert "--replace replaces it" in again.stderr
    assert command("get", "tiny", "--from", origin, "--replace").exit_code == 0
    assert command("get", "tiny", "--from", origin, "--as", "other").exit_code == 0
    assert sorted(path.name for path in home.iterdir()) == ["other", "tiny"]


def test_the_environment_can_name_the_source(command: Any, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no source of voices is named" in command("get", "tiny").stderr
    monkeypatch.setenv("SSMPHONY_VOICE_SOURCE", str(shelf))
    assert command("get", "tiny").exit_code == 0


def test_what_goes_wrong_is_one_line_and_leaves_nothing(command: Any, shelf: Path, site: str, home: Path) -> None:
    refused(command("get", "tini", "--from", shelf), "did you mean 'tiny'?", home)
    refused(command("get", "default", "--from", shelf), "has no voice 'default'", home)
    refused(command("get", "tiny", "--from", shelf, "--as", "default"), "comes with ssmphony", home)
    refused(command("get", "tiny", "--from", shelf, "--as", "../up"), "is not a name for a voice", home)
    refused(command("get", "tiny", "--from", shelf / "none"), "no such file", home)
    refused(command("get", "tiny", "--from", f"{site}none/"), "the server answers 404", home)
    refused(command("get", "tiny", "--from", "http://127.0.0.1:9/"), "connection refused; check the network", home)
    refused(command("get", "tiny", "--from", "http://example.org/"), "over https:// only", home)
    refused(command("get", "tiny", "--from", "ftp://example.org/"), "over https:// only", home)
    refused(command("get", "tiny", "--from", f"{site}away/"), "over https:// only", home)  # a redirect
    refused(command("get", "tiny", "--from", "hf://nobody"), "write hf://OWNER/REPOSITORY", home)
    (shelf / "index.json").write_text("<html>", encoding="utf-8")
    refused(command("get", "tiny", "--from", shelf), "not valid JSON", home)
    (shelf / "index.json").write_text('{"format_version": 2}', encoding="utf-8")
    refused(command("get", "tiny", "--from", shelf), "newer than this ssmphony reads", home)


def test_a_wrong_checksum_is_refused(command: Any, shelf: Path, site: str, home: Path) -> None:
    graph = shelf / "tiny" / "decoder.onnx"
    data = graph.read_bytes()
    graph.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused(command("get", "tiny", "--from", site), "decoder.onnx has a wrong checksum", home)
    assert not list(home.iterdir())
    graph.write_bytes(data[:-1])
    refused(command("get", "tiny", "--from", site), "decoder.onnx has a wrong checksum", home)
    graph.write_bytes(data + b"more")
    refused(command("get", "tiny", "--from", site), "is larger than", home)


FILE = {"name": "voice.json", "size": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "../tiny"}, "is not a name for a voice"),
        ({"name": ".tiny"}, "is not a name for a voice"),
        ({"name": "nul"}, "is not a name for a voice"),
        ({"files": [FILE, {**FILE, "name": "../../x.onnx"}], "size": 2}, "cannot be a file of it"),
        ({"files": [FILE, {**FILE, "name": "a/b.onnx"}], "size": 2}, "cannot be a file of it"),
        ({"files": [FILE, {**FILE, "name": "c:x.onnx"}], "size": 2}, "cannot be a file of it"),
        ({"files": [FILE, {**FILE, "name": "weights.pkl"}], "size": 2}, "cannot be a file of it"),
        ({"files": [FILE, {**FILE, "name": "weights.pt"}], "size": 2}, "cannot be a file of it"),
        ({"files": [FILE, {**FILE, "name": "run.py"}], "size": 2}, "cannot be a file of it"),
        ({"files": [FILE, {**FILE, "name": "other.json"}], "size": 2}, "is not a file of a voice"),
        ({"files": [FILE, {**FILE, "name": "VOICE.json"}], "size": 2}, "is not a file of a voice"),
        ({"files": [FILE, FILE], "size": 2}, "no file twice"),
        ({"files": [{**FILE, "name": "a.onnx"}], "size": 1}, "a voice has one voice.json"),
        ({"size": 1}, "its size says 1"),
        ({"files": [{**FILE, "size": 3 << 30}], "size": 3 << 30}, "files.0.size"),
        ({"files": [{**FILE, "sha256": "abc"}], "size": 1}, "files.0.sha256"),
        ({"sample": "../sample.wav"}, "cannot be a file of it"),
        ({"licence": None}, "licence"),
        ({"url": "https://example.org"}, "unknown key"),
    ],
)
def test_a_hostile_index_is_refused(values: dict[str, Any], reason: str, command: Any, shelf: Path, home: Path) -> None:
    change(shelf, **values)
    refused(command("get", "tiny", "--from", shelf), reason, home)


def test_a_link_out_of_the_folder_is_refused(command: Any, shelf: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes((shelf / "tiny" / "voice.json").read_bytes())
    (shelf / "tiny" / "voice.json").unlink()
    (shelf / "tiny" / "voice.json").symlink_to(tmp_path / "secret")
    refused(command("get", "tiny", "--from", shelf), "leads out of", home)


def test_a_graph_that_the_index_lacks_is_refused(command: Any, shelf: Path, home: Path) -> None:
    entry = json.loads((shelf / "index.json").read_bytes())["voices"][0]
    files = [file for file in entry["files"] if file["name"] != "decoder.onnx"]
    change(shelf, files=files, size=sum(file["size"] for file in files))
    refused(command("get", "tiny", "--from", shelf), "lacks its graph 'decoder.onnx'", home)


def test_an_interrupted_voice_is_not_seen_and_goes_on(
    command: Any, shelf: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = shelf / "tiny" / "encoder.onnx"
    aside = graph.rename(shelf / "aside")
    refused(command("get", "tiny", "--from", shelf), "encoder.onnx: no such file", home)
    assert (home / ".tiny.part" / "decoder.onnx").exists()
    assert "tiny" not in command("list").stdout
    aside.rename(graph)
    (shelf / "tiny" / "decoder.onnx").unlink()  # it is there already
    assert command("get", "tiny", "--from", shelf).exit_code == 0
    assert [path.name for path in home.iterdir()] == ["tiny"]


def test_push_keeps_other_voices_and_replaces_its_own(command: Any, tiny_voice_folder: Path, tmp_path: Path) -> None:
    source, shelf = shutil.copytree(tiny_voice_folder, tmp_path / "mine"), tmp_path / "given"
    (source / "notes.pkl").write_bytes(b"not offered")
    assert command("push", source, "--to", shelf).exit_code == 0
    assert command("push", source, "--to", shelf, "--name", "second").exit_code == 0
    write_manifest(source, read_manifest(source).model_copy(update={"description": "a new one"}))
    done = command("push", source, "--to", shelf)
    assert done.exit_code == 0
    assert done.stdout.startswith("mine (Apache-2.0, 4 files, ")
    index = read_index(open_source(str(shelf)))
    assert [(entry.name, entry.description) for entry in index.voices] == [
        ("mine", "a new one"),
        ("second", "A voice for tests"),
    ]
    assert soundfile.info(shelf / "mine" / "sample.mp3").duration > 1
    assert sorted(path.name for path in shelf.iterdir()) == ["index.json", "mine", "second"]
    assert not (shelf / "mine" / "notes.pkl").exists()


def test_push_refuses_what_others_cannot_use(command: Any, tiny_voice_folder: Path, tmp_path: Path) -> None:
    source = shutil.copytree(tiny_voice_folder, tmp_path / "mine")
    (source / "decoder.onnx").write_bytes(b"damaged")
    assert "missing or damaged" in command("push", source, "--to", tmp_path / "x", "--sample", source / "a.wav").stderr
    write_manifest(source, read_manifest(source).model_copy(update={"licence": ""}))
    assert "has no licence" in command("push", source, "--to", tmp_path / "x", "--sample", source / "a.wav").stderr
    assert (
        "a sample must end in"
        in command("push", tiny_voice_folder, "--to", tmp_path / "x", "--sample", "a.aiff").stderr
    )
    assert not (tmp_path / "x").exists()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with running_hub(tmp_path / "hub", monkeypatch) as server:
        yield server


def test_a_hub_takes_voices_and_gives_them(hub: HubServer, command: Any, home: Path, tiny_voice_folder: Path) -> None:
    for name in ("one", "two"):
        done = command("push", tiny_voice_folder, "--to", "hf://asha/voices", "--name", name)
        assert done.exit_code == 0, done.output
    assert hub.commits == ["Add the voice one", "Add the voice two"]
    assert [entry.name for entry in read_index(open_source("hf://asha/voices")).voices] == ["one", "two"]
    assert command("get", "two", "--from", "hf://asha/voices").exit_code == 0
    assert ssmphony.load("two").card.speakers == ("asha", "ravi")

    (hub.folder / "asha/voices/one/old.onnx").write_bytes(b"of an earlier version")
    assert command("push", tiny_voice_folder, "--to", "hf://asha/voices", "--name", "one").exit_code == 0
    assert not (hub.folder / "asha/voices/one/old.onnx").exists()
    assert (hub.folder / "asha/voices/two/decoder.onnx").exists()


def test_errors_of_the_hub_are_one_line(
    hub: HubServer, command: Any, home: Path, tiny_voice_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(command("get", "one", "--from", "hf://asha/none"), "no such repository", home)
    publish(tiny_voice_folder, "hf://asha/voices", name="one")
    get = ("get", "one", "--from", "hf://asha/voices")
    hub.extra["one/decoder.onnx"] = b"more than it has said"
    refused(command(*get), "is larger than", home)
    hub.extra.clear()
    graph = hub.folder / "asha/voices/one/decoder.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(bytes(len(whole)))
    refused(command(*get), "has a wrong checksum", home)
    hub.loaded.clear()
    graph.write_bytes(bytes(1 << 20))
    refused(command(*get), "is larger than", home)
    assert "one/decoder.onnx" not in hub.loaded  # refused before it was loaded
    graph.unlink()
    refused(command(*get), "has no one/decoder.onnx", home)
    refused(command("get", "one", "--from", "hf://-/voices"), "cannot start or end with '-'", home)
    hub.gated.add("asha/voices")
    refused(command(*get), "log in: hf auth login", home)
    hub.page = b"<html>Sign in to the network</html>"
    refused(command(*get), "is not the hub", home)


def test_a_hub_that_cannot_be_reached_is_one_line(
    command: Any, home: Path, tiny_voice_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants", reason="no client: pip install '.[hub]'")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    refused(command("get", "one", "--from", "hf://asha/voices"), "check the network", home)
    refused(command("push", tiny_voice_folder, "--to", "hf://asha/voices"), "check the network", home)


def test_without_the_extra_the_hub_says_how_to_install_it(
    command: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    refused(command("get", "one", "--from", "hf://asha/voices"), "this needs huggingface_hub: pip install", home)


def test_an_index_may_be_empty() -> None:
    assert parse_index(VoiceIndex().render(), "index").voices == ()


def test_make_reference_saves_what_a_voice_reads(
    command: Any, tmp_path: Path, tiny_voice_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ssmphony.reference import load_reference
    from tests.reference_voice import make_voice

    clip, out = tmp_path / "clip.wav", tmp_path / "clip.safetensors"
    soundfile.write(clip, np.linspace(-0.5, 0.5, 400), 24_000)
    refusal = command("make-reference", clip, "-o", out, "--voice", tiny_voice_folder)
    assert "takes no reference" in refusal.stderr
    monkeypatch.setattr(ssmphony, "load", lambda *_: make_voice(), raising=False)
    assert "must end in .safetensors" in command("make-reference", clip, "-o", tmp_path / "a.wav").stderr
    done = command("make-reference", clip, "-o", out)
    assert done.exit_code == 0, done.output
    assert "samples" in load_reference(out).arrays


def test_help_names_all_commands(command: Any) -> None:
    shown = command("--help").stdout
    assert all(name in shown for name in ("list", "show", "get", "push", "make-reference"))


def test_errors_are_those_of_the_project() -> None:
    with pytest.raises(SsmphonyError, match="not a valid address"):
        open_source("https://user:secret@example.org/")
