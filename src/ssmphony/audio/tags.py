"""What the metadata of every file says: that its speech is synthetic, and what made it."""

from __future__ import annotations

import struct

SOFTWARE = "ssmphony"
COMMENT = "Synthetic speech. http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""With the term of IPTC for media that an algorithm made which had learned from samples."""
DISCLOSURE = {"X-Synthetic-Media": "speech; digitalsourcetype=trainedAlgorithmicMedia"}
"""The header of HTTP answers that hold speech."""


def wav_info() -> bytes:
    """The LIST INFO chunk of a WAV file, of even length."""
    fields = b"".join(_field(name, text) for name, text in ((b"ICMT", COMMENT), (b"ISFT", SOFTWARE)))
    return b"LIST" + struct.pack("<I", 4 + len(fields)) + b"INFO" + fields


def _field(name: bytes, text: str) -> bytes:
    data = text.encode("ascii") + b"\0"
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
