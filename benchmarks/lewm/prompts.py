"""Whether LeWM TTS, after a clip, sounds like the speaker of the clip.

No speaker is named, so only the prompt says who speaks. Each output is compared with its prompt and with the prompts of
the other speakers: by the speaker encoder of `ssmphony.evaluation.models.speaker` where there is one, else by means of
cepstrum and pitch, a stand-in that knows pitch and timbre but no speakers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ssmphony.audio.files import read_audio
from ssmphony.audio.mel import log_mel
from ssmphony.audio.pitch import track_pitch
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.evaluation.models.speaker import SpeakerEncoder, similarity
from ssmphony.reference import reference_from
from ssmphony.text.utf8 import tokenise
from ssmphony.training.lewm_rollout import LeWMVoice, Prompt, synthesize
from ssmphony.types import Samples, SsmphonyError, Style
from ssmphony.voice import Voice

Row = dict[str, Any]
Embedding = npt.NDArray[np.float32]
SHORTEST_S, LONGEST_S = 2.0, 6.0
"""Of a clip of one of the voice's speakers."""
LONGEST_UNKNOWN_S = 8.0
"""Of a clip of anyone else."""
CANDIDATES = 10
"""Clips among which an output must find its own."""
STAND_IN = "cepstrum and pitch statistics (a stand-in)"
COEFFICIENTS = 13


def among_speakers(voice: LeWMVoice, corpora: Sequence[Path], text: str) -> Row | None:
    """Cosines with the speaker's own prompt and with those of others. None without at least two speakers."""
    prompts = {clip.speaker: (folder, clip) for folder in corpora for clip in suitable(voice, folder)}
    if len(prompts) < 2:
        print("prompt similarity is left out: --prompts of at least two speakers of the voice are needed")
        return None
    recordings = {name: read_audio(folder / clip.audio)[0] for name, (folder, clip) in prompts.items()}
    spoken = {name: spoken_after(voice, recordings[name], clip, text) for name, (_, clip) in prompts.items()}
    spoken = {name: sound for name, sound in spoken.items() if len(sound)}
    way, embed = embedding(list(recordings.values()), voice.codec.grid.sample_rate)
    theirs = {name: embed(sound) for name, sound in recordings.items()}
    rows: list[Row] = []
    for name, sound in spoken.items():
        mine = embed(sound)
        others = [similarity(mine, other) for speaker, other in theirs.items() if speaker != name]
        rows.append(
            {"speaker": name, "own": similarity(mine, theirs[name]), "others": fmean(others), "best": max(others)}
        )
    return {"way": way, "speakers": rows}


def among_clips(voice: Voice, folder: Path, text: str, trials: int, seed: int = 0) -> Row:
    """In how many trials an output is nearest to its own clip among those of `CANDIDATES` speakers."""
    clips = prompts_of(voice, folder)
    if len(clips) < CANDIDATES:
        raise SsmphonyError(f"{folder}: {len(clips)} speakers that the voice does not have, {CANDIDATES} are needed")
    recordings = {name: read_audio(folder / clip.audio)[0] for name, clip in clips.items()}
    way, embed = embedding(list(recordings.values()), voice.sample_rate)
    theirs = {name: embed(sound) for name, sound in recordings.items()}
    random, names, found = np.random.default_rng(seed), sorted(clips), list[Row]()
    for trial in range(trials):
        name = names[trial % len(names)]
        others = random.choice([other for other in names if other != name], CANDIDATES - 1, replace=False).tolist()
        reference = reference_from(recordings[name], voice.encoder, voice.model)
        mine = embed(voice.say(text, reference=reference, seed=trial).samples)
        scores = {other: similarity(mine, theirs[other]) for other in (name, *others)}
        found.append({"speaker": name, "own": scores[name], "first": max(scores, key=scores.__getitem__) == name})
    return {"way": way, "trials": found, "own_first": fmean(row["first"] for row in found)}


def prompts_of(voice: Voice, folder: Path) -> dict[str, Clip]:
    """The first clip of fitting length of each speaker that the voice does not have."""
    clips: dict[str, Clip] = {}
    for clip in read_manifest(folder):
        if clip.speaker not in voice.model.speaker_names and SHORTEST_S <= clip.seconds <= LONGEST_UNKNOWN_S:
            clips.setdefault(clip.speaker, clip)
    return clips


def suitable(voice: LeWMVoice, folder: Path) -> list[Clip]:
    """The first clip of each of the voice's speakers that is neither short nor long."""
    found: dict[str, Clip] = {}
    for clip in read_manifest(folder):
        if clip.speaker in voice.model.config.speakers and clip.text and SHORTEST_S <= clip.seconds <= LONGEST_S:
            found.setdefault(clip.speaker, clip)
    return list(found.values())


@torch.inference_mode()
def spoken_after(voice: LeWMVoice, recording: Samples, clip: Clip, text: str) -> Samples:
    """``text`` spoken after the clip."""
    latents = voice.codec.encode(torch.from_numpy(recording)[None])[0]
    tokens = tokenise(text)
    mel = synthesize(voice, tokens, Style(), Prompt(tokenise(clip.text), latents)).mel
    return voice.codec.vocoder(mel[None].float())[0].clamp(-1, 1).numpy() if len(mel) else np.zeros(0, np.float32)


def embedding(sounds: Sequence[Samples], rate: int) -> tuple[str, Callable[[Samples], Embedding]]:
    """The embedding that the cosine compares. ``sounds`` give the stand-in its scale."""
    try:
        encoder = SpeakerEncoder()
        return "speaker encoder", lambda sound: encoder.encode(sound, rate)[1]
    except SsmphonyError as error:
        print(error)
    print("no speaker encoder: prompt similarity is that of cepstrum and pitch, which know no speakers")
    known = np.stack([statistics(sound) for sound in sounds])
    mean, spread = known.mean(0), known.std(0) + 1e-6
    return STAND_IN, lambda sound: (statistics(sound) - mean) / spread


def statistics(sound: Samples) -> Embedding:
    """Means and standard deviations of cepstral coefficients over the louder half, and of log F0."""
    mel = log_mel(sound)
    loud = mel[mel.mean(1) >= np.median(mel.mean(1))]
    bands = np.arange(mel.shape[1]) + 0.5
    basis = np.cos(np.pi / mel.shape[1] * bands[:, None] * np.arange(1, COEFFICIENTS + 1))
    cepstrum = loud @ basis / mel.shape[1]
    pitch = track_pitch(sound)
    voiced = np.log(pitch[pitch > 0]) if (pitch > 0).any() else np.zeros(1)
    parts = [cepstrum.mean(0), cepstrum.std(0), [voiced.mean(), voiced.std()]]
    return np.concatenate(parts).astype(np.float32)
