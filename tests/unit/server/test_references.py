"""References over the network: names that the operator offers, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from ssmphony.audio.pcm import pcm16
from ssmphony.reference import save_reference
from ssmphony.server.settings import ServeSettings
from ssmphony.server.style import load_references
from ssmphony.types import SsmphonyError
from tests import reference_voice
from tests.reference_voice import REFERENCE
from tests.unit.server.running import Running, serving

TEXT = "नमस्ते दुनिया।"
"""One sentence: a socket cuts the first one into clauses."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("references") / "asha.safetensors"
    save_reference(REFERENCE, path)
    return path


@pytest.fixture(scope="module")
def server(file: Path) -> Iterator[Running]:
    with serving(reference_voice.make_voice(), references=(f"asha={file}",)) as running:
        yield running


def over_socket(server: Running, **fields: Any) -> tuple[bytes, dict[str, str]]:
    """The sound of `TEXT`, and the message that ends it."""
    with connect(f"{server.url.replace('http', 'ws')}/v1/audio/speech/stream", open_timeout=10) as socket:
        for message in ({"type": "start", **fields}, {"type": "text", "text": TEXT}, {"type": "finish"}):
            socket.send(json.dumps(message))
        sound = b""
        while True:
            answer = socket.recv(timeout=10)
            if isinstance(answer, bytes):
                sound += answer
            elif (last := json.loads(answer))["type"] in ("done", "error"):
                return sound, last


def test_a_request_names_a_reference(server: Running) -> None:
    voice = reference_voice.make_voice()
    expected = pcm16(voice.say(TEXT, reference=REFERENCE).samples)
    assert expected != pcm16(voice.say(TEXT).samples)
    assert server.speak(TEXT, reference="asha").body == expected
    assert server.speak(TEXT, reference=None).body == pcm16(voice.say(TEXT).samples)
    sound, last = over_socket(server, reference="asha")
    assert (sound, last["type"]) == (expected, "done")


def test_a_reference_is_a_voice(server: Running) -> None:
    """Clients that know nothing but ``voice`` have it, too; a reference of their own takes precedence."""
    expected = server.speak(TEXT, reference="asha").body
    assert server.speak(TEXT, voice="asha").body == expected
    assert server.speak(TEXT, voice="Asha", reference="asha").body == expected
    sound, last = over_socket(server, voice="asha")
    assert (sound, last["type"]) == (expected, "done")
    for name in ("../asha", "asha.safetensors"):
        assert server.speak(TEXT, voice=name).error["code"] == "voice_not_found"


def test_nothing_but_offered_names_is_read(server: Running, file: Path) -> None:
    for name in (str(file), "../asha", "asah", ""):
        answer = server.speak(TEXT, reference=name)
        assert answer.status == 400
        assert answer.error["code"] == "reference_not_found"
        assert "this server offers asha" in answer.error["message"]
    assert "did you mean 'asha'" in server.speak(TEXT, reference="asah").error["message"]
    _, last = over_socket(server, reference=str(file))
    assert last["type"] == "error"


def test_a_request_has_a_seed(server: Running) -> None:
    voice = reference_voice.make_voice()
    expected = pcm16(voice.say(TEXT, seed=7).samples)
    assert expected != pcm16(voice.say(TEXT).samples)
    assert server.speak(TEXT, seed=7).body == expected
    assert over_socket(server, seed=7)[0] == expected
    assert server.speak(TEXT, seed=-1).error["param"] == "seed"


def test_a_voice_that_draws_no_codes_says_so(server: Running) -> None:
    answer = server.speak(TEXT, temperature=0.5)
    assert answer.status == 400
    assert "draws no codes" in answer.error["message"]
    assert "less than or equal to 2" in server.speak(TEXT, temperature=3).error["message"]
    assert over_socket(server, top_k=5)[1]["type"] == "error"


def test_settings(file: Path, tmp_path: Path) -> None:
    assert load_references(ServeSettings(references=(f"a = {file}",))) == {"a": REFERENCE}
    assert ServeSettings.model_validate({"references": {"a": "x"}}).references == ("a=x",)
    bad = {
        ("a",): "write it as NAME=FILE",
        (f"a={file}", f"a={file}"): "'a' is a reference already",
        (f"a={tmp_path / 'none'}",): f"cannot read {tmp_path / 'none'}",
    }
    for references, message in bad.items():
        with pytest.raises(SsmphonyError, match=message):
            load_references(ServeSettings(references=references))


def test_a_voice_that_takes_none_says_so(voice, file: Path) -> None:
    with serving(voice, references=(f"asha={file}",)) as server:
        answer = server.speak(TEXT, reference="asha")
        assert answer.status == 400
        assert "takes no reference" in answer.error["message"]
