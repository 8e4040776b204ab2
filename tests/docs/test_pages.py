"""The pages agree with the repository: links, targets, paths and the state of the systems."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from benchmarks.overview import SYSTEMS
from ssmphony.models import MODELS
from ssmphony.models.sample_models import SAMPLE_MODELS
from tests.docs.pages import PAGES, ROOT

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
README = (ROOT / "README.md").read_text(encoding="utf-8")
SYSTEM_PAGES = [page for page in PAGES if page.parent.name == "systems" and page.name != "index.md"]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    code = re.findall(r"`make ([a-z-]+)", text_of(page)) + re.findall(r"^make ([a-z-]+)", text_of(page), re.MULTILINE)
    assert set(code) <= TARGETS


def test_readme_shows_both_commands() -> None:
    assert re.findall(r"<!-- command: (\w+) -->\n```sh\nmake (\w+)", README) == [("speak", "speak"), ("test", "test")]


def anchors(page: Path) -> set[str]:
    """Of the headings: the id that a heading names in braces, or what is made of its title."""
    found: set[str] = set()
    for title in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE):
        named = re.search(r"\{#([\w-]+)\}$", title)
        found.add(named[1] if named else re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    text = re.sub(r"<!--.*?-->|\]\([^)]*\)", "", text_of(page))  # links lead from the page, not from the root
    for path in re.findall(r"\b((?:configs|benchmarks|tests|tools)/[\w./-]*\w)", text):
        assert (ROOT / path).exists(), f"{page.name}: {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_tests_exist(page: Path) -> None:
    for file, name in re.findall(r"\b(tests/[\w/]+\.py)::(\w+)", text_of(page)):
        assert f"def {name}(" in text_of(ROOT / file), f"{page.name}: {file}::{name}"


OUTLINE = ["What it is", "Shapes", "Train", "Evaluate", "Export", "Its voice", "Limits"]


def test_every_model_is_in_the_table_of_systems() -> None:
    configs = [*MODELS.values(), SAMPLE_MODELS["sashimi"]]  # the other models of samples are compared with it
    files = {Path(inspect.getfile(config)).relative_to(ROOT / "src/ssmphony").as_posix() for config in configs}
    assert {system.file for system in SYSTEMS if system.built and system.file.startswith("models/")} == files


def test_every_built_system_has_a_page_by_one_outline() -> None:
    assert {page.stem for page in SYSTEM_PAGES} == {system.name for system in SYSTEMS if system.built}
    navigation = text_of(ROOT / "mkdocs.yml")
    for page in SYSTEM_PAGES:
        titles = re.findall(r"^## (.+)$", text_of(page), re.MULTILINE)
        assert [title.replace("Its voices", "Its voice") for title in titles][: len(OUTLINE)] == OUTLINE, page
        assert f"systems/{page.name}" in navigation
        assert "](https://arxiv.org/abs/" in text_of(page)


def test_generated_parts_are_closed() -> None:
    mark = re.compile(r"^<!-- (generated: (?:benchmarks|docs)/[\w-]+|end generated) -->$", re.MULTILINE)
    for page in PAGES:
        marks = mark.findall(text_of(page))
        assert [mark == "end generated" for mark in marks] == [False, True] * (len(marks) // 2), page
    assert "<!-- generated: benchmarks/promises -->" in README
