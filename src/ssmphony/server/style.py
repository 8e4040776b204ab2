"""How a request asks to be spoken: the fields of a style, over HTTP and WebSockets alike.

A reference is the name of one that the operator offers, never a path or sound of a client.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from ssmphony.errors import suggest
from ssmphony.reference import load_reference
from ssmphony.server.errors import ApiError
from ssmphony.server.names import Target
from ssmphony.server.settings import ServeSettings
from ssmphony.types import SPEEDS, Reference, SsmphonyError, Style


class StyleFields(BaseModel):
    """The fields of a request that make its `Style`."""

    speed: Annotated[
        float, Field(ge=SPEEDS[0], le=SPEEDS[1], allow_inf_nan=False, description="2 is twice as fast.")
    ] = 1.0
    speaker: Annotated[
        str | None, Field(description="One of the voice's speakers, or a mix of them: alpha:0.7,omega:0.3.")
    ] = None
    pitch: Annotated[float, Field(ge=-12, le=12, allow_inf_nan=False, description="Semitones up or down.")] = 0.0
    reference: Annotated[
        str | None, Field(description="A recording to speak like: the name of one that this server offers.")
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**63, description="The same seed gives the same sound.")] = 0
    temperature: Annotated[
        float | None,
        Field(ge=0, le=2, allow_inf_nan=False, description="For voices that sample codes; 0 takes the most likely."),
    ] = None
    top_k: Annotated[
        int | None, Field(ge=0, description="Sample from this many of the most likely codes; 0: from all.")
    ] = None
    top_p: Annotated[
        float | None, Field(gt=0, le=1, description="Sample from the fewest codes that together have this probability.")
    ] = None

    def style(self, target: Target, references: Mapping[str, Reference]) -> Style:
        """The style asked for, with the speaker and the reference that the request's names lead to; its own
        ``reference`` takes precedence.

        Raises `ApiError` for a reference that the server does not offer.
        """
        reference = find_reference(references, target.reference if self.reference is None else self.reference)
        return Style(
            self.speed,
            self.pitch,
            self.seed,
            speaker=target.speaker,
            reference=reference,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
        )


def load_references(settings: ServeSettings) -> dict[str, Reference]:
    """The references of the settings by name.

    Raises:
        SsmphonyError: For an entry that is not ``NAME=FILE``, a name that occurs twice, and a file that cannot be read.
    """
    found: dict[str, Reference] = {}
    for entry in settings.references:
        name, equals, file = (part.strip() for part in entry.partition("="))
        if not (name and equals and file):
            raise SsmphonyError(f"--reference {entry}: write it as NAME=FILE, for example asha=asha.safetensors")
        if name in found:
            raise SsmphonyError(f"--reference {entry}: '{name}' is a reference already")
        found[name] = load_reference(Path(file))
    return found


def find_reference(references: Mapping[str, Reference], name: str | None) -> Reference | None:
    """The reference of that name. Raises `ApiError` where there is none."""
    if name is None:
        return None
    if name not in references:
        offered = f"this server offers {', '.join(references)}" if references else "this server offers none"
        message = f"unknown reference '{name:.100}'{suggest(f'{name:.100}', references)}; {offered}"
        raise ApiError(400, message, "reference_not_found", "reference")
    return references[name]
