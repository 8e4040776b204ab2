"""``ssmphony prepare``, ``train`` and ``export``: making a voice. They need the extra ``train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssmphony.cli.engines import Engine, EngineName, engine_of
from ssmphony.cli.options import Workers
from ssmphony.cli.progress import count_bar
from ssmphony.extras import needs_extra

if TYPE_CHECKING:
    from ssmphony.export.voice import CardConfig
    from ssmphony.training.config import VoiceConfig

Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated.")
]


def prepare(
    kind: Annotated[
        str, typer.Argument(help="audio, curious, espeak, folder, fsdd, hindi_digits, kokoro, ljspeech or music.")
    ],
    source: Annotated[
        list[Path],
        typer.Argument(
            help="The corpus; for espeak and kokoro, texts of sentences; for hindi_digits and music, a folder for what "
            "is rendered."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--output", help="The folder for the prepared corpus.")],
    settings: Settings = None,
    frontend: Annotated[
        str | None, typer.Option(help="The kind of frontend that reads the texts; default: hindi.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A training file: prepare for its frontend, and for its codec's sample rate.")
    ] = None,
    sample_rate: Annotated[
        int | None,
        typer.Option(min=4_000, metavar="HZ", help="Rate of the clips; default: 24000, or that of --config."),
    ] = None,
    check: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            metavar="SHARE",
            help="Leave out clips in which a recogniser reads more than this share of the phones differently.",
        ),
    ] = None,
    align: Annotated[
        bool, typer.Option("--align", help="Find the phone times of recordings with a recogniser.")
    ] = False,
    workers: Workers = None,
    engine: Engine = EngineName.LOCAL,
) -> None:
    """Turn a corpus into training data. Run it again to continue where it was stopped."""
    with needs_extra("train"):
        from ssmphony.data.corpora.registry import READERS
        from ssmphony.data.finish import Limits
        from ssmphony.data.prepare import prepare as run
        from ssmphony.data.prepare import reader_from
        from ssmphony.evaluation.models.recogniser import PhoneError, PhoneTimes

    corpus: dict[str, Any] = {"kind": kind}
    several = kind in READERS and "path" not in READERS[kind].model_fields
    if several:
        corpus["texts"] = source
    elif len(source) == 1:
        corpus["path"] = source[0]
    else:
        raise typer.BadParameter("give one folder", param_hint="SOURCE")
    limits = Limits(phone_error=check, phone_times=align)
    if config is not None:
        voice = _voice_block(config)
        corpus["frontend"] = voice.frontend
        rate = voice.codec_settings().build().grid.sample_rate
        limits = limits.model_copy(update={"sample_rate": rate})
    if sample_rate is not None:
        limits = limits.model_copy(update={"sample_rate": sample_rate})
    if frontend is not None:
        corpus["frontend"] = frontend
    corpus.update(_pair(setting) for setting in settings or ())
    reader = reader_from(corpus)
    if layout := reader.layout():
        typer.echo(layout, err=True)
    with count_bar() as progress:
        done = run(
            reader,
            out,
            limits=limits,
            phone_error=PhoneError() if check is not None else None,
            phone_times=PhoneTimes() if align else None,
            workers=workers,
            engine=engine_of(engine),
            progress=progress,
        )
    typer.echo(
        f"{done.clips} clips, {done.seconds / 60:.1f} minutes in {out}; {done.rejected} left out (rejected.jsonl)"
    )


def _voice_block(config: Path) -> VoiceConfig:
    """The voice block of a training file. Raises `SsmphonyError`."""
    from ssmphony.config import load_yaml, parse
    from ssmphony.training.config import VoiceConfig
    from ssmphony.types import SsmphonyError

    block = load_yaml(config).get("voice")
    if not isinstance(block, dict):
        raise SsmphonyError(f"{config}: missing key 'voice'")
    return parse(VoiceConfig, block, f"{config}: voice")


def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, such as those in configs/.")],
    settings: Settings = None,
    init: Annotated[str | None, typer.Option(help="Start from the weights of a checkpoint or of a voice.")] = None,
) -> None:
    """Train a voice or a vocoder. Run it again to resume."""
    with needs_extra("train"):
        from ssmphony.training.run import train as run

    typer.echo(run(config, tuple(settings or ()), init))


Trained = Annotated[str, typer.Option(help="The trained model: a run, a checkpoint or a voice.")]
Frames = Annotated[Path, typer.Option("-o", "--output", help="The folder for the frames.")]
TrainedWith = Annotated[Path, typer.Argument(help="The YAML file that the acoustic model was trained with.")]


def distill(config: TrainedWith, init: Trained, out: Frames, settings: Settings = None) -> None:
    """Write the frames that an acoustic model predicts for every clip, to train a vocoder, and its phone durations.

    Run it again to resume.
    """
    with needs_extra("train"):
        from ssmphony.training.distill import distill as write_frames

    with count_bar() as progress:
        clips = write_frames(
            config,
            tuple(settings or ()),
            init,
            out,
            progress=progress,
        )
    typer.echo(f"frames of {clips} clips in {out}")


def mels(config: TrainedWith, init: Trained, out: Frames, settings: Settings = None) -> None:
    """The former name of `distill`."""
    typer.echo("the command mels is now called distill: use ssmphony distill", err=True)
    distill(config, init, out, settings)


def export(
    run: Annotated[Path, typer.Argument(help="The folder of the training run, or a checkpoint in it.")],
    out: Annotated[Path, typer.Argument(help="The folder for the package; for a recogniser, a .safetensors file.")],
    codec: Annotated[
        Path | None,
        typer.Option(help="The codec: a run, a checkpoint, a voice or public Vocos weights; default: the run's own."),
    ] = None,
    card: Annotated[
        Path | None, typer.Option(help="YAML with name, language, description, licence and attribution.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="8 bits in products and filters, 16 in tables: smaller, faster.")
    ] = False,
) -> None:
    """Turn a trained voice, or a codec alone, into a package that runs without PyTorch."""
    with needs_extra("train"):
        from ssmphony.export.codec import export_codec, is_codec_run
        from ssmphony.export.recogniser import export_recogniser, is_recogniser_run
        from ssmphony.export.samples import export_samples, is_sample_run
        from ssmphony.export.source import default_codec, voice_block
        from ssmphony.export.voice import export as write

    from ssmphony.text import build_frontend
    from ssmphony.types import SsmphonyError

    if is_recogniser_run(run):
        export_recogniser(run, out)
        typer.echo(f"{out}: use it with: ssmphony evaluate VOICE --recogniser {out.resolve()} -o report")
        return
    alone = is_codec_run(run) and codec is None
    if int8 and (alone or is_sample_run(run)):
        raise SsmphonyError(f"{run}: --int8 is for voices that read text: leave it out")
    if is_sample_run(run):
        export_samples(run, _card(card, out), out)
        typer.echo(f"{out}: try it with: ssmphony generate --voice {out.resolve()}")
        return
    if alone:
        export_codec(run, _card(card, out), out)
        typer.echo(f"{out}: try it with: ssmphony encode RECORDING -o frames.safetensors --voice {out.resolve()}")
        return
    vocoder = codec or default_codec(run)
    block = voice_block(run, vocoder)
    language = build_frontend(block["frontend"], f"{run}: voice.frontend").language
    write(block, run, vocoder, _card(card, out, language), out, int8)
    typer.echo(f"{out}: try it with: ssmphony say --voice {out.resolve()} -o hello.wav TEXT")


def _card(card: Path | None, out: Path, language: str | None = None) -> CardConfig:
    """What a file says, or else what can be known without one."""
    from ssmphony.config import load_yaml, parse
    from ssmphony.export.voice import CardConfig

    plain = {"name": out.name, "language": language or "und"}  # BCP 47: undetermined
    return parse(CardConfig, load_yaml(card) if card else plain, str(card))


def _pair(setting: str) -> tuple[str, Any]:
    """``key=value``; the value is JSON where it reads as such, or else a string."""
    key, equals, value = setting.partition("=")
    if not equals:
        raise typer.BadParameter(f"write {setting} as key=value", param_hint="--set")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
