"""Corpus kinds by name, and which of them a folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssmphony.data.corpora.curious import Curious
from ssmphony.data.corpora.espeak import Espeak
from ssmphony.data.corpora.folder import Folder
from ssmphony.data.corpora.fsdd import Fsdd
from ssmphony.data.corpora.hindi_digits import HindiDigits
from ssmphony.data.corpora.kokoro import Kokoro
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.corpora.music import Music
from ssmphony.data.corpora.reader import Reader
from ssmphony.data.corpora.untranscribed import Untranscribed
from ssmphony.types import SsmphonyError

READERS: dict[str, type[Reader]] = {
    "audio": Untranscribed,
    "curious": Curious,
    "espeak": Espeak,
    "folder": Folder,
    "fsdd": Fsdd,
    "hindi_digits": HindiDigits,
    "kokoro": Kokoro,
    "ljspeech": LJSpeech,
    "music": Music,
}


def detect(folder: Path) -> dict[str, Any]:
    """The kind and the place of a corpus of recordings with texts, for `ssmphony.data.prepare.reader_from`.

    Raises `SsmphonyError` where there is no such folder.
    """
    if not folder.is_dir():
        raise SsmphonyError(f"no such folder: {folder}")
    if (folder / "clips.jsonl").is_file():
        return {"kind": "kokoro", "texts": (folder,)}
    if (folder / "metadata.csv").is_file():
        return {"kind": "curious" if (folder / "alignment.jsonl").is_file() else "ljspeech", "path": folder}
    return {"kind": "folder", "path": folder}
