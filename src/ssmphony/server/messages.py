"""Messages that a client sends on the WebSocket: ``start``, ``text``, ``flush``, ``finish``, ``cancel``."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from ssmphony.audio.encoding import Format, SampleRate
from ssmphony.server.errors import ApiError
from ssmphony.server.lexicon import LexiconField
from ssmphony.server.style import StyleFields


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)


class Start(StyleFields, _Message):
    """Begins an utterance. Fields of `speech.SpeechRequest` mean the same here; others are refused, not ignored."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["start"]
    voice: str | None = None
    format: Annotated[Format, Field(validation_alias=AliasChoices("format", "response_format"))] = "pcm"
    sample_rate: SampleRate | None = None
    lexicon: LexiconField = None
    model: str | None = None
    """Ignored, as ``instructions`` is: the voice decides."""
    instructions: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, fields: Any) -> Any:
        """null is what many clients send for a field that is not given."""
        return {name: value for name, value in fields.items() if value is not None}


def _any_string(value: Any) -> str:
    """Pydantic's own ``str`` refuses the halves of surrogate pairs."""
    if not isinstance(value, str):
        raise ValueError("input should be a valid string")
    return value


class Text(_Message):
    type: Literal["text"]
    text: Annotated[str, PlainValidator(_any_string)]
    """May begin and end within a surrogate pair."""


class Flush(_Message):
    type: Literal["flush"]


class Finish(_Message):
    type: Literal["finish"]


class Cancel(_Message):
    type: Literal["cancel"]


Message = Start | Text | Flush | Finish | Cancel
_messages: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def read(data: str | bytes) -> Message:
    """Parse a message. Raises `ApiError` that says what is wrong with it.

    Python's parser, unlike Pydantic's, takes strings that were cut within a surrogate pair.
    """
    try:
        fields = json.loads(data if isinstance(data, str) else data.decode())
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    except RecursionError:
        raise _invalid("it is nested too deeply") from None
    except ValueError as error:
        raise _invalid(f"it is not JSON: {error}") from None
    try:
        return _messages.validate_python(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = f"'{str(first['loc'][1])[:100]}': " if len(first["loc"]) > 1 else ""
    if first["type"] == "extra_forbidden":
        known = ", ".join(name for name in Start.model_fields if name != "type")
        raise _invalid(f"{where}'start' has no such field, or another name of it is there; it takes {known}")
    raise _invalid(f"{where}{first['msg']}")


def join_surrogates(text: str) -> tuple[str, str]:
    """Join the surrogate pairs in ``text``, as a client that cuts strings at UTF-16 units sends them.

    Returns the text, and the first half of a pair that it ends with, if any. Each other half becomes U+FFFD, which has
    no sound.
    """
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    whole = text.removesuffix(half) if half else text
    return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), half


def _invalid(problem: str) -> ApiError:
    return ApiError(400, f"not a message: {problem[:300]}", "invalid_message")
