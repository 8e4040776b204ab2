"""Find recordings that differ from their text: the recogniser suggests them, a person decides.

    python tools/misread.py prepared/hi_curious [--corrections configs/s4_acoustic/corrections.tsv] [--shown 20]

Lists the clips by their doubt: how many nats a phone likelier the recogniser's own reading is than the text. It has
learned from these texts, so what it still reads in another way deserves a look. For a clip with a correction it says
how many nats likelier that is than the text of the corpus; `ssmphony prepare --set corrections=FILE` uses it.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from ssmphony.alignment.ctc import log_likelihoods
from ssmphony.audio.files import read_audio
from ssmphony.data.corrections import correct_text, read_corrections
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.evaluation.models.recogniser import Recognition, SpeechRecogniser
from ssmphony.text.hindi.frontend import HindiFrontend

FRONTEND = HindiFrontend()
PART = re.compile(r"-[a-z]$")
"""Pages were cut at their sentences: clip page-003-b is a part of recording page-003."""


def doubt(recognition: Recognition, clip: Clip) -> float:
    """Nats a phone by which the likeliest reading is likelier than the text."""
    wanted = recognition.alphabet.phone_classes(clip.symbols or ())
    return float(recognition.phones.max(axis=1).sum() - log_likelihoods(recognition.phones, [wanted])[0]) / len(wanted)


def gain(recognition: Recognition, clip: Clip, corrected: str) -> float:
    """Nats by which the correction is likelier than the text."""
    readings = [
        recognition.alphabet.phone_classes(clip.symbols or ()),
        recognition.alphabet.phone_classes(FRONTEND.whole(corrected).symbols),
    ]
    written, spoken = log_likelihoods(recognition.phones, readings)
    return float(spoken - written)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, nargs="+", help="prepared corpora")
    parser.add_argument("--corrections", type=Path, help="see ssmphony.data.corrections")
    parser.add_argument("--shown", type=int, default=20)
    arguments = parser.parse_args()
    corrections = read_corrections(arguments.corrections) if arguments.corrections else {}
    listener, found = SpeechRecogniser(), []
    for corpus in arguments.corpora:
        for clip in read_manifest(corpus):
            recognition = listener(*read_audio(corpus / clip.audio))
            found.append((doubt(recognition, clip), clip, recognition.character_reading))
            for correction in corrections.get(PART.sub("", clip.id), ()):
                if clip.text and correction.written in clip.text:
                    more = gain(recognition, clip, correct_text(clip.text, correction))
                    print(f"{more:+6.1f} nats  {clip.id}: {correction.written} → {correction.spoken}", flush=True)
    for value, clip, reading in sorted(found, key=lambda row: -row[0])[: arguments.shown]:
        print(f"{value:5.2f} nats a phone  {clip.id}\n   text:  {clip.text}\n   recognised: {reading}")


if __name__ == "__main__":
    main()
