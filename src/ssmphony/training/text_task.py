"""What tasks share that learn from recordings with their texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field
from torch import nn

from ssmphony.config import Config
from ssmphony.data.dataset import Bucketing, Corpus, Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.data.manifest import Clip
from ssmphony.data.selection import select
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.task import Task
from ssmphony.training.voice_module import C, M, VoiceModule


class TextTaskConfig(Config):
    """The fields of every task that learns from texts."""

    corpora: tuple[Corpus, ...]
    """Prepared corpora to train on."""
    validation: tuple[Corpus, ...]
    """Prepared corpora to validate on, clip by clip."""
    batch_size: int = Field(default=16, ge=1)
    """Most clips of a batch."""
    max_frames: int = Field(default=8000, ge=1)
    """Most frames of a batch, padding included."""
    max_seconds: float = Field(default=12.0, gt=0.0)
    """Longer clips are left out."""
    optimiser: OptimiserConfig = OptimiserConfig(betas=(0.9, 0.98))

    def speaker_names(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """Whom the clips may be of: those of the table, and everyone else in the corpora."""
        clips = (clip for group in select((*self.corpora, *self.validation)) for clip in group)
        return (*named, *sorted({clip.speaker for clip in clips} - set(named)))


class TextTask(Task[M, C]):
    """Base of tasks whose batches are clips of similar length with their texts."""

    def __init__(
        self,
        config: TextTaskConfig,
        voice: VoiceModule[M, C],
        symbols: tuple[str, ...],
        speakers: tuple[str, ...],
        needs: Needs,
        seed: int,
        *,
        respell: Callable[[Clip], Clip] | None = None,
        discriminators: nn.Module | None = None,
    ) -> None:
        """Read the manifests of the corpora.

        Args:
            symbols: The frontend's vocabulary, by id.
            speakers: Names of speakers, by id.
            needs: The features of a batch.
            respell: Turns clips, which hold phonemes, into those of another frontend.

        Raises:
            SsmphonyError: A corpus is missing, or has speakers or symbols that the voice lacks.
        """
        super().__init__(voice, config.optimiser, seed, discriminators)
        self.symbols = symbols
        self.utterances = Utterances(config.corpora, symbols, speakers, needs, config.max_seconds, respell)
        self.held_out = Utterances(config.validation, symbols, speakers, needs, config.max_seconds, respell)
        self.bucketing = Bucketing(self.utterances, config.batch_size, config.max_frames, seed)

    def make_batch(self, utterances: Utterances, indices: list[int], number: int = 0) -> Any:
        """Batch ``number``, of these clips. A task overrides it for another form."""
        return utterances.batch(indices, number)

    def training_batch(self, number: int) -> Any:
        return self.make_batch(self.utterances, self.bucketing(number), number)

    def validation_batches(self) -> list[Any]:
        return [self.make_batch(self.held_out, [index]) for index in range(len(self.held_out))]
