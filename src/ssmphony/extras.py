"""Optional dependencies: which command installs those of an extra, given how ssmphony itself was installed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

_NAME = "ssmphony"


@contextmanager
def needs_extra(name: str) -> Generator[None, None, None]:
    """Turn a missing package into a `SsmphonyError` that says how to install the extra ``name``."""
    from ssmphony.types import SsmphonyError  # brings NumPy, which `ssmphony --help` does without

    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == _NAME:
            raise
        raise SsmphonyError(f"this needs {package}: {install_command(name)}") from None


def install_command(extra: str) -> str:
    """The command that adds an extra to this installation.

    It names the checkout, repository or file that ssmphony was installed from. Where none is known, it names the
    packages of the extra.
    """
    from importlib import metadata

    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "src" / _NAME).is_dir():
        return f"pip install -e {shlex.quote(f'{checkout}[{extra}]')}"
    try:
        distribution = metadata.distribution(_NAME)
    except metadata.PackageNotFoundError:
        return f"install the packages of the extra '{extra}', which pyproject.toml lists"
    origin = _origin(json.loads(distribution.read_text("direct_url.json") or "{}"), extra)
    packages = [origin] if origin else _requirements(distribution.requires or [], extra)
    return f"pip install {' '.join(map(shlex.quote, packages))}"


def _origin(direct_url: dict[str, Any], extra: str) -> str | None:
    """What pip is given for the same origin with an extra; None where the origin is unknown or gone.

    The origin is recorded by installers as PEP 610 says.
    """
    url = str(direct_url.get("url", ""))
    if "vcs_info" in direct_url:
        system, commit = direct_url["vcs_info"]["vcs"], direct_url["vcs_info"]["commit_id"]
        return f"{_NAME}[{extra}] @ {system}+{url}@{commit}"
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(url2pathname(parts.path))
        return f"{path}[{extra}]" if path.exists() else None
    return f"{_NAME}[{extra}] @ {url}" if url else None


def _requirements(requires: Sequence[str], extra: str) -> list[str]:
    """The requirements of an extra, with what else they depend on (``python_version < "3.11"``)."""
    found: list[str] = []
    for requirement in requires:
        match = re.fullmatch(rf"([^;]+?)\s*;\s*(?:\(?(.+?)\)? and )?extra == ['\"]{re.escape(extra)}['\"]", requirement)
        if match is not None:
            package, condition = match.groups()
            found.append(package if condition is None else f"{package}; {condition}")
    return found
