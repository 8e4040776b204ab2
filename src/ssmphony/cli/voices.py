"""``ssmphony voices``: list the installed voices, install others and publish one's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.options import Voice, VoiceArgument
from ssmphony.cli.progress import terminal_bar

if TYPE_CHECKING:
    from ssmphony.voices.index import VoiceEntry

voices = typer.Typer(help="List the installed voices; install others, and publish yours.", invoke_without_command=True)

_SAMPLE_TEXT = "नमस्ते। आज मौसम बहुत अच्छा है, और यह मेरी आवाज़ है।"
Origin = Annotated[
    str | None,
    typer.Option("--from", help="A folder, https://… or hf://OWNER/REPOSITORY; default: $SSMPHONY_VOICE_SOURCE."),
]


@voices.callback()
def _bare(ctx: typer.Context) -> None:
    """List the installed voices; install others, and publish yours."""
    if ctx.invoked_subcommand is None:
        _list_installed()


@voices.command("list")
def list_voices(origin: Origin = None) -> None:
    """List the installed voices, or with --from those that a source offers."""
    if origin is None:
        _list_installed()
        return
    from ssmphony.voices.index import shown_size
    from ssmphony.voices.package import installed
    from ssmphony.voices.sources import open_source, read_index

    here = installed()
    for entry in read_index(open_source(origin)).voices:
        size = shown_size(entry.size) + (", installed" if entry.name in here else "")
        speakers = f"{len(entry.speakers)} speakers, " if len(entry.speakers) > 1 else ""
        about = entry.description or entry.name
        typer.echo(f"{entry.name:16} {entry.language:4} {about} ({speakers}{entry.licence}, {size})")


@voices.command()
def show(
    name: VoiceArgument,
) -> None:
    """Show the whole card of a voice."""
    from ssmphony.voices.manifest import read_manifest
    from ssmphony.voices.package import locate

    card = read_manifest(locate(name)).card
    for label, value in (
        ("name", card.name),
        ("language", card.language),
        ("speakers", ", ".join(_labelled(speaker, card.speaker_names) for speaker in card.speakers)),
        ("licence", card.licence),
        ("attribution", card.attribution),
        ("description", card.description),
    ):
        if value:
            typer.echo(f"{label + ':':13}{value}")


@voices.command()
def get(
    name: Annotated[str, typer.Argument(help="A voice of the source; `voices list --from SOURCE` shows them.")],
    origin: Origin = None,
    called: Annotated[str | None, typer.Option("--as", help="Install it under this name.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an installed voice of this name.")] = False,
) -> None:
    """Install a voice. Every file must have the checksum that the index of the source gives."""
    from ssmphony.voices.index import shown_size
    from ssmphony.voices.install import install
    from ssmphony.voices.sources import open_source, read_index

    source = open_source(origin)
    entry = read_index(source).entry(name, source.where)
    with _download_bar(entry) as advance:
        folder = install(entry, source, name=called, replace=replace, progress=advance)
    typer.echo(f"{folder.name} ({entry.licence}, {shown_size(entry.size)}) is in {folder}")
    if entry.attribution:
        typer.echo(f"attribution: {entry.attribution}")


@voices.command()
def push(
    voice: VoiceArgument,
    target: Annotated[str, typer.Option("--to", help="A folder, or hf://OWNER/REPOSITORY.")],
    name: Annotated[str | None, typer.Option(help="Its name there; default: its name here.")] = None,
    sample: Annotated[
        Path | None, typer.Option(help="A recording of it; default: a Hindi sentence that it speaks.")
    ] = None,
) -> None:
    """Publish a voice: copy it into a folder or a repository, and add it to the index there."""
    from ssmphony.voices.index import shown_size
    from ssmphony.voices.manifest import read_manifest
    from ssmphony.voices.package import locate
    from ssmphony.voices.publish import publish

    folder = locate(voice)
    with tempfile.TemporaryDirectory() as scratch:
        if sample is None and read_manifest(folder).language == "hi":
            sample = Path(scratch) / "sample.mp3"
            _speak_sample(folder, sample)
        entry = publish(folder, target, name=name, sample=sample)
    typer.echo(f"{entry.name} ({entry.licence}, {len(entry.files)} files, {shown_size(entry.size)}) is in {target}")


@voices.command()
def make_reference(
    recording: Annotated[Path, typer.Argument(help="A recording of the speaker: a few seconds, without noise.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A .safetensors file.")],
    voice: Voice = None,
) -> None:
    """Save what a voice needs of a recording to speak like it, for `say --reference` and `serve --reference`."""
    import ssmphony
    from ssmphony.cli.reference import read_reference
    from ssmphony.reference import save_reference

    reference = read_reference(recording, ssmphony.load(voice))
    save_reference(reference, output)
    typer.echo(f"{output}: {', '.join(f'{key} {array.shape}' for key, array in reference.arrays.items())}")


def _list_installed() -> None:
    from ssmphony.types import SsmphonyError
    from ssmphony.voices.manifest import read_manifest
    from ssmphony.voices.package import installed, voice_folders

    found = installed()
    if not found:
        raise SsmphonyError(f"no voice is installed in {' or '.join(str(home) for home in voice_folders())}")
    for voice, folder in found.items():
        try:
            card = read_manifest(folder).card
            typer.echo(f"{voice:16} {card.language:4} {card.description or card.name}")
        except SsmphonyError as error:
            typer.echo(f"{voice:16} damaged: {error}", err=True)


def _labelled(speaker: str, names: Mapping[str, str]) -> str:
    return f"{speaker}: {names[speaker]}" if speaker in names else speaker


def _speak_sample(folder: Path, path: Path) -> None:
    import ssmphony
    from ssmphony.audio.files import AudioWriter

    voice = ssmphony.load(folder)
    with AudioWriter(path, voice.sample_rate) as writer:
        for chunk in voice.stream(_SAMPLE_TEXT):
            writer.write(chunk.samples)


@contextmanager
def _download_bar(entry: VoiceEntry) -> Generator[Callable[[int], None], None, None]:
    """A bar on the terminal: how much has been downloaded, how fast, and the time that remains."""
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

    with terminal_bar(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("", total=entry.size)
        yield lambda size: bar.advance(task, size)
