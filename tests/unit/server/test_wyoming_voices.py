"""Which voice and speaker a Wyoming client is given, and how the choices read in Home Assistant."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import TtsVoice

import ssmphony
from ssmphony.audio.pcm import pcm16
from ssmphony.engine import Engine
from ssmphony.server.errors import ApiError
from ssmphony.server.metrics import Metrics
from ssmphony.server.names import VoiceNames
from ssmphony.server.settings import ServeSettings
from ssmphony.server.wyoming import answering, bind
from ssmphony.server.wyoming_voices import LABEL_CHARACTERS, choose, describe
from ssmphony.types import Style, VoiceCard
from ssmphony.voice import Voice
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import load

ROOT = Path(__file__).resolve().parents[3]
TEXT = "नमस्ते।"


@pytest.fixture(scope="module")
def voices(tiny_voice_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Voice]:
    """Two voices of Hindi with other speakers, and one of Marathi."""
    made = {"tiny": load(tiny_voice_folder, threads=1)}
    for name, language, speakers in (("second", "hi", ["meena", "kiran"]), ("marathi", "mr-IN", ["kiran", "ravi"])):
        folder = tmp_path_factory.mktemp("voices") / name
        shutil.copytree(tiny_voice_folder, folder)
        manifest = json.loads((folder / "voice.json").read_text(encoding="utf-8"))
        manifest |= {"name": name, "language": language, "speakers": speakers}
        (folder / "voice.json").write_text(json.dumps(manifest), encoding="utf-8")
        made[name] = load(folder, threads=1)
    return made


@pytest.fixture
def engine(voices: dict[str, Voice]) -> Iterator[Engine]:
    with Engine(voices, workers=1) as engine:
        yield engine


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("asked", "voice", "speaker"),
    [
        ({"speaker": "ravi"}, "tiny", "ravi"),
        ({"speaker": "meena"}, "second", "meena"),
        ({"speaker": "kiran"}, "second", "kiran"),
        ({"language": "hi", "speaker": "ravi"}, "tiny", "ravi"),
        ({"language": "hi_IN", "speaker": "kiran"}, "second", "kiran"),
        ({"language": "mr", "speaker": "ravi"}, "marathi", "ravi"),
        ({"language": "mr"}, "marathi", None),
        ({"name": "second", "speaker": "kiran"}, "second", "kiran"),
        ({"name": "second/kiran"}, "second", "kiran"),
        ({"name": "second", "speaker": None, "language": "mr"}, "second", None),
        ({}, "tiny", None),
    ],
)
def test_a_speaker_is_used_however_the_voice_is_requested(
    engine: Engine, voices: dict[str, Voice], asked: dict[str, Any], voice: str, speaker: str | None, streaming: bool
) -> None:
    async def hear() -> bytes:
        listener = bind("tcp://127.0.0.1:0")
        async with (
            answering(listener, engine, ServeSettings(), Metrics()),
            AsyncTcpClient("127.0.0.1", listener.getsockname()[1], read_timeout=20) as client,
        ):
            if streaming:
                await client.write_event(Event("synthesize-start", {"voice": asked}))
                await client.write_event(Event("synthesize-chunk", {"text": TEXT}))
                await client.write_event(Event("synthesize-stop"))
            else:
                await client.write_event(Event("synthesize", {"text": TEXT, "voice": asked}))
            sound = b""
            while (event := await client.read_event()) is not None and not AudioStop.is_type(event.type):
                assert event.type != "error", event.data
                if AudioChunk.is_type(event.type):
                    sound += AudioChunk.from_event(event).audio
            return sound

    assert asyncio.run(hear()) == pcm16(voices[voice].say(TEXT, speaker=speaker).samples)


def test_no_speaker_is_passed_over(engine: Engine) -> None:
    """Whatever is asked for, it is either the speaker who speaks or an error."""
    names = VoiceNames.of(engine)
    for language in (None, "hi", "mr"):
        target = choose(engine, names, None, language, "nobody")
        with pytest.raises(ssmphony.SsmphonyError, match="unknown speaker 'nobody'"):
            engine.open(target.voice, Style(speaker=target.speaker))
    with pytest.raises(ApiError, match="no voice speaks 'en'; this server speaks hi, mr"):
        choose(engine, names, None, "en", "ravi")


class _Silent:
    """An engine of cards alone."""

    def __init__(self, voices: dict[str, VoiceCard]) -> None:
        self.voices = {name: type("Voice", (), {"card": card})() for name, card in voices.items()}


def described(**voices: VoiceCard) -> list[TtsVoice]:
    return describe(_Silent(voices)).tts[0].voices  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("folder", ["src/ssmphony/voices/default", "voices/small", "voices/lewm"])
def test_the_voices_that_ship_read_well_in_a_list_of_choices(folder: str) -> None:
    card = read_manifest(ROOT / folder).card
    shown = described(**{card.name: card})
    labels = [voice.description or voice.name for voice in shown]  # as Home Assistant shows them
    assert all(len(label) <= LABEL_CHARACTERS for label in labels)
    assert len(set(labels)) == len(card.speakers)
    assert sorted(labels)[0] == labels[0], "the voice itself is first, which Home Assistant takes where none is chosen"
    assert not any("_" in label or "espeak" in label for label in labels)
    assert [voice.name for voice in shown] == [card.name, *(f"{card.name}/{name}" for name in card.speakers[1:])]
    assert [speaker.name for speaker in shown[0].speakers or []] == list(card.speakers)


def test_long_names_are_cut_and_remain_different() -> None:
    speakers = ("a", "the_reader_of_very_long_stories_in_the_evening", "b-2")
    card = VoiceCard("x", "hi", "A long description. " * 20, speakers=speakers)
    labels = [str(voice.description) for voice in described(a_voice_with_a_name_that_is_quite_long_indeed=card)]
    assert all(len(label) <= LABEL_CHARACTERS for label in labels)
    assert labels == [
        "A voice with a name that is quite long…",
        "A voice with a…: The reader of very lo…",
        "A voice with a…: B 2",
    ]


def test_a_card_names_its_speakers_for_people() -> None:
    card = VoiceCard("x", "hi", speakers=("hi_asha", "asha", "ravi"), speaker_names={"ravi": "Ravi, a calm reader"})
    assert card.speaker_labels == {"hi_asha": "hi_asha", "asha": "asha", "ravi": "Ravi, a calm reader"}
    named = replace(card, speakers=("hi_story_reader", "espeak-m2", "__"))
    assert list(named.speaker_labels.values()) == ["Story reader", "Espeak m2", "__"]
