"""``ssmphony serve``. It needs the extra ``serve``."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.completion import voice_names
from ssmphony.extras import needs_extra

if TYPE_CHECKING:
    from ssmphony.server import ServeSettings

Aliases = Annotated[
    list[str] | None, typer.Option(help="Another name for a voice, NAME=VOICE or NAME=VOICE/SPEAKER; may be repeated.")
]
References = Annotated[
    list[str] | None, typer.Option(help="A saved reference that requests may name, NAME=FILE; may be repeated.")
]
Wyoming = Annotated[str | None, typer.Option(help="Also serve Home Assistant, without a key: tcp://127.0.0.1:10200.")]
Watermarked = Annotated[
    bool | None, typer.Option("--watermark", help="Mark what is spoken as synthetic, inaudibly; see ssmphony detect.")
]


def serve(
    voice: Annotated[
        list[str] | None,
        typer.Option(
            help="An installed voice, or the folder of one; may be repeated. The first is the default.",
            autocompletion=voice_names,
        ),
    ] = None,
    lexicon: Annotated[Path | None, typer.Option(help="A TSV file: word, phones or respelling, context.")] = None,
    alias: Aliases = None,
    reference: References = None,
    host: Annotated[str | None, typer.Option(help="Where to listen; default: 127.0.0.1, this machine only.")] = None,
    port: Annotated[int | None, typer.Option(help="Default: 8000; 0 for any that is free.")] = None,
    wyoming: Wyoming = None,
    zeroconf: Annotated[
        bool | None, typer.Option("--zeroconf", help="Announce the port of --wyoming on the local network.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A .toml or .yaml file of settings.")] = None,
    api_key: Annotated[
        str | None, typer.Option(help="The key that clients must send; better in SSMPHONY_SERVE_API_KEY.")
    ] = None,
    cors_origin: Annotated[
        list[str] | None, typer.Option(help="A site whose pages may use the server; may be repeated; '*' for all.")
    ] = None,
    forwarded_allow_ips: Annotated[
        list[str] | None, typer.Option(help="A proxy whose X-Forwarded-For is trusted; default: this machine.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that share the port; default: 1.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads per process; default: cores / workers.")] = None,
    streams: Annotated[int | None, typer.Option(help="Streams spoken at once, per process; default: 128.")] = None,
    queue: Annotated[int | None, typer.Option(help="Streams waiting, per process; default: 128.")] = None,
    connections: Annotated[int | None, typer.Option(help="Open connections, per process; default: 1024.")] = None,
    max_characters: Annotated[int | None, typer.Option(help="Characters of one text; default: 50000.")] = None,
    max_silence_s: Annotated[
        float | None, typer.Option(help="Seconds that the breaks of one text may add up to; default: 3600.")
    ] = None,
    max_body_bytes: Annotated[
        int | None, typer.Option(help="Bytes of one request; default: what max_characters may need.")
    ] = None,
    whole_s: Annotated[
        float | None, typer.Option(help="Seconds of audio held at once for answers sent whole; default: 7200.")
    ] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Seconds for each 5000 characters; default: 600.")] = None,
    receive_s: Annotated[float | None, typer.Option(help="Seconds for a request to arrive; default: 10.")] = None,
    stall_s: Annotated[float | None, typer.Option(help="Seconds that a client may read nothing; default: 60.")] = None,
    idle_s: Annotated[float | None, typer.Option(help="Seconds that a WebSocket may be silent; default: 60.")] = None,
    drain_s: Annotated[float | None, typer.Option(help="Seconds for requests to end at a stop; default: 30.")] = None,
    watermark: Watermarked = None,
    log_text: Annotated[bool | None, typer.Option("--log-text", help="Write what is spoken to the log.")] = None,
) -> None:
    """Speak over HTTP, as clients of OpenAI's speech endpoint expect it, and over WebSockets.

    Each setting may also be given in the environment (SSMPHONY_SERVE_PORT) or in a file; flags take precedence.
    """
    given = {
        "voices": voice,
        "lexicon": lexicon,
        "aliases": alias,
        "references": reference,
        "host": host,
        "port": port,
        "wyoming": wyoming,
        "zeroconf": zeroconf,
        "api_key": api_key,
        "cors_origins": cors_origin,
        "forwarded_allow_ips": forwarded_allow_ips,
        "workers": workers,
        "threads": threads,
        "streams": streams,
        "queue": queue,
        "connections": connections,
        "max_characters": max_characters,
        "max_silence_s": max_silence_s,
        "max_body_bytes": max_body_bytes,
        "whole_s": whole_s,
        "timeout_s": timeout_s,
        "receive_s": receive_s,
        "stall_s": stall_s,
        "idle_s": idle_s,
        "drain_s": drain_s,
        "watermark": watermark,
        "log_text": log_text,
    }
    with needs_extra("serve"):
        from ssmphony.server import read_settings
        from ssmphony.server import serve as run

    settings = read_settings({name: value for name, value in given.items() if value is not None}, os.environ, config)
    run(settings, partial(_greet, settings) if sys.stderr.isatty() else None)


def _greet(settings: ServeSettings, url: str) -> None:
    """Show a person where to start; programs read the log."""
    url = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")  # no address to open
    key = "" if settings.api_key is None else ' -H "Authorization: Bearer YOUR_KEY"'
    lines = [
        f"ssmphony speaks at {url}",
        f"  in a browser:  {url}/",
        f"  in programs:   {url}/docs",
        f"  a first try:   curl {url}/v1/audio/speech{key} -H 'Content-Type: application/json' \\",
        '                   -d \'{"input": "नमस्ते दुनिया"}\' -o hello.mp3',
    ]
    if settings.wyoming is not None:
        lines.append(f"  Home Assistant: {settings.wyoming}")
    typer.echo("\n".join([*lines, "Ctrl-C stops it."]), err=True)
