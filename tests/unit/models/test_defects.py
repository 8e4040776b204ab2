"""What went wrong in earlier S4 voices, where the model and its training are concerned.

Each test fails on the code that had the defect. Those of the layers are in `tests/unit/ssm/test_defects.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from ssmphony.codecs import CODECS
from ssmphony.data.dataset import Batch, Corpus
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.models import MODELS
from ssmphony.models.lewm import LeWMConfig
from ssmphony.models.s4_acoustic import S4Acoustic, S4AcousticConfig
from ssmphony.nn import BidirectionalBlock, Block
from ssmphony.ssm import StateSpaceMixer
from ssmphony.training.losses import masked_mean
from ssmphony.training.targets import align, average
from ssmphony.training.tasks.s4_acoustic import S4AcousticTask, S4AcousticTaskConfig
from ssmphony.types import MelFormat

SYMBOLS = ("_", "^", "a", "b", "c", ".")
TONES = {"^": 0.0, "a": 300.0, "b": 900.0, "c": 2500.0, ".": 0.0}
#: What each clip says, and for how many frames each symbol lasts: never a fixed number.
CLIPS = (
    (("^", "a", "b", "c", "."), (4, 20, 9, 14, 5)),
    (("^", "b", "a", "."), (6, 5, 25, 8)),
    (("^", "c", "."), (3, 12, 3)),
)
MODEL = S4AcousticConfig(
    n_symbols=len(SYMBOLS), speakers=("own",), d_model=8, d_ffn=12, d_state=4, n_layers=2, decoder_layers=2
)


def sound(symbols: tuple[str, ...], frames: tuple[int, ...]) -> np.ndarray:
    """Each symbol is a tone; half a frame is cut, so that the mel has exactly the frames that were asked for."""
    parts = []
    for symbol, count in zip(symbols, frames, strict=True):
        time = np.arange(count * 256) / 24_000
        parts.append(0.3 * np.sin(2 * np.pi * TONES[symbol] * time) + 1e-3 * np.cos(40.0 * time))
    return np.concatenate(parts)[:-128].astype(np.float32)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> S4AcousticTask:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "audio").mkdir()
    (folder / "f0").mkdir()
    clips = []
    for index, (symbols, frames) in enumerate(CLIPS):
        samples = sound(symbols, frames)
        soundfile.write(folder / "audio" / f"{index}.flac", samples, 24_000)
        f0 = np.repeat([TONES[symbol] for symbol in symbols], frames).astype(np.float32)
        np.save(folder / "f0" / f"{index}.npy", f0)
        clips.append(
            Clip(f"{index}", f"audio/{index}.flac", len(samples) / 24_000, "own", "hi", "", symbols,
                 words=((1, len(symbols) - 1),))
        )  # fmt: skip
    write_manifest(folder, clips)
    torch.manual_seed(0)
    corpora = (Corpus(path=str(folder)),)
    config = S4AcousticTaskConfig(corpora=corpora, validation=corpora)
    return S4AcousticTask(config, MODEL.build().eval(), SYMBOLS, MelFormat(), seed=0)


def oracle_prior(batch: Batch, mel: Tensor) -> Tensor:
    """What a perfect prior says: the mean frame of each symbol over all clips."""
    total = torch.zeros(len(SYMBOLS), mel.shape[2])
    count = torch.zeros(len(SYMBOLS), 1)
    for row, (symbols, frames) in enumerate(CLIPS):
        spoken = torch.tensor([SYMBOLS.index(s) for s in symbols]).repeat_interleave(torch.tensor(frames))
        total.index_add_(0, spoken, mel[row, : len(spoken)])
        count.index_add_(0, spoken, torch.ones(len(spoken), 1))
    return (total / count.clamp(min=1))[batch.ids]


# (i) no aligner: a fixed number of frames a character, loss on frames that speak something else --------------------


def test_durations_are_found_not_fixed(task: S4AcousticTask) -> None:
    batch = task.utterances.batch([0, 1, 2])
    mel = task.model.normalise(batch.mels)
    durations = align(batch, mel, oracle_prior(batch, mel), task.config.anchor_tolerance)
    targets = average(batch, mel, durations, task.mean_log2_f0)
    for row, (_, frames) in enumerate(CLIPS):
        found = targets.durations[row, : len(frames)]
        assert int(found.sum()) == sum(frames) == int(batch.frame_mask[row].sum())
        # windows of four hops blur a boundary
        assert (found - torch.tensor(frames)).cumsum(0).abs().max() <= 2
        assert not targets.durations[row, len(frames) :].any()


def test_prediction_has_the_frames_of_the_recording(task: S4AcousticTask) -> None:
    """Nothing is cropped to the shorter of two lengths: the loss compares every frame with its own."""
    batch = task.utterances.batch([0, 1, 2])
    said = task.reconstruct(batch)
    assert said.output.shape == batch.mels.shape
    assert torch.equal(said.targets.durations.sum(1), batch.frame_mask.sum(1))


def test_loss_compares_each_frame_with_its_own_token(task: S4AcousticTask) -> None:
    """Moving one boundary of the alignment away from the truth costs."""
    batch = task.utterances.batch([0, 1, 2])
    mel = task.model.normalise(batch.mels)
    prior = oracle_prior(batch, mel)[0]
    frames = torch.tensor(CLIPS[0][1])
    assert frames.sum() == mel.shape[1], "the longest clip, which has no padding"

    def distance(durations: Tensor) -> float:
        return float((prior.repeat_interleave(durations, dim=0) - mel[0]).square().mean())

    moved = frames + torch.tensor([0, 4, -4, 0, 0])
    fixed = torch.tensor([11, 11, 10, 10, 10])
    assert distance(frames) < distance(moved) < distance(fixed)


# (ii) no channel mixing and no residual -------------------------------------------------------------------------------


def blocks(model: S4Acoustic) -> list[nn.Module]:
    """Every block of the encoder and of the decoder with a state-space mixer."""
    decoder = [layer for layer in model.decoder.layers if isinstance(layer.mixer, StateSpaceMixer)]
    assert len(decoder) == model.config.decoder_layers
    return [*model.encoder, *decoder]


def run(block: nn.Module, x: Tensor) -> Tensor:
    mask = torch.ones(x.shape[:2], dtype=torch.bool)
    if isinstance(block, BidirectionalBlock):
        return block(x, mask)
    assert isinstance(block, Block)
    return block.forward(x, block.initial_state(len(x)), mask)[0]


def test_channels_mix_in_every_block() -> None:
    """One input channel reaches all the others by way of the mixer alone, and of the feed-forward alone."""
    model = MODEL.build().eval()
    for block in blocks(model):
        x = torch.randn(1, 12, MODEL.d_model, requires_grad=True)
        assert isinstance(block.ffn, nn.Module)
        for y in (run(block, x), block.ffn(x)):
            for channel in range(MODEL.d_model):
                (gradient,) = torch.autograd.grad(y[..., channel].sum(), x, retain_graph=True)
                assert (gradient.abs().sum((0, 1)) > 0).all()


def test_every_block_has_a_residual() -> None:
    model = MODEL.build().eval()
    layers = [*model.encoder, *model.decoder.layers]
    x = torch.randn(2, 12, MODEL.d_model)
    for layer in layers:
        for name, parameter in layer.named_parameters():
            if name.startswith(("mixer.output", "mixer.conv", "ffn.down")):
                nn.init.zeros_(parameter)
        y = run(layer, x)
        ahead = getattr(layer, "lookahead", 0)
        torch.testing.assert_close(y[:, ahead:], x[:, : 12 - ahead])


# (vii) no padding masks in the loss -----------------------------------------------------------------------------------

#: Over what each loss is averaged.
COUNTS = {
    "mel_l1": "frames",
    "mel_mse": "frames",
    "prior": "frames",
    "delta": "steps",
    "duration": "tokens",
    "energy": "tokens",
    "pitch": "tokens",
}


def counts(batch: Batch) -> dict[str, float]:
    frames = float(batch.frame_mask.sum())
    return {
        "frames": frames,
        "steps": frames - len(batch.names),
        "tokens": float(batch.token_mask.sum()),
    }


def test_loss_of_a_batch_is_the_mean_over_its_frames(task: S4AcousticTask) -> None:
    """Short clips next to long ones: padding counts for nothing, in no loss."""
    with torch.no_grad():
        batch = task.utterances.batch([0, 1, 2])
        together, units = task.losses(batch, task.reconstruct(batch)), counts(batch)
        sums = dict.fromkeys(COUNTS, 0.0)
        for index in range(len(CLIPS)):
            alone = task.utterances.batch([index])
            losses, own = task.losses(alone, task.reconstruct(alone)), counts(alone)
            for name, unit in COUNTS.items():
                sums[name] += float(losses[name]) * own[unit]
    assert set(together) == {*COUNTS, "loss"}
    for name, unit in COUNTS.items():
        assert float(together[name]) == pytest.approx(sums[name] / units[unit], rel=1e-4), name


def test_gradients_do_not_see_padding(task: S4AcousticTask) -> None:
    """What a padded batch changes is what its members change, weighted by their frames."""
    batch = task.utterances.batch([0, 2])
    wider = batch._replace(
        ids=nn.functional.pad(batch.ids, (0, 3), value=2),
        word_positions=nn.functional.pad(batch.word_positions, (0, 3), value=1),
        token_mask=nn.functional.pad(batch.token_mask, (0, 3)),
        frame_mask=nn.functional.pad(batch.frame_mask, (0, 11)),
        features={
            "mel": nn.functional.pad(batch.mels, (0, 0, 0, 11), value=9.0),
            "f0": nn.functional.pad(batch.f0, (0, 11)),
        },
    )
    gradients: list[list[Tensor]] = []
    for one in (batch, wider):
        task.model.zero_grad()
        task.losses(one, task.reconstruct(one))["loss"].backward()
        gradients.append([p.grad.clone() for p in task.model.parameters() if p.grad is not None])
    scale = max(float(gradient.abs().max()) for gradient in gradients[0])
    for narrow, wide in zip(*gradients, strict=True):
        torch.testing.assert_close(wide, narrow, atol=1e-4 * scale, rtol=1e-3)


def test_masked_mean() -> None:
    values = torch.tensor([[1.0, 2.0, 600.0], [5.0, -700.0, 800.0]])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    assert float(masked_mean(values, mask)) == pytest.approx(8 / 3)
    assert float(masked_mean(values, torch.zeros_like(mask))) == 0.0


# (viii) complex parameters ------------------------------------------------------------------------------------------


BUILT = {
    "s4_acoustic s4": MODEL.model_copy(update={"decoder_mixer": "s4"}),
    "s4_acoustic s4d": MODEL.model_copy(update={"decoder_mixer": "s4d"}),
    "lewm": LeWMConfig(n_symbols=9, speakers=("a",), d_model=8, d_ffn=12, n_heads=2, text_layers=1, n_layers=2),
    "s4_spectrum": MODELS["s4_spectrum"].tiny(9)[""],
    "fish": MODELS["fish"].tiny(9)["cross"],
    "smamba": MODELS["smamba"].tiny(9)["mamba2"],
    "mel_vocoder": CODECS["mel_vocoder"](),
    "fsq": CODECS["fsq"].tiny()[""],
    "spectrum": CODECS["spectrum"].tiny()[""],
}


@pytest.mark.parametrize("name", BUILT)
def test_nothing_that_is_trained_or_saved_is_complex(name: str) -> None:
    assert set(MODELS) == {name.split()[0] for name in BUILT} & set(MODELS), "name the new model in BUILT"
    module = BUILT[name].build()
    assert isinstance(module, nn.Module)
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers()), **module.state_dict()}
    assert len(tensors) > 10
    assert not [name for name, value in tensors.items() if value.is_complex()]
