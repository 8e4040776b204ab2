"""Names that find a voice, aliases of the settings, and those that are refused."""

from __future__ import annotations

import pytest

from ssmphony.server.errors import ApiError
from ssmphony.server.names import OPENAI_VOICES, Target, VoiceNames
from ssmphony.server.run import serve
from ssmphony.server.settings import ServeSettings
from ssmphony.types import SsmphonyError

SPEAKERS = {"first": ("hf_alpha", "hf_beta", "hm_omega", "hm_psi", "espeak-f1"), "Second": ()}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        (None, Target("first")),
        ("first", Target("first")),
        ("FIRST", Target("first")),
        ("default", Target("first")),
        ("Default", Target("first")),
        ("second", Target("Second")),
        ("first/hf_beta", Target("first", "hf_beta")),
        ("Default/HF_beta", Target("first", "hf_beta")),
        ("first/espeak-f1", Target("first", "espeak-f1")),
        ("boss", Target("first", "hm_psi")),
        ("BOSS", Target("first", "hm_psi")),
        ("alloy", Target("Second")),
    ],
)
def test_what_a_name_finds(name, target):
    names = VoiceNames(SPEAKERS, ["Boss = first/HM_psi", "alloy=second"])
    assert names.find(name) == target


@pytest.mark.parametrize(
    "name", ["", "nobody", "first/nobody", "/", "first/", "/first", "../first", "\ud800", "/" * 9999]
)
def test_a_name_of_nobody(name):
    with pytest.raises(ApiError, match="this server has first, Second") as raised:
        VoiceNames(SPEAKERS).find(name)
    assert (raised.value.status_code, raised.value.code, raised.value.param) == (400, "voice_not_found", "voice")
    assert len(raised.value.message) < 300


def test_a_speaker_wins_over_that_of_an_alias():
    names = VoiceNames(SPEAKERS, ["boss=first/hm_psi"])
    assert names.find("boss", "HF_alpha") == Target("first", "hf_alpha")
    assert names.find("second", "x") == Target("Second", "x")  # for the engine to refuse


def test_names_that_differ_only_in_case():
    names = VoiceNames({"Asha": (), "asha": ()})
    assert names.find("Asha") == Target("Asha")
    assert names.find("asha") == Target("asha")
    with pytest.raises(ApiError):
        names.find("ASHA")


def test_openais_names_are_spread_over_the_speakers():
    aliases = VoiceNames(SPEAKERS).aliases
    assert set(aliases) == set(OPENAI_VOICES)
    assert aliases["alloy"] == Target("first", "hf_alpha")
    assert {aliases[name].speaker for name in ("alloy", "nova", "coral", "sage", "shimmer")} == {"hf_alpha", "hf_beta"}
    assert {aliases[name].speaker for name in ("onyx", "ash", "echo", "verse")} == {"hm_omega", "hm_psi"}
    assert aliases == VoiceNames(SPEAKERS).aliases
    assert set(VoiceNames({"x": ()}).aliases.values()) == {Target("x")}
    assert {target.speaker for target in VoiceNames({"x": ("a", "b")}).aliases.values()} == {"a", "b"}
    shown = {"a": "Asha (woman)", "b": "Bharat (man)"}
    named = VoiceNames({"x": ("b", "a")}, shown=shown).aliases
    assert (named["alloy"].speaker, named["onyx"].speaker) == ("a", "b")
    assert "nova" not in VoiceNames({"x": (), "Nova": ()}).aliases  # it is a voice here


@pytest.mark.parametrize(
    ("aliases", "told"),
    [
        (["boss"], "write it as NAME=VOICE"),
        (["=first"], "write it as NAME=VOICE"),
        (["boss="], "write it as NAME=VOICE"),
        (["boss=frist"], "no voice 'frist', did you mean 'first'"),
        (["boss=first/hf_alhpa"], "did you mean 'first/hf_alpha'"),
        (["boss=first", "BOSS=second"], "is an alias already"),
        (["default=second"], "is the name of a voice"),
        (["First=second"], "is the name of a voice"),
        (["first/hf_beta=second"], "is the name of a voice"),
        (["boss=alloy"], "no voice 'alloy'"),
    ],
)
def test_a_wrong_alias(aliases, told):
    with pytest.raises(SsmphonyError, match=told) as raised:
        VoiceNames(SPEAKERS, aliases)
    assert str(raised.value).startswith("--alias ")


def test_a_wrong_alias_is_reported_before_anything_starts(tiny_voice_folder, monkeypatch):
    monkeypatch.setattr("ssmphony.server.run.write_log", lambda: None)  # it would stay for the tests after this one
    with pytest.raises(SsmphonyError, match="no voice 'nobody'; there are tiny, tiny/asha, tiny/ravi"):
        serve(ServeSettings(voices=(str(tiny_voice_folder),), aliases=("x=nobody",), port=0))


def test_references_are_names_of_the_voice_that_imitates_them() -> None:
    """Voices and aliases take precedence, OpenAI's names do not."""
    names = VoiceNames(
        SPEAKERS, ["boss=second"], references={"Mira": "Second", "first": "Second", "boss": "Second", "nova": "Second"}
    )
    assert names.find("mira") == Target("Second", reference="Mira")
    assert names.find("mira", "x") == Target("Second", "x", "Mira")
    assert names.find("first") == Target("first")
    assert names.find("boss") == Target("Second")
    assert names.find("nova") == Target("Second", reference="nova")
