"""`ssmphony train` as a user meets it: errors in one line, pictures and sound, weights to start from, no noise."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import pytest
import torch

from ssmphony.config import load_yaml
from ssmphony.data.crops import CropSource
from ssmphony.export.weights import read_weights
from ssmphony.training.config import VoiceConfig
from ssmphony.training.initial import load_fitting
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.codec import CodecTaskConfig
from ssmphony.types import SsmphonyError
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import CONFIGS, checkpoint, events, scalars, settings

SHORT = ("task.optimiser.max_steps=2", "run.checkpoint_steps=1")


@pytest.fixture(scope="module")
def vocoder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(*settings("codec", corpus, tmp_path_factory.mktemp("codec"), *SHORT))


@pytest.fixture(scope="module")
def acoustic(corpus: Path, vocoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained with pictures, and logged as audio through the vocoder."""
    out = tmp_path_factory.mktemp("s4_acoustic")
    return train(*settings("s4_acoustic", corpus, out, *SHORT, f"task.vocoder={vocoder}"))


def test_validation_is_logged_as_pictures_and_audio(acoustic: Path, vocoder: Path) -> None:
    tags = events(acoustic).Tags()
    assert sorted(tags["images"]) == ["alignment/clip-0", "mel/clip-0"]
    assert sorted(tags["audio"]) == ["model, given its prosody/clip-0", "model/clip-0", "recording/clip-0"]
    assert {"train/mel_l1", "train/duration", "train/loss", "val/loss", "val/length_ratio"} <= set(tags["scalars"])
    tags = events(vocoder).Tags()
    assert tags["images"] == ["mel"]
    assert sorted(tags["audio"]) == ["copy", "recording"]


def test_run_folder_says_what_was_trained(acoustic: Path, corpus: Path) -> None:
    assert {path.name for path in acoustic.iterdir()} == {"best.ckpt", "last.ckpt", "config.json", "tensorboard"}
    written = json.loads((acoustic / "config.json").read_text(encoding="utf-8"))
    assert written["voice"]["model"]["d_model"] == 16
    assert written["task"]["corpora"][0]["path"] == str(corpus)


def test_nothing_is_written_to_the_terminal(corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(*settings("codec", corpus, tmp_path, *SHORT))
        train(*settings("codec", corpus, tmp_path, *SHORT, "task.optimiser.max_steps=3"))
    assert capfd.readouterr() == ("", "")


def test_progress_is_a_line_for_each_validation(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train(*settings("codec", corpus, tmp_path, *SHORT, "run.progress=true"))
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("step 2: loss ")
    assert len(err.splitlines()) == 1


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["s4_acoustic", "codec"])
def test_mixed_precision_trains(kind: str, corpus: Path, tmp_path: Path) -> None:
    more = (*SHORT, "run.precision=bf16-mixed", "run.validate_every=100", "task.adversarial.start_step=0")
    kept = [setting for setting in more if kind == "codec" or "adversarial" not in setting]
    out = train(*settings(kind, corpus, tmp_path, *kept))
    for values in scalars(out).values():
        assert all(map(math.isfinite, values.values()))
    assert {value.dtype for value in checkpoint(out / "last.ckpt")["current_model_state"].values()} == {torch.float32}


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["s4_acoustic", "codec"])
def test_discriminators_are_trained_from_their_first_step_on(kind: str, corpus: Path, tmp_path: Path) -> None:
    out = train(*settings(kind, corpus, tmp_path, "task.optimiser.max_steps=5", "run.validate_every=100"))
    logged, state = scalars(out), checkpoint(out / "last.ckpt")["state_dict"]
    for name in ("discriminator", "generator", "features"):
        assert min(logged[f"train/{name}"]) == 3, name  # as tests.unit.training.runs.settings has it
    config, overrides = settings(kind, corpus, tmp_path)
    untrained = build(read_config(config, overrides), str(config)).state_dict()
    weights = [name for name in state if name.startswith("discriminators.") and name.endswith("original1")]
    assert weights
    assert not any(torch.equal(state[name], untrained[name]) for name in weights)


def test_training_starts_from_other_weights(corpus: Path, acoustic: Path) -> None:
    config, overrides = settings("s4_acoustic", corpus, acoustic, "voice.model.speakers=[other, tiny]")
    task = build(read_config(config, overrides), str(config))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    load_fitting(task.voice, acoustic)
    weights = read_weights(acoustic, "model")
    after = task.model.state_dict()
    for name, value in after.items():
        expected = before[name] if name == "speakers.weight" else weights[name]
        assert torch.equal(value, expected), name


def test_init_is_used_once(corpus: Path, acoustic: Path, tmp_path: Path) -> None:
    still = ("task.optimiser.lr=1e-30", "task.optimiser.weight_decay=0")
    config, overrides = settings("s4_acoustic", corpus, tmp_path, *SHORT, *still)
    train(config, overrides, init=str(acoustic / "best.ckpt"))
    started, given = read_weights(tmp_path, "model"), read_weights(acoustic / "best.ckpt", "model")
    assert all(torch.equal(started[name], given[name]) for name in given)
    train(config, (*overrides, "task.optimiser.max_steps=3"), init="nowhere")  # resumed: not read
    assert checkpoint(tmp_path / "last.ckpt")["step"] == 3


@pytest.mark.parametrize(
    ("kind", "setting", "message"),
    [
        ("s4_acoustic", "task.corpora=[{path: nowhere}]", r"no manifest\.jsonl in nowhere: prepare the corpus first"),
        ("s4_acoustic", "task.corpora=[{path: nowhere, exclude: list.txt}]", r"list\.txt: no such file"),
        ("codec", "task.sources=[{path: nowhere}]", r"no manifest\.jsonl in nowhere: prepare the corpus first"),
        ("codec", "task.validation_ids=list.txt", r"list\.txt: no such file"),
        ("s4_acoustic", "task.bach_size=3", r"unknown key 'bach_size', did you mean 'batch_size'\?"),
        ("s4_acoustic", "task.batch_size=0", r"'batch_size': .*greater than or equal to 1"),
        ("s4_acoustic", "task.optimiser.wramup=3", r"unknown key 'optimiser\.wramup', did you mean 'warmup'\?"),
        ("s4_acoustic", "run.presicion=16-mixed", r"unknown key 'run\.presicion', did you mean 'precision'\?"),
        ("s4_acoustic", "run.precision=16", r"'run\.precision': .*'bf16-mixed'"),
        ("s4_acoustic", "task.kind=s4_acustic", r"unknown task 's4_acustic', did you mean 's4_acoustic'\?"),
        ("s4_acoustic", "voice.model.speakers=[somebody]", r"speaker 'tiny' is not in voice\.model\.speakers; add it"),
        ("s4_acoustic", "voice.model.n_mels=80", r"voice\.model\.n_mels is 80 and voice\.codec\.format\.n_mels 100"),
        ("s4_acoustic", "task.vocoder=nowhere", r"unknown voice 'nowhere'"),
        ("codec", "run.accelerator=abacus", r"run: .*abacus"),
        ("codec", "run.strategy=abacus", r"run: .*abacus"),
        ("codec", "run.accelerator=cuda", r"run: "),
        ("codec", "run.out=/proc/nothing", r"/proc/nothing: cannot be written"),
    ],
)
def test_mistakes_are_one_line(kind: str, setting: str, message: str, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=message) as caught:
        train(*settings(kind, corpus, tmp_path / "run", setting))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_codec_without_weights_is_not_trained(corpus: Path) -> None:
    voice = VoiceConfig(codec={"kind": "griffin_lim"})
    task = CodecTaskConfig(sources=(CropSource(path=str(corpus)),))
    with pytest.raises(SsmphonyError, match="a codec of kind 'griffin_lim' is not trained on recordings alone"):
        task.build(voice, seed=0)


@pytest.mark.parametrize("kind", ["s4_acoustic", "recogniser", "lewm", "codec"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("clip-0\nclip-1.wav\n", r"held_out\.txt: no clip of .* has the id 'clip-1\.wav' \(the clip is 'clip-1'\)"),
        ("clip 0\n", r"held_out\.txt: no clip of .* has the id 'clip 0' \(did you mean 'clip-0'\?\)"),
        ("\n", r"held_out\.txt: names no clip of "),
    ],
)
def test_held_out_names_of_no_clip_are_one_line(
    kind: str, content: str, message: str, corpus: Path, tmp_path: Path
) -> None:
    config, overrides = settings(kind, corpus, tmp_path / "run")
    held_out = corpus / "held_out.txt"
    before = held_out.read_text(encoding="utf-8")
    try:
        held_out.write_text(content, encoding="utf-8")
        with pytest.raises(SsmphonyError, match=message) as caught:
            train(config, overrides)
        assert "\n" not in str(caught.value)
    finally:
        held_out.write_text(before, encoding="utf-8")


def test_validation_ids_need_a_corpus(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=r"task\.validation_ids names clips of task\.validation, which is missing"):
        train(*settings("codec", corpus, tmp_path / "run", "task.validation=null"))


@pytest.mark.parametrize(
    ("kind", "part", "message"),
    [
        ("s4_acoustic", "audio/clip-3.flac", r"clip-3\.flac: cannot be read .*prepare the corpus again"),
        ("codec", "audio/clip-3.flac", r"clip-3\.flac: cannot be read .*prepare the corpus again"),
        ("s4_acoustic", "f0/clip-3.npy", r"clip-3\.npy: cannot be read .*prepare the corpus again"),
    ],
)
def test_damaged_file_of_a_corpus_is_one_line(kind: str, part: str, message: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", clips=4)
    (corpus / part).write_bytes(b"damaged")
    with pytest.raises(SsmphonyError, match=message):
        train(*settings(kind, corpus, tmp_path / "run"))


@pytest.mark.parametrize("part", ["audio/clip-3.flac", "f0/clip-3.npy"])
def test_missing_file_of_a_corpus_is_one_line(part: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", clips=4)
    (corpus / part).unlink()
    with pytest.raises(SsmphonyError, match=r"clip-3.*(is missing: prepare the corpus again|no such file)"):
        train(*settings("s4_acoustic", corpus, tmp_path / "run"))
    if part.startswith("audio"):
        with pytest.raises(SsmphonyError, match=r"clip-3\.flac is missing: prepare the corpus again"):
            train(*settings("codec", corpus, tmp_path / "run"))


def test_codec_with_frames_of_its_own_is_trained_alone(corpus: Path, tmp_path: Path) -> None:
    """Not only a vocoder of log-mel: what encodes and decodes has a loss."""
    codec = load_yaml(CONFIGS / "lewm.yaml")["voice"]["codec"]
    pictures = "task.adversarial={start_step: 0, periods: [], windows: [], pictures: {width: 2}}"
    block = f"voice={{codec: {json.dumps({**codec, 'kind': 'lewm'})}}}"
    config, overrides = settings("codec", corpus, tmp_path, *SHORT, block, pictures)
    out = train(config, (*overrides, "task.optimiser.lr=0.01"))
    weights = read_weights(out, "codec")
    assert {"encoder.head.weight", "decoder.head.weight", "vocoder.head.weight"} <= set(weights)
    assert {"train/spectral", "train/generator"} <= set(scalars(out))
    with pytest.raises(SsmphonyError, match="mels are for codecs of log-mel, not for 'lewm'"):
        train(config, (*overrides, f"task.sources=[{{path: {corpus}, mels: {corpus}}}]", f"run.out={tmp_path / 'x'}"))
