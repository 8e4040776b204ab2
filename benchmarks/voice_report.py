"""Held-out sentences as recorded, through the vocoder, in recorded timing, and spoken freely: distances and pictures.

    python -m benchmarks.voice_report VOICE --corpus PREPARED --ids configs/ssmphony/heldout.txt -o docs/voices/default

Writes ``benchmarks/results/voice_<name>.json`` and a picture of each sentence into the output folder. DNSMOS is added
where ``speechmos`` is installed. `benchmarks.update_docs` makes the page from the results.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pictures import Panel, draw
from benchmarks.plot_voice import chosen_clips, described
from benchmarks.systems import voice_argument
from ssmphony.audio.files import AudioWriter, read_audio
from ssmphony.audio.pitch import track_pitch
from ssmphony.data.manifest import Clip
from ssmphony.evaluation.defects import check_clip, silence_share
from ssmphony.evaluation.distance import compare
from ssmphony.evaluation.dnsmos import Dnsmos, find_model
from ssmphony.evaluation.prosody import compare_durations, compare_pitch
from ssmphony.evaluation.recorded import RecordedTiming, copy_synthesis
from ssmphony.runtime.acoustic import OnnxVoiceModel
from ssmphony.types import Audio, Samples, Style, Tokens, Word
from ssmphony.voice import Voice
from ssmphony.voices.package import load, locate, read_manifest

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]
Judge = Callable[[Samples, int], Any]


def tokens_of(clip: Clip, symbols: Sequence[str]) -> Tokens:
    """The clip's own phonemes, as they were trained on."""
    row = {symbol: number for number, symbol in enumerate(symbols)}
    spoken = clip.symbols or ()
    words = tuple(Word("", first, stop, 0, 0) for first, stop in clip.words)
    return Tokens(tuple(row[symbol] for symbol in spoken), tuple(spoken), words)


def speak_tokens(voice: Voice, tokens: Tokens) -> Audio:
    speech = voice.begin(tokens, Style())
    chunks = []
    while not speech.done:
        ((chunk, speech),) = voice.step([speech])
        chunks.append(chunk)
    return Audio.join(chunks, voice.sample_rate)


def measures(recording: Samples, sound: Samples, rate: int, n_phonemes: int, judge: Judge | None, way: str) -> Row:
    """Every figure of one clip; distances are from the recording."""
    check = check_clip(sound, rate, n_phonemes)
    row: Row = {
        "seconds": check.seconds,
        "peak": check.peak,
        "clipped_samples": check.clipped_samples,
        "defects": list(check.defects),
        "silence": silence_share(sound, rate),
        "rms_db": float(20 * np.log10(np.sqrt(np.mean(sound.astype(np.float64) ** 2)) + 1e-9)),
    }
    if way != "recording":
        distance = compare(recording, sound, aligned=way == "copy")
        pitch = compare_pitch(track_pitch(recording), track_pitch(sound), distance.path)
        row |= {"mel_l1": distance.mel_l1, "mcd_db": distance.mcd_db, "log_f0_rmse": pitch.log_f0_rmse}
        row |= {"log_f0_centred": pitch.centred, "voicing": pitch.voicing}
    if judge:
        row["dnsmos"] = judge(sound, rate)._asdict()
    return row


def durations(clip: Clip, free: Audio) -> Row:
    """Words as the voice times them beside the recording; empty where the voice reads another number of words."""
    if len(free.words) != len(clip.anchors):
        return {}
    recorded = [end - start for _, _, start, end in clip.anchors]
    error = compare_durations(recorded, [word.end_s - word.start_s for word in free.words])
    return {
        "word_ms": error.mean_ms,
        "word_correlation": error.correlation,
        "words_ratio": error.ratio,
        "length_ratio": free.seconds / clip.seconds,
    }


def report(voice: Voice, clip: Clip, corpus: Path, judge: Judge | None, out: Path) -> Row:
    """All ways of one clip, and its picture."""
    recording, rate = read_audio(corpus / clip.audio)
    assert isinstance(voice.model, OnnxVoiceModel), "the timing of exported acoustic models alone can be set"
    timing = RecordedTiming(voice.model, clip.anchors, clip.seconds, voice.codec.format.frame_rate)
    timed = speak_tokens(replace(voice, model=timing), tokens_of(clip, voice.frontend.symbols))
    free = voice.say(clip.text)
    sounds = {"recording": recording, "copy": copy_synthesis(voice.codec, recording)}
    sounds |= {"timed": timed.samples, "free": free.samples}
    n_phonemes = len(clip.symbols or ())
    ways = {way: measures(recording, sound, rate, n_phonemes, judge, way) for way, sound in sounds.items()}
    panels = [
        Panel(described("recording", recording, rate), recording, spans=[(a, b) for _, _, a, b in clip.anchors]),
        Panel(described("synthesis", free.samples, rate), free.samples, [(s.start_s, s.text) for s in free.phonemes]),
    ]
    size = draw(panels, out / f"{clip.id}.png")
    print(
        f"{clip.id}: {json.dumps({way: round(row.get('mcd_db', 0), 2) for way, row in ways.items()})}, {size >> 10} KB"
    )
    with AudioWriter(out / f"{clip.id}.ogg", rate) as writer:  # the recordings stay with their publisher
        writer.write(free.samples)
    return {"id": clip.id, "text": clip.text, "ways": ways, "durations": durations(clip, free)}


def card(voice: Voice, folder: Path) -> Row:
    """What the package says of itself, and its sizes."""
    manifest = read_manifest(folder)
    graphs = {name: (folder / graph.file).stat().st_size for name, graph in manifest.graphs.items()}
    about = manifest.model_dump(include={"name", "language", "description", "licence", "attribution", "speakers"})
    return {**about, "graphs": graphs, "lookahead_frames": voice.codec.lookahead, "voice": manifest.voice.model_dump()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="a voice or its folder")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    name = voice_argument(arguments.voice)
    voice, out = load(name, threads=1), arguments.output
    out.mkdir(parents=True, exist_ok=True)
    judge = Dnsmos() if find_model() else None
    if judge is None:
        print("DNSMOS is left out: pip install --no-deps speechmos")
    clips = [
        report(voice, clip, arguments.corpus, judge, out) for clip in chosen_clips(arguments.corpus, arguments.ids)
    ]
    result = {"card": card(voice, locate(name)), "folder": out.name, "clips": clips}
    path = RESULTS / f"voice_{out.name}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
