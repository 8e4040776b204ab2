"""Every container says that its speech is synthetic."""

from __future__ import annotations

import io
import struct
import wave

import av
import numpy as np
import pytest
import soundfile

from ssmphony.audio.encoding import MEDIA_TYPES, make_encoder, wav_header
from ssmphony.audio.files import FORMATS, AudioWriter
from ssmphony.audio.streams import STREAMED, StreamWriter
from ssmphony.audio.tags import COMMENT

RATE = 24_000
SOUND = 0.1 * np.sin(np.arange(RATE) / 9).astype(np.float32)
WITHOUT = frozenset(("pcm", "aac", "g711_ulaw", "g711_alaw"))
"""Streams of nothing but frames or samples."""


def comment_of(data: bytes) -> str:
    with av.open(io.BytesIO(data)) as container:
        tags = {**container.metadata, **container.streams[0].metadata}
    return {name.lower(): text for name, text in tags.items()}.get("comment", "")


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if suffix not in (".pcm", ".aac")])
def test_files_say_so(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with AudioWriter(path, RATE) as writer:
        writer.write(SOUND)
    assert comment_of(path.read_bytes()) == COMMENT


@pytest.mark.parametrize("name", [name for name in STREAMED if name not in WITHOUT])
def test_streams_say_so(name):
    file = io.BytesIO()
    with StreamWriter(file, name, RATE) as writer:
        writer.write(SOUND)
    assert comment_of(file.getvalue()) == COMMENT


@pytest.mark.parametrize("name", [name for name in MEDIA_TYPES if name not in WITHOUT])
@pytest.mark.parametrize("whole", [False, True])
def test_answers_say_so(name, whole):
    encoder = make_encoder(name, RATE, whole=whole)
    data = encoder.encode(SOUND) + encoder.finish()
    if name == "wav" and whole:
        data = wav_header(RATE, len(data)) + data
    assert comment_of(data) == COMMENT


def test_readers_of_wav_find_the_samples_after_what_it_says():
    data = wav_header(RATE, 2 * len(SOUND)) + bytes(2 * len(SOUND))
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() == len(SOUND)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.comment, file.software) == (COMMENT, "ssmphony")
        assert len(file) == len(SOUND)
