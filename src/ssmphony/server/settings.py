"""Settings of a server: by flags, by the environment (``SSMPHONY_SERVE_PORT=80``), by a file; the first wins."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator

from ssmphony.config import Config, load_yaml, parse
from ssmphony.errors import suggest
from ssmphony.types import SsmphonyError
from ssmphony.voice import MAX_SILENCE_S

PREFIX = "SSMPHONY_SERVE_"
JSON_BYTES_PER_CHARACTER = 12
"""Of a character outside the Basic Multilingual Plane that is escaped: ``\\uD83D\\uDE42``."""
OTHER_BODY_BYTES = 262_144
"""Of a request without its text: room for a lexicon, which may be escaped, too."""
TIMEOUT_CHARACTERS = 5000
"""Some seven minutes of sound, which fit in ``timeout_s`` even if the listener takes them as they play."""
_SERVICE = re.compile(
    r"SSMPHONY_SERVE(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)", re.ASCII
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+")


class ServeSettings(Config):
    """All settings of `ssmphony serve`, with their defaults."""

    voices: tuple[str, ...] = ()
    """Installed voices, or folders; the first is spoken where none is asked for. None: the default voice."""
    lexicon: Path | None = None
    """A table of words and how to say them, for every voice that reads phonemes."""
    aliases: tuple[str, ...] = ()
    """Other names for voices: ``NAME=VOICE`` or ``NAME=VOICE/SPEAKER``. In a file also a table of them."""
    references: tuple[str, ...] = ()
    """Recordings that requests may ask to speak like: ``NAME=FILE``, files of saved references. In a file also a table
    of them."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    """0: any that is free."""
    wyoming: str | None = None
    """``tcp://127.0.0.1:10200``: answer Home Assistant there too. It has no key."""
    zeroconf: bool = False
    """Announce the port of Wyoming on the local network. Needs the package ``zeroconf``."""
    workers: int = Field(default=1, ge=1)
    """Processes that share the port; each has its own copy of the voices."""
    threads: int | None = Field(default=None, ge=1)
    """Of the engine, in each process. None: the cores, divided by the processes."""
    api_key: SecretStr | None = None
    cors_origins: tuple[str, ...] = ()
    """Pages of other sites that may speak to this server; ``*`` for all."""
    forwarded_allow_ips: tuple[str, ...] = ("127.0.0.1", "::1")
    """Proxies whose ``X-Forwarded-For`` is believed: addresses, networks (``10.0.0.0/8``), or ``*`` for all."""
    streams: int = Field(default=128, ge=1)
    """Spoken at once, by each process."""
    queue: int = Field(default=128, ge=0)
    """Waiting for their turn; further requests are refused."""
    connections: int = Field(default=1024, ge=1)
    """Open at once, by each process."""
    max_characters: int = Field(default=50_000, ge=1)
    """Of one text, over an hour of sound; 4,096 is OpenAI's limit."""
    max_silence_s: float = Field(default=MAX_SILENCE_S, ge=0, allow_inf_nan=False)
    """That the breaks of one text may add up to; its time limit grows by as much."""
    max_body_bytes: int | None = Field(default=None, ge=1024)
    """Of a request, and of a message on a WebSocket. None: what a text of ``max_characters`` can need."""
    whole_s: float = Field(default=7200.0, gt=0)
    """Seconds of sound that are held at once for answers that are sent whole, by each process."""
    timeout_s: float = Field(default=600.0, gt=0)
    """From a request to the last of its sound. A longer text has as much for every 5,000 characters."""
    receive_s: float = Field(default=10.0, gt=0)
    """For a request to arrive: its headers, and then its body."""
    stall_s: float = Field(default=60.0, gt=0)
    """How long a client may take nothing of what is sent to it."""
    idle_s: float = Field(default=60.0, gt=0)
    """How long a WebSocket may say nothing."""
    drain_s: float = Field(default=30.0, ge=0)
    """For requests to end when the server is stopped."""
    watermark: bool = False
    """Put the inaudible mark of `ssmphony.audio.watermark` into everything that is spoken."""
    log_text: bool = False
    """Write what is spoken to the log."""

    @property
    def body_bytes(self) -> int:
        """The largest request that is read."""
        if self.max_body_bytes is not None:
            return self.max_body_bytes
        return JSON_BYTES_PER_CHARACTER * self.max_characters + OTHER_BODY_BYTES

    def deadline_s(self, characters: int) -> float:
        """Seconds until a text of this length must have been spoken, also to a listener who takes it as it plays."""
        return self.timeout_s * max(1.0, characters / TIMEOUT_CHARACTERS)

    @field_validator("voices", "aliases", "references", "cors_origins", "forwarded_allow_ips", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """One text of the environment or a file may name several, with commas; some may also be a table."""
        if isinstance(value, Mapping):
            return tuple(f"{name}={target}" for name, target in value.items())
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            if proxy != "*":
                ip_network(proxy)  # uvicorn takes what is neither as a name that matches nothing
        if "*" in value and len(value) > 1:
            raise ValueError("'*' stands for all: give it alone")
        return value

    @field_validator("api_key")
    @classmethod
    def _not_empty(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("an empty key would let everyone in: leave it out, or give one")
        return value


def read_settings(
    flags: Mapping[str, Any], environment: Mapping[str, str] | None = None, file: Path | None = None
) -> ServeSettings:
    """``flags`` over ``environment`` over ``file`` (.toml, .yaml) over defaults.

    Raises `SsmphonyError` for a name that does not exist and a value that does not fit.
    """
    from_file = _read_file(file) if file is not None else {}
    parse(ServeSettings, from_file, str(file))
    from_environment = _read_environment(environment or {})
    parse(ServeSettings, from_environment, "the environment")
    return parse(ServeSettings, {**from_file, **from_environment, **flags}, "serve")


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX) or _is_of_a_service(variable, value):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in ServeSettings.model_fields:
            known = [f"{PREFIX}{field.upper()}" for field in ServeSettings.model_fields]
            raise SsmphonyError(f"unknown setting {variable} in the environment{suggest(variable, known)}")
        found[name] = value
    return found


def _is_of_a_service(variable: str, value: str) -> bool:
    """Whether Kubernetes has set it, as it does in every container for each service of the namespace.

    For a service ``ssmphony-serve`` these are SSMPHONY_SERVE_SERVICE_HOST, .._SERVICE_PORT, .._SERVICE_PORT_<name of a
    port>, .._PORT (an address, ``tcp://10.0.0.1:8000``), .._PORT_8000_TCP, .._PORT_8000_TCP_PROTO, .._PORT and .._ADDR.
    """
    if variable.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(value):
        return True
    return _SERVICE.fullmatch(variable) is not None


def _read_file(path: Path) -> dict[str, Any]:
    if path.suffix in (".yaml", ".yml"):
        return load_yaml(path)
    if path.suffix != ".toml":
        raise SsmphonyError(f"{path}: a file of settings ends in .toml or .yaml")
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # pyright: ignore[reportMissingImports]
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SsmphonyError(f"no such file of settings: {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SsmphonyError(f"{path}: not valid TOML: {str(error).splitlines()[0]}") from None
