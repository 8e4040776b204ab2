"""What clients write on the WebSocket is read as they mean it, or refused by name."""

from __future__ import annotations

import json

import pytest

from ssmphony.server.errors import ApiError
from ssmphony.server.messages import Start, Text, join_surrogates, read
from tests.unit.server.test_socket import TEXT, Client


@pytest.fixture
def client(server):
    with Client(server) as client:
        yield client


@pytest.mark.parametrize("name", ["flac", "wav", "mp3", "opus", "aac", "pcm"])
def test_the_format_goes_by_its_name_over_http_as_well(name):
    assert read(json.dumps({"type": "start", "response_format": name})) == Start(type="start", format=name)


def test_the_format_that_was_asked_for_is_sent(client, voice):
    sound, _, done = client.say(TEXT, response_format="wav")
    assert sound[:4] == b"RIFF"
    assert done["type"] == "done"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"response_format": "tape"}, "response_format"),
        ({"format": "pcm", "response_format": "mp3"}, "response_format"),
        ({"sampling_rate": 8000}, "sampling_rate"),
        ({"stream_format": "sse"}, "stream_format"),
        ({"input": "नमस्ते"}, "input"),
        ({"audio_format": "mp3"}, "audio_format"),
        ({"voice": {"id": "tiny"}}, "voice"),
        ({"speed": "fast"}, "speed"),
    ],
)
def test_a_field_that_is_not_honoured_is_named(client, fields, field):
    client.send("start", **fields)
    told = client.next()
    assert (told["type"], told["code"]) == ("error", "invalid_message")
    assert f"'{field}'" in told["message"]
    assert client.say(TEXT)[2]["type"] == "done"


def test_fields_that_change_nothing_and_null(client, voice):
    expected = client.say(TEXT)[0]
    nothing = {"speaker": None, "speed": None, "voice": None, "format": None, "response_format": None}
    assert client.say(TEXT, model="tts-1", instructions="warmly", **nothing)[0] == expected


def test_strings_cut_within_a_surrogate_pair(client, voice):
    """JavaScript cuts strings at UTF-16 units; json.dumps writes lone halves as it finds them."""
    whole, words, _ = client.say("ठीक \U0001f600 है।")
    assert words
    cut, cut_words, done = client.say("ठीक \ud83d", "\ude00 है।")
    assert done["type"] == "done"
    assert (cut, cut_words) == (whole, words)
    for pieces in (["ठीक \ud83d", " है।"], ["ठीक ", "\ude00 है।"], ["ठीक \ud83d\ud83d है।"], ["ठीक है।", "\ud83d"]):
        sound, words, done = client.say(*pieces)
        assert done["type"] == "done"
        assert [word["text"] for word in words] == ["ठीक", "है"]
        assert sound


def test_a_text_that_is_cut_anywhere_is_the_same_text():
    text = "एक\U0001f600\U0001f1ee\U0001f1f3दो"
    units = text.encode("utf-16-le")
    for place in range(0, len(units) + 1, 2):
        pieces = [
            units[:place].decode("utf-16-le", "surrogatepass"),
            units[place:].decode("utf-16-le", "surrogatepass"),
        ]
        joined, half = "", ""
        for piece in pieces:
            found, half = join_surrogates(half + piece)
            joined += found
        assert (joined, half) == (text, "")


@pytest.mark.parametrize(
    "data", ["", "{", b"\xff\xfe", "[" * 100_000, "9" * 5000, "null", '"start"', '{"type": []}', "\ufeff{}", "[]"]
)
def test_what_is_no_message(data):
    with pytest.raises(ApiError) as raised:
        read(data)
    assert raised.value.code == "invalid_message"
    assert "\n" not in raised.value.message
    assert len(raised.value.message) < 400


def test_bytes_and_text_are_the_same_message():
    data = '{"type": "text", "text": "नमस्ते"}'
    assert read(data) == read(data.encode()) == Text(type="text", text="नमस्ते")
