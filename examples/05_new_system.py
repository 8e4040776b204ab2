"""A system of your own in one file: a language, a sequence layer, a model, a codec and a training task.

    python examples/05_new_system.py

It makes up a corpus of whistled letters, prepares it, trains for half a minute, exports the voice and speaks. Needs the
extra `train`: `pip install ".[train]"` in a checkout.
"""

import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import soundfile
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

import ssmphony
from ssmphony.cli import app
from ssmphony.codecs import CODECS
from ssmphony.codecs.codec import SamplesCodec, TrainableCodec
from ssmphony.config import Config, LayerConfig
from ssmphony.data.dataset import Batch
from ssmphony.data.features.registry import Needs
from ssmphony.interfaces import Frontend, SequenceLayer, State
from ssmphony.model_inputs import ModelInputs
from ssmphony.models import MODELS
from ssmphony.models.parallel import FRAME_FEATURES, ParallelModel, expand_tokens
from ssmphony.nn import MIXERS, StackConfig
from ssmphony.text import FRONTENDS
from ssmphony.training.losses import masked_mean
from ssmphony.training.tasks import TASKS
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import FrameGrid, Tokens, Word

RATE, HOP = 8_000, 80

# A language: text → sentences of token ids. Each line is a sentence, each letter a token. Id 0 is padding.


class Letters(Frontend):
    language = "tok"

    @property
    def symbols(self) -> tuple[str, ...]:
        return ("_", "^", "|", *"aiukmnpt")

    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        whole, place = text if isinstance(text, str) else "".join(text), 0
        for line in whole.splitlines(keepends=True):
            symbols, words, at = ["^"], list[Word](), place
            for word in line.split():
                at = whole.index(word, at)
                letters = [letter for letter in word if letter in self.symbols[3:]]
                words.append(Word(word, len(symbols), len(symbols) + len(letters), at, at + len(word)))
                symbols, at = symbols + letters, at + len(word)
            symbols.append("|")
            if len(symbols) > 2:
                ids = tuple(self.symbols.index(symbol) for symbol in symbols)
                yield Tokens(ids, tuple(symbols), tuple(words), line.rstrip("\n"), place, place + len(line))
            place += len(line)


class LettersConfig(Config):
    kind: Literal["letters"] = "letters"
    max_tokens: int = 100

    def build(self) -> Letters:
        return Letters()


# A sequence layer: any number of steps, with the state passed in and returned. This is the smallest state space: each
# channel is a leaky average of its past. Steps that are not real (`mask`) leave the state as it is.


class Average(SequenceLayer, nn.Module):
    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.leak = nn.Parameter(torch.linspace(-2.0, 2.0, d_model))

    def initial_state(self, batch: int) -> Tensor:
        return self.leak.new_zeros(batch, len(self.leak))

    def forward(self, x: Tensor, state: Tensor, mask: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
        keep, outputs = torch.sigmoid(self.leak), list[Tensor]()
        for step in range(x.shape[1]):
            if reset is not None:
                state = state.masked_fill(reset[:, step, None], 0.0)
            state = torch.where(mask[:, step, None], keep * state + (1.0 - keep) * x[:, step], state)
            outputs.append(state)
        return torch.stack(outputs, dim=1), state


class AverageConfig(LayerConfig):
    kind: Literal["average"] = "average"

    def build(self) -> Average:
        return Average(self.d_model)


# A codec: frames ↔ samples. A frame holds the first coefficients of the cosine transform of a hop of samples, each
# multiplied by a gain that is trained. `grid` says how often frames come, and what one holds.


class CosineCodec(SamplesCodec, TrainableCodec):
    basis: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.grid, self.lookahead = FrameGrid(RATE, HOP, channels), 0
        place = (torch.arange(HOP) + 0.5) * math.pi / HOP
        self.register_buffer("basis", torch.cos(place * torch.arange(channels)[:, None]) * (2 / HOP) ** 0.5)
        self.gain = nn.Parameter(torch.ones(channels))

    def initial_state(self, batch: int) -> State:
        return ()

    def decode(self, frames: Tensor, mask: Tensor, state: State) -> tuple[Tensor, State]:
        present = frames.masked_fill(~mask[..., None], 0.0)
        return ((present * self.gain) @ self.basis).flatten(1), state

    def encode(self, samples: Tensor) -> Tensor:
        padded = F.pad(samples, (0, HOP - samples.shape[1] % HOP))
        return padded.unflatten(1, (-1, HOP)) @ self.basis.T


class CosineConfig(Config):
    frames: ClassVar[str] = "cosines"
    kind: Literal["cosines"] = "cosines"
    channels: int = 60

    @classmethod
    def tiny(cls) -> dict[str, "CosineConfig"]:
        return {"": cls(channels=5)}

    def build(self) -> CosineCodec:
        return CosineCodec(self.channels)


# A model: tokens → frames. One of the parallel family reads a sentence into a vector and a duration for each token, and
# turns vectors that are repeated over their frames into frames. Streaming, export and the runtime are the family's.


class LettersToFrames(ParallelModel):
    capabilities = frozenset({"speed", "timing"})
    reads = ("ids", "mask", "speaker")

    def __init__(self, config: "LettersToFramesConfig") -> None:
        super().__init__()
        self.block, self.lookahead, self.max_tokens = config.block, 0, 100
        self.speaker_names, self.encoded_channels = config.speakers, config.d_model + 1
        self.symbols = nn.Embedding(config.n_symbols, config.d_model)
        self.speakers = nn.Embedding(len(config.speakers), config.d_model)
        self.duration = nn.Linear(config.d_model, 1)
        stack = {"d_model": config.d_model, "n_layers": 1, "mixers": config.mixers, "d_ffn": 64}
        self.stack = StackConfig.model_validate(stack).build()
        self.expand = nn.Linear(self.encoded_channels + FRAME_FEATURES, config.d_model)
        self.head = nn.Linear(config.d_model, config.channels)

    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        x = (self.symbols(inputs.ids) + self.speakers(inputs.speaker)[:, None]) * inputs.mask[..., None]
        return F.pad(x, (0, 1)), self.duration(x).squeeze(-1) + math.log(12.0)

    def initial_frames(self, batch: int) -> State:
        return self.stack.initial_state(batch)

    def frames(self, x: Tensor, mask: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.stack.forward(self.expand(x), state, mask)
        return self.head(y), state


class LettersToFramesConfig(Config):
    kind: Literal["letters_to_frames"] = "letters_to_frames"
    n_symbols: int
    speakers: tuple[str, ...]
    channels: int = 60
    d_model: int = 48
    mixers: tuple[str, ...] = ("average",)
    block: int = 8

    @classmethod
    def tiny(cls, n_symbols: int) -> dict[str, "LettersToFramesConfig"]:
        return {"": cls(n_symbols=n_symbols, speakers=("own", "other"), channels=5, d_model=8)}

    def build(self) -> LettersToFrames:
        return LettersToFrames(self)


# A task: which features of a clip are needed, and the losses. Batches, saving, resuming and averaging are the base's.


class LettersTaskConfig(TextTaskConfig):
    kind: Literal["letters"] = "letters"

    def build(self, voice: Any, seed: int) -> "LettersTask":
        symbols, codec = voice.frontend_symbols(), voice.codec_settings().build()
        return LettersTask(self, voice.model_settings(len(symbols)).build(), codec, symbols, seed)


class LettersTask(TextTask[LettersToFrames, CosineCodec]):
    def __init__(
        self, config: LettersTaskConfig, model: LettersToFrames, codec: CosineCodec, symbols: tuple[str, ...], seed: int
    ) -> None:
        needs = Needs(("samples",), codec.grid)
        super().__init__(config, VoiceModule(model, codec, "both"), symbols, model.speaker_names, needs, seed)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.begin_step()
        losses = self.losses(batch)
        self.descend(losses["loss"])
        self.log_losses("train", losses, len(batch.names))
        self.end_step()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log_losses("val", self.losses(batch), batch_size=1)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """All letters of a whistled sentence have the same duration."""
        frames = self.codec.encode(batch.features["samples"])[:, : batch.frame_mask.shape[1]]
        encoded, log_durations = self.model.read(ModelInputs(batch.ids, batch.token_mask, speaker=batch.speakers))
        tokens, count = batch.token_mask.cumsum(1), batch.frame_mask.sum(1, keepdim=True)
        ends = tokens * count // tokens[:, -1:]
        x, mask, _ = expand_tokens(encoded, ends, torch.zeros_like(ends[:, 0]), frames.shape[1])
        made, _ = self.model.frames(x, mask, self.model.initial_frames(len(ends)))
        real = ends.diff(dim=1, prepend=torch.zeros_like(ends[:, :1])).clamp(min=1).log()
        copy = self.codec.render(frames).samples
        samples = F.pad(batch.features["samples"], (0, HOP))[:, : copy.shape[1]]
        losses = {
            "frames": masked_mean((made - frames).abs(), batch.frame_mask),
            "duration": masked_mean((log_durations - real).abs(), batch.token_mask),
            "copy": (copy[:, : samples.shape[1]] - samples).abs().mean(),
        }
        return losses | {"loss": torch.stack([*losses.values()]).sum()}


# Each of the five is one entry in its registry. In the package, that is one line in a file.

ENTRIES: tuple[tuple[dict[str, Any], str, Any], ...] = (
    (FRONTENDS, "letters", LettersConfig),
    (MIXERS, "average", AverageConfig),
    (CODECS, "cosines", CosineConfig),
    (MODELS, "letters_to_frames", LettersToFramesConfig),
    (TASKS, "letters", LettersTaskConfig),
)

TEXTS = ("kata mini tumu", "nami tuka", "pika tana", "muti kanu pa", "tupi maku", "nika putu mi")


def write_corpus(folder: Path) -> Path:
    """A whistle with its own pitch for each letter, an eighth of a second long."""
    (folder / "whistle").mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(TEXTS):
        (tokens,) = Letters().sentences(text)
        time = np.arange(RATE // 8) / RATE
        pitches = [0 if token < 3 else 200 + 150 * token for token in tokens.ids]
        sound = np.concatenate([0.3 * np.sin(2 * np.pi * hertz * time) for hertz in pitches])
        soundfile.write(folder / "whistle" / f"{number}.wav", sound, RATE)
        (folder / "whistle" / f"{number}.txt").write_text(text, encoding="utf-8")
    return folder


def write_training(folder: Path, steps: int) -> Path:
    """The training file, as people write it."""
    corpora = [{"path": str(folder / "prepared")}]
    settings = {
        "voice": {
            "frontend": {"kind": "letters"},
            "model": {"kind": "letters_to_frames", "speakers": ["whistle"]},
            "codec": {"kind": "cosines"},
        },
        "task": {
            "kind": "letters",
            "corpora": corpora,
            "validation": corpora,
            "optimiser": {"lr": 1e-2, "max_steps": steps, "warmup": 1},
        },
        "run": {"out": str(folder / "run"), "accelerator": "cpu", "threads": 1, "ema": 0.0, "progress": False},
    }
    path = folder / "letters.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def command(*words: str | Path) -> None:
    """One command of ssmphony, in this process, which knows the new entries."""
    app([str(word) for word in words], standalone_mode=False)


def make_voice(folder: Path, steps: int) -> Path:
    """From recordings to a voice."""
    corpus = write_corpus(folder / "corpus")
    training = write_training(folder, steps)
    command("prepare", "folder", corpus, "-o", folder / "prepared", "--config", training, "--workers", "1")
    command("train", training)
    command("export", folder / "run", folder / "voice")
    return folder / "voice"


def main(folder: Path, steps: int = 300) -> None:
    for registry, kind, config in ENTRIES:
        registry[kind] = config
    voice = ssmphony.load(make_voice(folder, steps))
    audio = voice.say("mika tutu\n")
    soundfile.write(folder / "new_system.wav", audio.samples, audio.sample_rate)
    words = ", ".join(f"{word.text} {word.start_s:.2f}-{word.end_s:.2f} s" for word in audio.words)
    print(f"{audio.seconds:.2f} s of sound: {words}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "new_system"))
