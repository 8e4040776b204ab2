"""``ssmphony book``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.options import LexiconFile, Pitch, Seed, Speaker, Speed, Voice, Watermarked, Workers
from ssmphony.cli.progress import speech_bar

if TYPE_CHECKING:
    from ssmphony.books.book import Book
    from ssmphony.books.run import Made


def book(
    source: Annotated[Path, typer.Argument(help="A .epub, .docx, .html, .md or .txt file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .m4b, .m4a, .mp3 or .epub file; default: NAME.m4b.")
    ] = None,
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Also write an EPUB that highlights each word as it is spoken.")
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="Show the chapters and stop.")] = False,
    cast: Annotated[
        list[str] | None,
        typer.Option(
            help="WHO=SPEAKER or WHO=SPEAKER@VOICE; WHO: a chapter's number, dialogue, or a role of the book."
        ),
    ] = None,
    voice: Voice = None,
    speaker: Speaker = None,
    speed: Speed = 1.0,
    pitch: Pitch = 0.0,
    seed: Seed = 0,
    lexicon: LexiconFile = None,
    watermark: Watermarked = False,
    title: Annotated[str | None, typer.Option(help="Instead of the book's own.")] = None,
    author: Annotated[str | None, typer.Option(help="Instead of the book's own.")] = None,
    cover: Annotated[Path | None, typer.Option(help="A JPEG or PNG file, instead of the book's own.")] = None,
    level: Annotated[
        int | None, typer.Option("--chapter-level", min=1, max=6, help="Headings down to this level begin chapters.")
    ] = None,
    workers: Workers = None,
) -> None:
    """Turn a book into an audiobook with chapters. Run it again to continue where it was stopped."""
    from ssmphony.books.cast import make_cast, with_roles
    from ssmphony.books.read import read_book, read_picture
    from ssmphony.books.run import EPUB, check_outputs, make_book, work_folder
    from ssmphony.types import Style

    output = output or Path(f"{source.stem}.m4b")
    outputs = [output, output.with_suffix(EPUB)] if overlays and output.suffix.lower() != EPUB else [output]
    if not show:
        check_outputs(source, outputs)
    image = None if cover is None else read_picture(cover)
    found = read_book(source, level).with_details(title, author, image)
    if show:
        _list(found)
        return
    players = make_cast(voice, Style(speed=speed, pitch_semitones=pitch, seed=seed, speaker=speaker), cast or ())
    found = with_roles(found, players)
    begun = time.perf_counter()
    try:
        with speech_bar() as bar:
            made = make_book(
                found,
                players,
                outputs,
                lexicon=lexicon,
                watermark=watermark,
                workers=workers,
                begin=bar.begin,
                progress=bar.advance,
            )
    except (KeyboardInterrupt, SystemExit):
        typer.echo(
            f"run the same command again to continue; what has been spoken is in {work_folder(output)}", err=True
        )
        raise
    _report(made, outputs, time.perf_counter() - begun)


def _list(found: Book) -> None:
    typer.echo(f"{found.title}{' – ' if found.authors else ''}{', '.join(found.authors)}")
    for number, chapter in enumerate(found.chapters, start=1):
        typer.echo(f"{number:4}  {chapter.characters:8,}  {chapter.title}")


def _report(made: Made, outputs: Sequence[Path], wall_s: float) -> None:
    minutes, seconds = divmod(round(made.seconds), 60)
    hours, minutes = divmod(minutes, 60)
    earlier = f"; {made.kept} parts were spoken before" if made.kept else ""
    names = " and ".join(str(path) for path in outputs)
    typer.echo(f"{names}: {made.chapters} chapters, {hours}:{minutes:02}:{seconds:02}, in {wall_s:.0f} s{earlier}")
