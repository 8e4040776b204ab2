"""The small interfaces that every system of the project implements.

State is a value. It is passed in and returned, never kept inside an object, so that chunked output equals full
output, a stream can be saved and resumed, and many streams can share one model. A state is a NamedTuple
(possibly nested) of batch-first arrays; a fresh one comes from `initial_state` or `begin`.

``Array`` is a NumPy array in the runtime and a torch tensor in training. Axis order is always
(batch, time, channel).
"""

from __future__ import annotations

from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ssmphony.errors import NOTHING_TO_SPEAK
from ssmphony.types import FrameGrid, Frames, MelFormat, ReferenceInput, SsmphonyError, Style, Tokens, Word

Array = Any
State = Any


class Frontend(ABC):
    """text → sentences of token ids.

    Everything that the rest of the project needs to know about a language comes from its frontend.
    """

    language: str = ""
    """The language of the texts that it reads, as a BCP 47 code; empty if it reads any."""
    stop: str = "!"
    """A mark that always ends a sentence, unlike a dot, which may belong to a number."""
    pause: str | None = None
    """The symbol of a pause inside a sentence; None if there is none. Corpus preparation inserts it where a recording
    pauses, and removes it where the recording does not."""
    phones: tuple[str, ...] = ()
    """The symbols that a recogniser should distinguish by their sound; empty for a frontend of letters."""
    letters: tuple[str, ...] = ()
    """The characters of `spoken_text`; empty if unknown."""
    abbreviations: Any = None
    """`ssmphony.text.sentences.Abbreviations` of the language, after which a dot does not end a sentence."""

    @property
    @abstractmethod
    def symbols(self) -> tuple[str, ...]:
        """The vocabulary: ``symbols[i]`` is token id ``i``; id 0 is padding and never occurs in `Tokens`."""

    @abstractmethod
    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        """Cut text into sentences, lazily and in constant memory.

        An iterable of strings is text as it is being written: the pieces are joined without separator, and a
        sentence is yielded as soon as its end is certain. Text with no speakable content yields nothing. Sentences
        are independent: cutting the text after any sentence and restarting there yields the same rest.
        """

    def whole(self, text: str) -> Tokens:
        """All of ``text`` as one sentence, as for the transcript of a recording. Raises `SsmphonyError` when there is
        nothing to speak in it.

        The symbol that begins a sentence occurs once, at the start; the closing marks of inner sentences stay.
        """
        symbols: list[str] = []
        ids: list[int] = []
        words: list[Word] = []
        for sentence in self.sentences(text):
            outside = bool(sentence.words) and sentence.words[0].first > 0  # it begins with a mark, not with a word
            again = outside and sentence.symbols[:1] == tuple(symbols[:1])
            shift = len(symbols) - again
            symbols.extend(sentence.symbols[again:])
            ids.extend(sentence.ids[again:])
            words.extend(replace(w, first=w.first + shift, stop=w.stop + shift) for w in sentence.words)
        if not words:
            raise SsmphonyError(NOTHING_TO_SPEAK)
        return Tokens(tuple(ids), tuple(symbols), tuple(words), text, 0, len(text))

    def spoken_text(self, text: str) -> str:
        """``text`` as it is read out: numbers and abbreviations in words. By default as it is written."""
        return text

    def spoken_words(self, sentence: str) -> Sequence[tuple[int, int, str]]:
        """For each written word of one sentence, where it starts and stops there, and the letters that spell what is
        spoken. By default none: as it is written."""
        return ()

    def spelled(self, text: str, capitals: bool = False) -> str:
        """``text`` character by character, to be read by `sentences`: what a screen reader speaks for a letter.

        ``capitals``: announce Latin capital letters. By default the characters themselves.
        """
        return ", ".join(text) if len(text) > 1 else text

    def key_name(self, key: str) -> str:
        """What is spoken for a key, as ``control_alt_delete``; by default its names in English."""
        return key.replace("_", " ").strip() or key

    def with_punctuation(self, text: str, level: str) -> str:
        """``text`` in which the marks of one of `PUNCTUATION_LEVELS` are words. By default as it is written."""
        return text

    def say_as(self, text: str, kind: str, form: str = "") -> str:
        """What is spoken for ``text`` in SSML's ``<say-as>``. By default the text as it is written.

        Raises `SsmphonyError` if the kind is unknown, or the text is not of this kind.
        """
        return text

    def with_lexicon(self, lexicon: Any) -> Frontend:
        """A copy of this frontend in which the entries of ``lexicon`` (`ssmphony.text.hindi.Lexicon`) override its own.

        Raises `SsmphonyError` if the frontend reads letters and has no use for pronunciations.
        """
        raise SsmphonyError("this voice reads letters, not phonemes: it takes no lexicon")


class VoiceModel(ABC):
    """tokens → frames, a block at a time."""

    capabilities: frozenset[str] = frozenset()
    """The parts of a style that the model supports: ``speed``, ``pitch``, ``mix`` (weights of several speakers),
    ``reference`` (the sound of a recording) and ``sampling`` (temperature, top_k and top_p of sampled codes). A voice
    refuses a style that asks for more. ``timing``: the model can also use the durations of a recording."""
    speaker_names: tuple[str, ...] = ()
    """The rows of the speaker table; the first is the voice's own speaker."""
    reference_inputs: tuple[ReferenceInput, ...] = ()
    """The arrays that a model with the capability ``reference`` reads of one."""
    reference_mel: MelFormat | None = None
    """The log-mel of which a `Styled` model makes a reference; None of others."""
    draws_durations: bool = False
    """Whether durations are sampled: the model reads ``token_noise`` of `ssmphony.model_inputs`."""

    @abstractmethod
    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> State:
        """Read a batch of sentences; the returned state is the one before their first frame."""

    @abstractmethod
    def step(self, state: State) -> tuple[Frames, State]:
        """The next block of frames of every sentence of the batch, and the state after it. Pure."""


class Parallel(VoiceModel):
    """A model that knows all durations before its first frame."""

    @abstractmethod
    def token_ends(self, state: State) -> Array:
        """The frame after each token's last, (batch, tokens) int."""

    @abstractmethod
    def with_token_ends(self, state: State, ends: Array) -> State:
        """The same sentences before their first frame, with other durations."""


class Styled(VoiceModel):
    """A model that speaks in the style of a recording; one of its `reference_inputs` is ``style``."""

    @abstractmethod
    def style_of(self, samples: Array) -> Array:
        """A recording (n,) at the rate of the voice → the array ``style`` of a reference, (1, channel)."""


class Prompted(VoiceModel):
    """A model that continues from the frames of a recording; one of its `reference_inputs` is ``prompt``."""

    @abstractmethod
    def prompt(self, frames: Array) -> Array:
        """frames (time, channel) of the voice's codec → the array ``prompt`` of a reference, (step, channel)."""


class Generator(ABC):
    """Frames without text, from a seed; its voice block has no frontend.

    The contract is that of a `VoiceModel`: blocks of any size give the same frames, a row of a batch equals itself
    alone, state is a value, and random numbers are a function of seed and absolute position.
    """

    @abstractmethod
    def begin(self, styles: Sequence[Style]) -> State:
        """One row for each style, whose seed is used, and speaker and reference if the generator has any."""

    @abstractmethod
    def step(self, state: State) -> tuple[Array, State]:
        """The next block of frames (batch, time, channel), and the state after it. Never ends. Pure."""


class Decoder(ABC):
    """The decoding half of a codec: frames → samples."""

    grid: FrameGrid
    lookahead: int
    """Frames of the future that a sample depends on: step ``i`` of `decode` returns the hop of frame
    ``i - lookahead``, so the caller feeds ``lookahead`` masked frames at the end and trims as many hops."""

    @abstractmethod
    def initial_state(self, batch: int) -> State: ...

    @abstractmethod
    def decode(self, frames: Array, mask: Array, state: State) -> tuple[Array, State]:
        """frames (batch, time, channel), mask (batch, time) bool → samples (batch, time * hop_length). Pure."""


class Encoder(ABC):
    """The encoding half of a codec, which not every codec has: samples → frames."""

    grid: FrameGrid

    @abstractmethod
    def encode(self, samples: Array) -> Array:
        """samples (batch, n) → frames (batch, 1 + n // hop_length, channel)."""


class SequenceLayer(metaclass=ABCMeta):  # not ABC: PyTorch's sharding gives modules a class without its slots
    """(batch, time, channel) → (batch, time, channel), any number of steps ≥ 1, state in and state out.

    A layer is a `torch.nn.Module`. Call it, ``layer(x, state, mask)``, and not `forward`, so that its hooks run.
    """

    lookahead: int = 0
    """Step ``i`` of the output belongs to step ``i - lookahead`` of the input. The caller feeds ``lookahead``
    masked steps at the end and trims as many from the start."""

    @abstractmethod
    def initial_state(self, batch: int) -> State: ...

    if TYPE_CHECKING:

        def __call__(self, x: Array, state: State, mask: Array, reset: Array | None = None) -> tuple[Array, State]: ...

    @abstractmethod
    def forward(self, x: Array, state: State, mask: Array, reset: Array | None = None) -> tuple[Array, State]:
        """x (batch, time, channel), mask (batch, time) bool: false where a step is padding at the end of a row
        (or lookahead feed). Padding reads as absent: it changes no real step.

        reset (batch, time) bool marks the first steps of sequences that are packed one after the other: the state
        before such a step is a fresh one, whatever it was. Each sequence is followed by its lookahead feed."""
