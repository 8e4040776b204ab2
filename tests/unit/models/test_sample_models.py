"""Models that write samples: causal, the same in steps as whole, and drawn by seed and position alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ssmphony.audio.mu_law import SILENCE
from ssmphony.models.sample_models import SAMPLE_MODELS
from ssmphony.models.samples import SampleModel, SampleModelConfig, draw, numbered
from ssmphony.models.sashimi import Sashimi, SashimiConfig
from ssmphony.types import SsmphonyError, Style

TINY: dict[str, SampleModelConfig] = {
    f"{kind} {form}".strip(): config
    for kind, known in SAMPLE_MODELS.items()
    for form, config in known.tiny().items()  # type: ignore[attr-defined]
}
every_model = pytest.mark.parametrize("name", TINY)
TIME = 31  # no multiple of any frame


def build(name: str) -> SampleModel:
    torch.manual_seed(0)
    return TINY[name].build().eval()


def codes(batch: int = 2) -> Tensor:
    return torch.randint(256, (batch, TIME), generator=torch.Generator().manual_seed(1))


@every_model
def test_no_logit_depends_on_its_own_code_or_later_ones(name: str) -> None:
    model = build(name)
    x = torch.randn(1, 24, TINY[name].d_model, requires_grad=True)
    forms = {"exact": model.run(x, model.initial_memory(1))[0], "by FFT": model.whole(x)}
    for form, y in forms.items():
        for place in (0, 5, 11, 17):
            (gradient,) = torch.autograd.grad(y[0, place].sum(), x, retain_graph=True)
            assert gradient[0, place + 1 :].abs().max() <= (0.0 if form == "exact" else 1e-7)
            assert gradient[0, place].abs().max() > 1e-3
    # the input of a place is the code before it
    given, labels = codes(1), torch.zeros(1, dtype=torch.long)
    other = given.clone()
    other[0, 10] = (other[0, 10] + 100) % 256
    same = (model(given, labels) - model(other, labels)).abs().amax(-1)[0]
    assert same[:11].max() < 1e-6
    assert same[11] > 1e-3


@every_model
def test_steps_equal_the_parallel_form(name: str) -> None:
    model = build(name)
    x = torch.randn(3, 24, TINY[name].d_model)
    whole = model.whole(x)
    memory, steps = model.initial_memory(3), []
    for step in x.unbind(1):
        y, memory = model.run_step(step, memory)
        steps.append(y)
    torch.testing.assert_close(torch.stack(steps, 1), whole, atol=1e-5, rtol=1e-5)


@every_model
def test_chunks_of_any_size_equal_one_run(name: str) -> None:
    model = build(name)
    x = torch.randn(2, TIME, TINY[name].d_model)
    expected, _ = model.run(x, model.initial_memory(2))
    memory, parts = model.initial_memory(2), []
    for part in x.split([1, 7, 2, 13, 8], dim=1):
        y, memory = model.run(part, memory)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 1), expected, atol=1e-5, rtol=1e-5)


@every_model
def test_a_batch_equals_its_members(name: str) -> None:
    model = build(name)
    styles = [Style(seed=3), Style(seed=4, temperature=0.5)]
    together = generate(model, styles, 4)
    for row, style in enumerate(styles):
        assert torch.equal(generate(model, [style], 4)[0], together[row])


@every_model
def test_the_seed_decides_whatever_the_block(name: str) -> None:
    model = build(name)
    twice = TINY[name].model_copy(update={"block": 10}).build().eval()
    twice.load_state_dict(model.state_dict())
    assert torch.equal(generate(model, [Style(seed=7)], 4), generate(twice, [Style(seed=7)], 2))
    assert not torch.equal(generate(model, [Style(seed=7)], 4), generate(model, [Style(seed=8)], 4))


def generate(model: SampleModel, styles: list[Style], blocks: int) -> Tensor:
    state, found = model.begin(styles), []
    for _ in range(blocks):
        part, state = model.step(state)
        found.append(part)
    return torch.cat(found, 1)[..., 0]


def test_generated_codes_are_likely_under_the_parallel_form() -> None:
    """What is drawn at temperature 0 is the likeliest code of the logits over the whole."""
    model = build("sashimi s4")
    drawn = generate(model, [Style(temperature=0.0)], 6)
    torch.testing.assert_close(model(drawn, torch.zeros(1, dtype=torch.long)).argmax(-1), drawn)


@pytest.mark.parametrize("form", ["s4", "mamba"])
def test_compiled_steps_equal_the_others(form: str) -> None:
    model = SashimiConfig.tiny()[form].build().eval().requires_grad_(False)
    assert isinstance(model, Sashimi)
    x = torch.randn(3, 24, 6)
    expected = model.whole(x)
    if not model.compile_steps():
        pytest.skip("no C++ compiler")
    memory, steps = model.initial_memory(3), []
    for step in x.unbind(1):
        y, memory = model.run_step(step, memory)
        steps.append(y)
    torch.testing.assert_close(torch.stack(steps, 1), expected, atol=1e-5, rtol=1e-5)


def test_classes_change_what_is_written_and_unknown_ones_are_named() -> None:
    model = build("sashimi mamba")
    given = codes(1)
    logits = [model(given, torch.tensor([label])) for label in range(3)]
    assert (logits[0] - logits[1]).abs().max() > 1e-3
    assert (logits[1] - logits[2]).abs().max() > 1e-3
    assert [model.label(name) for name in (None, "one", "two")] == [0, 1, 2]
    with pytest.raises(SsmphonyError, match="no class 'three'; the model knows one, two"):
        model.begin([Style(speaker="three")])


def test_what_is_foreseen_depends_on_nothing_later() -> None:
    model = build("sashimi ahead")
    assert isinstance(model, Sashimi)
    first, labels = codes(1)[:, :24], torch.zeros(1, dtype=torch.long)
    other = first.clone()
    other[0, 11] = (other[0, 11] + 100) % 256  # read by step 12, the first of the third frame of six
    _, before = model.foresee(first, labels)
    _, after = model.foresee(other, labels)
    assert before.shape == (1, 4, 2, 20)
    torch.testing.assert_close(before[:, :2], after[:, :2])
    assert not torch.allclose(before[:, 2:], after[:, 2:])


def test_codes_are_drawn_as_often_as_they_are_likely() -> None:
    logits = torch.log(torch.tensor([0.5, 0.2, 0.3])).expand(10_000, 3)
    uniform = (torch.arange(10_000) + 0.5) / 10_000
    drawn = draw(logits, uniform, torch.ones(10_000))
    assert torch.bincount(drawn).tolist() == [5_000, 2_000, 3_000]
    assert draw(logits[:2], torch.tensor([0.0, 1.0 - 1e-12]), torch.ones(2)).tolist() == [0, 2]
    assert draw(logits[:1], torch.tensor([0.9]), torch.zeros(1)).item() == 0


def test_rows_have_seeds_of_their_own() -> None:
    assert [style.seed for style in numbered(Style(seed=5), 3)] == [5, 6, 7]


def test_the_first_code_is_predicted_from_silence() -> None:
    model = build("wavenet")
    logits = model(codes(1), torch.zeros(1, dtype=torch.long))[:, 0]
    before = model.embedding(torch.tensor([[SILENCE]]))
    torch.testing.assert_close(logits, model.read(model.whole(before))[:, 0])


def test_nothing_is_foreseen_in_the_past() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        SashimiConfig(ahead_s=(0.02, -0.01))
