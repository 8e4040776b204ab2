"""The add-on for NVDA, against a stub of the interfaces that it uses, and the real module in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

ADDON = Path(__file__).parents[2] / "integrations/nvda/addon"
COMMANDS = ("BreakCommand", "CharacterModeCommand", "IndexCommand", "PitchCommand", "RateCommand", "VolumeCommand")
pytestmark = pytest.mark.skipif(not ADDON.exists(), reason="no checkout")


class Action:
    """What NVDA calls an extension point: a list of what it was told."""

    def __init__(self) -> None:
        self.told: list[int | None] = []
        self.changed = threading.Condition()

    def notify(self, synth, index: int | None = None) -> None:
        with self.changed:
            self.told.append(index)
            self.changed.notify_all()

    def wait(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.told) >= count, 60), self.told


class Player:
    """Takes sound as NVDA's player does; a piece is heard when the next one comes, or on `idle`."""

    def __init__(self, channels: int, rate: int, bits: int, outputDevice: str) -> None:
        assert (channels, bits) == (1, 16)
        self.rate, self.heard, self.waiting, self.stopped = rate, b"", None, 0

    def feed(self, data: bytes, onDone=None) -> None:
        assert data
        self.idle()
        self.heard += data
        self.waiting = onDone

    def idle(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting:
            waiting()

    def stop(self) -> None:
        self.waiting = None
        self.stopped += 1

    def pause(self, switch: bool) -> None:
        self.paused = switch

    def close(self) -> None:
        self.closed = True


class BaseDriver:
    VoiceSetting = RateSetting = PitchSetting = VolumeSetting = staticmethod(lambda: "setting")


@pytest.fixture
def nvda(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The stub in place of NVDA's modules, and the driver's package."""

    def module(name: str, **names) -> ModuleType:
        made = ModuleType(name)
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    errors: list[str] = []
    commands = {name: type(name, (SimpleNamespace,), {}) for name in COMMANDS}
    module("config", conf={"audio": {"outputDevice": "default"}})
    module("nvwave", WavePlayer=Player)
    module("logHandler", log=SimpleNamespace(error=errors.append))
    module("speech")
    module("speech.commands", **commands)
    reached, done = Action(), Action()
    voice_info = lambda identifier, name, language: (identifier, name, language)  # noqa: E731
    module(
        "synthDriverHandler",
        SynthDriver=BaseDriver, VoiceInfo=voice_info, synthIndexReached=reached, synthDoneSpeaking=done,
    )  # fmt: skip
    folder = ADDON / "synthDrivers/ssmphony"
    spec = importlib.util.spec_from_file_location(
        "nvda_ssmphony", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    for name in ("", ".markup", ".process"):
        monkeypatch.delitem(sys.modules, f"nvda_ssmphony{name}", raising=False)
    monkeypatch.setitem(sys.modules, "nvda_ssmphony", package)
    spec.loader.exec_module(package)
    return SimpleNamespace(package=package, reached=reached, done=done, errors=errors, **commands)


def test_a_sequence_is_a_document(nvda) -> None:
    sequence = [nvda.IndexCommand(index=1), "एक & <दो>\x07", nvda.PitchCommand(multiplier=1.3)]
    sequence += [nvda.CharacterModeCommand(state=True), "क", nvda.CharacterModeCommand(state=False)]
    sequence += [nvda.PitchCommand(multiplier=1), nvda.BreakCommand(time=50), "तीन", object()]
    text = sys.modules["nvda_ssmphony.markup"].document(sequence)
    assert text == (
        '<speak><mark name="1"/>एक &amp; &lt;दो&gt; <prosody pitch="130%"><say-as interpret-as="characters">क</say-as>'
        '</prosody><break time="50ms"/>तीन</speak>'
    )
    ElementTree.fromstring(text)


def test_escapes_of_the_protocol(nvda) -> None:
    from ssmphony.speechd.protocol import escape

    data = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes() + b"}\n}}\n\n"
    assert sys.modules["nvda_ssmphony.process"].unescape(escape(data)) == data


def test_the_manifest_names_the_folder() -> None:
    manifest = (ADDON / "manifest.ini").read_text(encoding="utf-8")
    for key in (
        "name = ssmphony",
        "summary",
        "author",
        "version = 0.1.0",
        "minimumNVDAVersion",
        "lastTestedNVDAVersion",
    ):
        assert key in manifest


@pytest.fixture
def driver(nvda, tiny_voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    configuration = tmp_path / "ssmphony.conf"
    configuration.write_text("Voice tiny\n", encoding="utf-8")
    monkeypatch.setenv("SSMPHONY_VOICES", str(tiny_voice_folder.parent))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))
    command = [sys.executable, "-m", "ssmphony.cli", "speechd", str(configuration)]
    monkeypatch.setenv("SSMPHONY_COMMAND", "|".join(command))
    assert nvda.package.SynthDriver.check()
    made = nvda.package.SynthDriver()
    yield made
    made.terminate()


@pytest.mark.integration
def test_it_speaks_with_marks_in_their_order(nvda, driver) -> None:
    index = nvda.IndexCommand
    driver.speak([index(index=0), "नमस्ते ", index(index=1), "दुनिया", index(index=2), index(index=3)])
    driver.speak(["एक", index(index=4)])
    nvda.done.wait(2)
    assert nvda.reached.told == [0, 1, 2, 3, 4]
    assert len(driver._player.heard) > driver._player.rate
    assert driver._player.rate == 24000
    assert nvda.errors == []


@pytest.mark.integration
def test_cancel_forgets_what_waits(nvda, driver) -> None:
    for _ in range(5):
        driver.speak(["नमस्ते दुनिया, आज मौसम अच्छा है। " * 200, nvda.IndexCommand(index=9)])
    driver.cancel()
    driver.cancel()
    driver.speak(["एक", nvda.IndexCommand(index=1)])
    nvda.done.wait(1)
    assert nvda.reached.told == [1]
    assert len(driver._player.heard) < 60 * 48000


@pytest.mark.integration
def test_settings(nvda, driver) -> None:
    assert [name for name in driver._getAvailableVoices() if name.startswith("tiny/")] == ["tiny/asha", "tiny/ravi"]
    lengths = []
    for rate in (50, 100):
        driver._set_rate(rate)
        before = len(driver._player.heard) if driver._player else 0
        driver.speak(["नमस्ते दुनिया"])
        nvda.done.wait(len(lengths) + 1)
        lengths.append(len(driver._player.heard) - before)
    assert lengths[1] < lengths[0] / 2
    driver._set_voice("tiny/ravi")
    driver._set_voice("nobody")
    assert driver._get_voice() == "tiny/ravi"


@pytest.mark.integration
def test_an_empty_sequence_and_a_process_that_dies(nvda, driver) -> None:
    driver.speak([])
    nvda.done.wait(1)
    driver._speaker._process.kill()
    driver._speaker._process.wait()
    driver.speak(["एक"])
    driver.cancel()
    assert nvda.errors
