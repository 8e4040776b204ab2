"""Corpus kinds by name."""

from ssmphony.data.corpora.curious import Curious
from ssmphony.data.corpora.espeak import Espeak
from ssmphony.data.corpora.folder import Folder
from ssmphony.data.corpora.kokoro import Kokoro
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.corpora.reader import Reader
from ssmphony.data.corpora.untranscribed import Untranscribed

READERS: dict[str, type[Reader]] = {
    "audio": Untranscribed,
    "curious": Curious,
    "espeak": Espeak,
    "folder": Folder,
    "kokoro": Kokoro,
    "ljspeech": LJSpeech,
}
