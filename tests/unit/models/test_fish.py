"""Fish Speech on state spaces: training equals speaking, in every form of text and frame, and what a style can ask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ssmphony.models.fish import UNNAMED, FishConfig
from ssmphony.models.fish_model import PROMPT, Fish
from ssmphony.sampling import NO_CODE, Sampler
from ssmphony.types import Reference, SsmphonyError, Style, Tokens
from tests.contract.speaking import build, sentence, set_end

SENTENCE = sentence(9)
TEXTS, FRAMES = ("aligned", "cross", "prefix"), ("parallel", "delay", "depth")


def tiny(text: str, frame: str, **settings: Any) -> Fish:
    torch.manual_seed(0)
    forms = FishConfig.tiny(12)
    changes = {"text": text, "frame": frame, "guidance": 1.0, "sampler": Sampler(temperature=0.0), **settings}
    config = forms["aligned"].model_copy(update=changes)
    model = config.build().eval()
    for name, parameter in model.named_parameters():
        if name.startswith(("head.", "depth.head")):
            torch.nn.init.normal_(parameter, std=0.5)
    set_end(model, never=True)
    if model.aligned is not None:
        torch.nn.init.constant_(model.aligned.duration.head.bias, 0.7)
    return model


def spoken(model: Fish, style: Style = Style()) -> tuple[torch.Tensor, torch.Tensor]:
    """The frames (n, codebook) of `SENTENCE`, and the tokens that they speak."""
    state, frames, tokens = model.begin([SENTENCE], [style]), [], []
    while not bool(state.done):
        made, state = model.step(state)
        frames.append(made.values[0, : int(made.lengths)])
        tokens.append(made.tokens[0, : int(made.lengths)])
    return torch.cat(frames), torch.cat(tokens)


@torch.no_grad()
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("text", TEXTS)
def test_teacher_forcing_predicts_what_was_spoken(text: str, frame: str) -> None:
    """The likeliest codes, given those that the greedy model drew, are these codes."""
    model = tiny(text, frame)
    frames, _ = spoken(model)
    assert len(frames.unique(dim=0)) > 1
    mask = torch.ones(1, len(frames), dtype=torch.bool)
    codes, mask = model.delayed(frames[None], mask)
    ids, present = torch.tensor([SENTENCE.ids]), torch.ones(1, len(SENTENCE), dtype=torch.bool)
    h = model.read(ids, present, torch.zeros(1, dtype=torch.long))
    ends = None if model.aligned is None else model.aligned.ends(h, present, None, model.max_frames(present))
    made = model.teacher_forced(codes, codes, mask, h, present, ends)
    likeliest, drawn = made.logits.argmax(-1), codes[mask]
    assert torch.equal(likeliest[drawn != NO_CODE], drawn[drawn != NO_CODE])


def test_delayed_codes_come_later() -> None:
    model = tiny("cross", "delay")
    frames = torch.tensor([[[1, 2, 3], [4, 5, 6], [0, 0, 0]]])
    codes, mask = model.delayed(frames, torch.tensor([[True, True, False]]))
    assert codes[0].tolist() == [[1, -1, -1], [4, 2, -1], [-1, 5, 3], [-1, -1, 6], [-1, -1, -1]]
    assert mask[0].tolist() == [True, True, True, True, False]


@torch.no_grad()
def test_aligned_speech_says_every_token_in_its_time() -> None:
    model = tiny("aligned", "parallel")
    frames, tokens = spoken(model)
    assert tokens.unique().tolist() == list(range(len(SENTENCE)))
    assert torch.equal(tokens, tokens.sort().values)
    slow, _ = spoken(model, Style(speed=0.5))
    assert abs(len(slow) - 2 * len(frames)) <= 1


@torch.no_grad()
def test_a_style_draws_codes_its_own_way() -> None:
    model = tiny("aligned", "parallel", sampler=Sampler())
    likeliest, _ = spoken(model, Style(temperature=0.0))
    assert torch.equal(spoken(model, Style(temperature=0.0, seed=5))[0], likeliest)
    assert torch.equal(spoken(model, Style(top_k=1))[0], likeliest)
    assert torch.equal(spoken(model, Style(top_p=1e-6))[0], likeliest)
    drawn = spoken(model, Style(seed=1))[0]
    assert not torch.equal(drawn, likeliest)
    assert not torch.equal(drawn, spoken(model, Style(seed=2))[0])
    for wrong in ({"temperature": 3.0}, {"top_k": -1}, {"top_p": 0.0}):
        with pytest.raises(SsmphonyError, match="is out of range"):
            Style(**wrong)  # type: ignore[arg-type]


@torch.no_grad()
@pytest.mark.parametrize("text", ["aligned", "cross"])
def test_a_reference_is_the_state_after_its_codes(text: str) -> None:
    """The prompt is computed once; the model then speaks as if it had read these codes first."""
    model = tiny(text, "depth")
    codes = torch.randint(0, 11, (17, 3), generator=torch.Generator().manual_seed(3))
    array = model.prompt(codes)
    (entry,) = model.reference_inputs
    assert array.shape == (entry.max_steps, entry.channels)
    like = Style(reference=Reference({PROMPT: array.numpy()}))
    state = model.begin([SENTENCE, SENTENCE], [like, Style()])
    after = model.after_prompt(codes[None], torch.ones(1, 17, dtype=torch.bool))
    fresh = model.initial_layers(1)
    leaves = torch.utils._pytree.tree_leaves
    for both, prompted, plain in zip(leaves(state.layers), leaves(after), leaves(fresh), strict=True):
        torch.testing.assert_close(both[0], prompted[0])
        torch.testing.assert_close(both[1], plain[0])
    some = model.after_prompt(codes.repeat(3, 1, 1), torch.tensor([[False], [True], [False]]).expand(-1, 17))
    for rows, prompted, plain in zip(leaves(some), leaves(after), leaves(fresh), strict=True):
        torch.testing.assert_close(rows[1], prompted[0])
        torch.testing.assert_close(rows[::2], torch.cat([plain, plain]))
    named = model.begin([SENTENCE], [Style(speaker=UNNAMED)])
    torch.testing.assert_close(state.memory[0][0], named.memory[0][0])
    assert not torch.equal(spoken(model, like)[0], spoken(model)[0])


@torch.no_grad()
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("text", ["aligned", "cross"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_prompt_is_made_of_steps_without_text(text: str, frame: str, guidance: float) -> None:
    """So that the graph of a step makes references, too."""
    model = tiny(text, frame, guidance=guidance)
    codes = torch.randint(0, 11, (7, 3), generator=torch.Generator().manual_seed(3))
    rows, _ = model.delayed(codes[None], torch.ones(1, 7, dtype=torch.bool))
    memory, layers = model.begin([SENTENCE], [Style()]).memory, model.initial_layers(1)
    absent, one = torch.zeros(1, model.max_tokens, dtype=torch.bool), torch.ones(1, dtype=torch.long)
    for row in rows[0]:
        layers = model.advance(row[None], one, torch.zeros(1), memory, absent, layers).layers
    flat = torch.cat([leaf.flatten() for leaf in torch.utils._pytree.tree_leaves(layers) if leaf.is_floating_point()])
    torch.testing.assert_close(model.prompt(codes).flatten()[: len(flat)], flat)


@torch.no_grad()
def test_guidance_of_one_pass_is_none_and_more_leads_away() -> None:
    plain, guided = tiny("aligned", "depth"), tiny("aligned", "depth", guidance=3.0)
    guided.load_state_dict(plain.state_dict())
    assert not torch.equal(spoken(guided)[0], spoken(plain)[0])
    guided.config = guided.config.model_copy(update={"guidance": 1.0 + 1e-6})
    assert torch.equal(spoken(guided)[0], spoken(plain)[0])


def test_settings_that_do_not_fit_are_refused() -> None:
    shape = FishConfig.tiny(12)["aligned"].model_dump()
    for wrong, message in (
        ({"codebooks": (11, 7)}, "must be of one size"),
        ({"codebooks": (11,)}, "needs several codebooks"),
        ({"text": "prefix"}, "guidance needs text"),
        ({"mixers": ({"kind": "s4", "d_model": 9},)}, "leave it out"),
    ):
        with pytest.raises(ValueError, match=message):
            FishConfig.model_validate({**shape, **wrong})


def test_lora_finds_layers_by_the_names_of_their_groups() -> None:
    model = build("fish aligned")
    modules = dict(model.named_modules())
    names = model.lora_target_modules(["mamba", "s4"])
    assert len(names) == 2 * 2 + 2
    assert all(isinstance(modules[name], torch.nn.Linear) for name in names)
    assert set(model.lora_target_modules(["head"])) == {"head"}
    with pytest.raises(SsmphonyError, match="unknown group of layers 'mambo', did you mean 'mamba'"):
        model.lora_target_modules(["mambo"])
    with pytest.raises(SsmphonyError, match="no layer of the group 'mamba'"):
        build("fish attention").lora_target_modules(["mamba"])


@torch.no_grad()
def test_any_number_of_frames_costs_one_state() -> None:
    """What is kept has the same size after any number of frames."""
    model = tiny("cross", "parallel")
    leaves = torch.utils._pytree.tree_leaves
    state = model.begin([SENTENCE], [Style()])
    sizes = [leaf.numel() for leaf in leaves(state)]
    for _ in range(5):
        _, state = model.step(state)
    assert [leaf.numel() for leaf in leaves(state)] == sizes
    assert np.isfinite([float(leaf.float().abs().max()) for leaf in leaves(state) if leaf.numel()]).all()


@torch.no_grad()
def test_one_token_is_spoken() -> None:
    for text in TEXTS:
        model = tiny(text, "delay")
        set_end(model, never=False)
        frames, state = model.step(model.begin([Tokens((3,), ("x",))], [Style()]))
        assert frames.lengths.tolist() == [1]
        assert bool(state.done)
