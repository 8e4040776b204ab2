"""The reference lists every public name, and every name that it lists is there, with a docstring."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ssmphony
from ssmphony import engine, interfaces, tokens, types
from tests.docs.pages import ROOT

PAGES = {page.stem: page.read_text(encoding="utf-8") for page in (ROOT / "docs/reference").glob("*.md")}
LISTED = [name for text in PAGES.values() for name in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)]


def resolved(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except AttributeError:
        return import_module(name)


@pytest.mark.parametrize("name", LISTED)
def test_what_is_listed_is_there_and_documented(name: str) -> None:
    assert resolved(name).__doc__


def public(module: Any) -> set[str]:
    """Classes that a module defines, as their users see them."""
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
    }


def test_public_names_are_listed() -> None:
    listed = {name.rsplit(".", 1)[-1] for name in LISTED}
    assert listed >= set(ssmphony.__all__) - {"__version__"}
    assert listed >= public(types) | public(tokens)
    assert "::: ssmphony.interfaces\n" in PAGES["interfaces"]
    assert len(public(interfaces)) >= 5
    members = re.search(r"members: \[(.+)\]", PAGES["engine"])
    assert members is not None
    assert set(members[1].split(", ")) == set(engine.__all__)


def test_reference_is_in_the_navigation() -> None:
    navigation = Path(ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for stem in PAGES:
        assert f"reference/{stem}.md" in navigation
