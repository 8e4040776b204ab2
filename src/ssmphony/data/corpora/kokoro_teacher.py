"""Kokoro-82M as a renderer of phones: a graph for ONNX Runtime, with exact times of phones and their pitch.

The graph, its vocabulary and its voices are files that the user has; docs/start.md says where they come from. An export
that has samples as its only output is given the two others here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.kokoro_spelling import Spelling
from ssmphony.data.corpora.reader import Reader
from ssmphony.speakers import speaker_weights
from ssmphony.types import Samples, SsmphonyError

RATE = 24_000
HOP = 300
"""Samples of one value of pitch."""
UNIT = 600
"""Samples of one unit of duration."""
LEAD, TAIL = 1_200, 2_400
"""Samples that are kept before the first phone and after the last."""
EARLY = 1_500
"""What the graph calls the start of a token is audible this many samples earlier: in 250 clips the level of vowels and
voiceless stops differs most at 1,500 to 1,650 samples, the treble of fricatives at 1,200 to 1,500. Its pitch is not: in
100 clips the periods of the sound fit it best where it stands, to 2.5 ms."""
STYLE = 256
BLEND = "+"
"""Between the names of voices whose styles are averaged: a speaker of its own, ``hf_alpha+am_adam``."""
FEWEST, MOST = 8, 300
"""Characters of a sentence that sounds natural."""
_QUIETEST = 0.05
_PEAK = 0.97
_UNVOICED_HZ = 10.0
_DURATIONS, _PITCH = "/encoder/Clip_output_0", "/encoder/Squeeze_output_0"


class Rendering(NamedTuple):
    """samples (n,) at `RATE`; (symbol index, first sample, stop sample) in order; pitch (value,) in Hz, 0 unvoiced."""

    samples: Samples
    spans: tuple[tuple[int, int, int], ...]
    pitch: npt.NDArray[np.float32]


class Teacher:
    """The graph with one thread: several processes make more sound than one with several threads."""

    def __init__(self, model: Path, vocabulary: Path, voices: Path) -> None:
        """``voices``: a folder of ``<name>.bin``. Raises `SsmphonyError` where a file is not what it is named for."""
        self.ids = _vocabulary(vocabulary)
        self.voices = voices
        self.session = _session(model)
        self._styles: dict[str, npt.NDArray[np.float32]] = {}

    def style(self, speaker: str) -> npt.NDArray[np.float32]:
        """The styles of a voice or of a blend, one for each length of a sentence: (length, `STYLE`). Raises
        `SsmphonyError`."""
        if speaker not in self._styles:
            self._styles[speaker] = blended_styles(speaker, self.voices)
        return self._styles[speaker]

    def render(self, spelling: Spelling, speaker: str) -> Rendering:
        """Raises `Rejected` for a sentence that the teacher does not say well."""
        characters = spelling.characters
        if not FEWEST <= len(characters) <= MOST:
            raise Rejected(f"{len(characters)} characters: the teacher speaks {FEWEST} to {MOST} well")
        if unknown := sorted(set(characters) - set(self.ids)):
            raise Rejected(f"the teacher has no '{unknown[0]}'")
        styles = self.style(speaker)
        samples, units, pitch = self.session.run(
            None,
            {
                "tokens": np.array([[0, *(self.ids[character] for character in characters), 0]], np.int64),
                "style": styles[min(len(characters), len(styles)) - 1][None],
                "speed": np.ones(1, np.float32),
            },
        )
        units = np.round(np.ravel(units)).astype(np.int64)
        if len(units) != len(characters) + 2:
            raise SsmphonyError(f"the teacher's graph returned {len(units)} durations for {len(characters) + 2} tokens")
        return _cut(np.ravel(samples).astype(np.float32), units, np.ravel(pitch).astype(np.float32), spelling.owners)


def _cut(
    samples: Samples, units: npt.NDArray[np.int64], pitch: npt.NDArray[np.float32], owners: Sequence[int]
) -> Rendering:
    """The sentence without the silence around it, below full scale. Raises `Rejected` for silence and noise."""
    lead = max(0, int(units[0]) * UNIT - EARLY - LEAD)
    sound = samples[lead : int(units[:-1].sum()) * UNIT - EARLY + TAIL]
    peak = float(np.abs(sound).max(initial=0.0))
    if not np.isfinite(sound).all() or peak < _QUIETEST:
        raise Rejected("the teacher returned no speech")
    sound = sound * np.float32(min(1.0, _PEAK / peak))
    track = pitch[lead // HOP :][: -(-len(sound) // HOP)]
    return Rendering(sound, _spans(units, owners, lead), np.where(track > _UNVOICED_HZ, track, 0).astype(np.float32))


def _spans(units: npt.NDArray[np.int64], owners: Sequence[int], lead: int) -> tuple[tuple[int, int, int], ...]:
    """When each symbol is said; a blank belongs to the symbol before it."""
    edges = np.concatenate([[0], units.cumsum()]) * UNIT - EARLY - lead
    spans: dict[int, tuple[int, int]] = {}
    last = -1
    for token, owner in enumerate(owners, start=1):  # token 0 is the silence before
        owner = last if owner < 0 else owner
        first, _ = spans.get(owner, (int(edges[token]), 0))
        spans[owner] = (first, int(edges[token + 1]))
        last = owner
    return tuple((owner, *spans[owner]) for owner in sorted(spans))


class Renders(Reader):
    """A corpus that the teacher reads: where its files are."""

    model: Path | None = None
    """The teacher's graph, an ONNX file."""
    vocabulary: Path | None = None
    """Its ``vocab.json``."""
    voices: Path | None = None
    """The folder of its voices, ``<name>.bin``."""

    def teacher(self, instead: str = "") -> Teacher:
        """The loaded teacher. Raises `SsmphonyError` where a file is not named, with what may be done instead."""
        if self.model is None or self.vocabulary is None or self.voices is None:
            raise SsmphonyError(
                "to render with the teacher, name its files: --set model=FILE.onnx --set vocabulary=vocab.json "
                f"--set voices=FOLDER{instead}"
            )
        return load_teacher(self.model, self.vocabulary, self.voices)


@lru_cache(maxsize=1)
def load_teacher(model: Path, vocabulary: Path, voices: Path) -> Teacher:
    """The teacher, once in a process."""
    return Teacher(model, vocabulary, voices)


def read_styles(path: Path) -> npt.NDArray[np.float32]:
    """The styles of one voice, (length, `STYLE`). Raises `SsmphonyError` for a file that is none."""
    try:
        values = np.fromfile(path, np.float32)
    except OSError as error:
        raise SsmphonyError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    if not len(values) or len(values) % STYLE or not np.isfinite(values).all():
        raise SsmphonyError(f"{path}: not a voice of the teacher: it holds no rows of {STYLE} numbers")
    return values.reshape(-1, STYLE)


def blended_styles(speaker: str, voices: Path) -> npt.NDArray[np.float32]:
    """The styles of a voice, or of a blend such as ``af_sky:0.7,hm_psi:0.3``: the weighted mean of its voices'. Of
    voices with `BLEND` between them, the mean.

    Raises `SsmphonyError` for a voice that is not in the folder, and for a weight that is not a positive number.
    """
    speaker = speaker.replace(BLEND, ",")
    if ":" not in speaker and "," not in speaker:
        return read_styles(voices / f"{speaker}.bin")
    names = [part.partition(":")[0].strip() for part in speaker.split(",")]
    styles = {name: read_styles(voices / f"{name}.bin") for name in names}
    weights = dict(zip(styles, speaker_weights(speaker, list(styles)), strict=True))
    rows = min(len(values) for values in styles.values())
    mixed = np.stack([weights[name] * values[:rows] for name, values in styles.items()])
    return mixed.sum(axis=0).astype(np.float32)


def _vocabulary(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(character): int(number) for character, number in found.get("vocab", found).items()}
    except OSError as error:
        raise SsmphonyError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, AttributeError, TypeError):
        raise SsmphonyError(f"{path}: not a vocabulary: a JSON object of characters and their numbers") from None


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        data = path.read_bytes()
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        if len(session.get_outputs()) == 1:
            data = _with_times(data, path)
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise SsmphonyError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    except SsmphonyError:
        raise
    except Exception as error:  # ONNX Runtime has exceptions of its own, without a common base
        raise SsmphonyError(f"{path}: not a graph of the teacher ({str(error).splitlines()[0]:.100})") from None
    inputs = {one.name for one in session.get_inputs()}
    if inputs != {"tokens", "style", "speed"} or len(session.get_outputs()) != 3:
        raise SsmphonyError(f"{path}: not a graph of the teacher: its inputs are {', '.join(sorted(inputs))}")
    return session


def _with_times(data: bytes, path: Path) -> bytes:
    """The graph with durations and pitch among its outputs."""
    from ssmphony.extras import needs_extra

    with needs_extra("train"):
        import onnx

    model = onnx.load_from_string(data)
    values = {name for node in model.graph.node for name in node.output}
    for name in (_DURATIONS, _PITCH):
        if name not in values:
            raise SsmphonyError(f"{path}: this export has no value {name}: take the one that docs/start.md names")
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    return model.SerializeToString()
