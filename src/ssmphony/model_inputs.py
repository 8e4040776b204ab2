"""What a voice model reads before its first frame: a batch of sentences and their styles, as arrays.

This is the one place where fields of `Style` become inputs of models and of exported graphs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.interfaces import Array, VoiceModel
from ssmphony.sampling import sequence_noise
from ssmphony.speakers import speaker_row, speaker_weights
from ssmphony.types import ReferenceInput, Style, Tokens

OUTSIDE, FIRST, INSIDE, LAST, SINGLE = range(5)
"""Where a token stands in its word; ^ and punctuation stand outside."""
FEWEST_STEPS = 2
"""Steps of an array of a reference, at least: an exported graph would take a single one for a constant."""
_REFERENCE = "reference_"
_DURATION_STREAM = 1
"""Of random numbers; that of frames is 0."""


class ModelInputs(NamedTuple):
    """A batch of sentences and their styles; NumPy arrays, or tensors in PyTorch.

    Sentences are padded with id 0. A graph has only the inputs that its model declares; the others are None.
    """

    ids: Array
    """(batch, token) int."""
    mask: Array
    """(batch, token) bool: true where a token is."""
    word_positions: Array = None
    """(batch, token) int: `OUTSIDE`, `FIRST`, `INSIDE`, `LAST` or `SINGLE`."""
    speaker: Array = None
    """(batch,) int, rows of the speaker table; for a model with the capability ``mix``, (batch, speakers) float32
    weights that sum to 1."""
    pitch_semitones: Array = None
    """(batch, token) float32."""
    speeds: Array = None
    """(batch, token) float32."""
    seeds: Array = None
    """(batch,) int."""
    sampling: Array = None
    """(batch, 3) float32: temperature, top_k and top_p of the draw of codes; -1: the voice's own."""
    token_noise: Array = None
    """(batch, token) float32, standard normal, a function of the seed; 0 for a model that draws no durations."""
    reference: Mapping[str, Array] = {}
    """Of each of `VoiceModel.reference_inputs`: ``NAME`` (batch, step, channel) and ``NAME_mask`` (batch, step)
    bool, which of its steps there are. Without a reference, none."""

    def named(self) -> dict[str, Array]:
        """The arrays by the names that they have as inputs of a graph."""
        arrays: dict[str, Any] = {**self._asdict(), **{_REFERENCE + name: x for name, x in self.reference.items()}}
        del arrays["reference"]
        if self.speaker is not None and self.speaker.ndim == 2:
            arrays["speaker_weights"] = arrays.pop("speaker")
        return {name: array for name, array in arrays.items() if array is not None}

    @classmethod
    def from_named(cls, arrays: Mapping[str, Array]) -> ModelInputs:
        """The inverse of `named`."""
        fields = {name: arrays[name] for name in cls._fields if name in arrays}
        if "speaker_weights" in arrays:
            fields["speaker"] = arrays["speaker_weights"]
        reference = {name[len(_REFERENCE) :]: x for name, x in arrays.items() if name.startswith(_REFERENCE)}
        return cls(**fields, reference=reference)


def model_inputs(model: VoiceModel, tokens: Sequence[Tokens], styles: Sequence[Style], fewest: int = 0) -> ModelInputs:
    """Everything that ``model`` may read of sentences in their styles, padded to at least ``fewest`` tokens.

    Raises:
        SsmphonyError: For an unknown speaker, and for a mix of speakers that the model cannot speak.
    """
    lengths = np.array([len(sentence) for sentence in tokens], dtype=np.int64)
    shape = (len(tokens), max(fewest, int(lengths.max(initial=0))))
    ids, positions = np.zeros((2, *shape), np.int64)
    speeds, pitches = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    for row, (sentence, style) in enumerate(zip(tokens, styles, strict=True)):
        count = len(sentence)
        ids[row, :count] = sentence.ids
        positions[row, :count] = word_positions([(word.first, word.stop) for word in sentence.words], count)
        speeds[row], pitches[row] = style.speed, style.pitch_semitones
        if sentence.prosody:
            speeds[row, :count] *= [part.speed for part in sentence.prosody]
            pitches[row, :count] += [part.pitch_semitones for part in sentence.prosody]
    who = speaker_weights if "mix" in model.capabilities else speaker_row
    seeds = [style.seed for style in styles]
    return ModelInputs(
        ids=ids,
        mask=np.arange(shape[1]) < lengths[:, None],
        word_positions=positions,
        speaker=np.stack([who(style.speaker, model.speaker_names) for style in styles]),
        pitch_semitones=pitches,
        speeds=speeds,
        seeds=np.array(seeds, np.int64),
        sampling=np.array([_sampling(style) for style in styles], np.float32).reshape(-1, 3),
        token_noise=_token_noise(seeds, shape[1]) if model.draws_durations else np.zeros(shape, np.float32),
        reference=_references(model.reference_inputs, styles),
    )


def _token_noise(seeds: Sequence[int], count: int) -> npt.NDArray[np.float32]:
    return sequence_noise(seeds, count, 1, _DURATION_STREAM)[..., 0]


def _sampling(style: Style) -> list[float]:
    return [-1.0 if value is None else value for value in (style.temperature, style.top_k, style.top_p)]


def word_positions(words: Iterable[tuple[int, int]], count: int) -> npt.NDArray[np.int64]:
    """Where each of ``count`` tokens stands in its word; ``words`` are half-open ranges of tokens, empty ones too."""
    positions = np.full(count, OUTSIDE, np.int64)
    for first, stop in words:
        if stop - first == 1:
            positions[first] = SINGLE
        elif stop > first:
            positions[first:stop] = INSIDE
            positions[first] = FIRST
            positions[stop - 1] = LAST
    return positions


def _references(inputs: Sequence[ReferenceInput], styles: Sequence[Style]) -> dict[str, Array]:
    """The arrays of the styles' references, padded to the longest, with their masks."""
    padded: dict[str, Array] = {}
    for entry in inputs:
        name = entry.name
        arrays = [None if style.reference is None else style.reference.arrays[name] for style in styles]
        lengths = np.array([0 if array is None else len(array) for array in arrays])
        steps = max(FEWEST_STEPS, int(lengths.max(initial=0)))
        padded[name] = np.zeros((len(styles), steps, entry.channels), entry.dtype)
        padded[f"{name}_mask"] = np.arange(steps) < lengths[:, None]
        for row, array in enumerate(arrays):
            if array is not None:
                padded[name][row, : len(array)] = array
    return padded
