"""Where voices come from: a folder, a web site, or a repository of the Hugging Face Hub (extra ``hub``)."""

from __future__ import annotations

import http.client
import json
import os
import re
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ssmphony import __version__
from ssmphony.extras import needs_extra
from ssmphony.types import SsmphonyError
from ssmphony.voices.index import INDEX, MAX_INDEX_BYTES, VoiceIndex, parse_index

VARIABLE = "SSMPHONY_VOICE_SOURCE"
"""The environment variable that names the source to use where none is given."""
HUB = "hf://"
_BLOCK = 1 << 18
_TIMEOUT_S = 30.0
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Source(Protocol):
    """A place with an ``index.json`` and a folder for each voice."""

    where: str
    """For people."""

    def read(self, name: str, limit: int) -> Iterator[bytes]:
        """The contents of a file, in pieces; ``name`` is relative, and has been checked.

        Raises `SsmphonyError` where it is missing, cannot be reached, or is larger than ``limit`` bytes.
        """
        ...


def open_source(name: str | None) -> Source:
    """The source called ``name``: a folder, ``https://…``, or ``hf://OWNER/REPOSITORY``, with ``@REVISION`` if wanted.

    None is what the environment names. Raises `SsmphonyError`.
    """
    name = name or os.environ.get(VARIABLE)
    if not name:
        raise SsmphonyError(
            "no source of voices is named: give --from with a folder, https://… or hf://OWNER/REPOSITORY, or set "
            f"${VARIABLE}"
        )
    if name.startswith(HUB):
        return HubSource(name)
    if "://" in name:
        return WebSource(name)
    return FolderSource(Path(name))


def read_index(source: Source) -> VoiceIndex:
    """Raises `SsmphonyError` where the source has no index, or a wrong one."""
    return parse_index(b"".join(source.read(INDEX, MAX_INDEX_BYTES)), f"{source.where}, {INDEX}")


class FolderSource:
    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self.folder = folder

    def read(self, name: str, limit: int) -> Iterator[bytes]:
        path = self.folder / name
        try:
            if not path.resolve().is_relative_to(self.folder.resolve()):  # a link that leads elsewhere
                raise SsmphonyError(f"{path} leads out of {self.folder}: it is refused")
            with path.open("rb") as file:
                yield from limited(file, limit, str(path))
        except OSError as error:
            raise SsmphonyError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


class WebSource:
    """Over HTTPS; over plain HTTP only from this machine."""

    def __init__(self, url: str) -> None:
        self.where = url.removesuffix(INDEX)
        self._base = self.where if self.where.endswith("/") else f"{self.where}/"
        _check_url(self._base)
        self._opener = build_opener(_Redirects())

    def read(self, name: str, limit: int) -> Iterator[bytes]:
        url = urljoin(self._base, quote(name))
        request = Request(url, headers={"User-Agent": f"ssmphony/{__version__}"})
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                yield from limited(answer, limit, url)
        except HTTPError as error:
            error.close()
            raise SsmphonyError(f"{url}: the server answers {error.code} {error.reason}".rstrip()) from None
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            shown = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
            raise SsmphonyError(f"cannot load {url}: {shown.lower()}; check the network, then try again") from None


class HubSource:
    """A repository of models on the Hugging Face Hub, by its own client, which keeps what it loads in its cache."""

    def __init__(self, name: str) -> None:
        self.where = name
        address = name.removeprefix(HUB).strip("/")
        if not _REPOSITORY.fullmatch(address):
            raise SsmphonyError(f"'{name}' names no repository: write hf://OWNER/REPOSITORY")
        self.repository, _, revision = address.partition("@")
        self.revision = revision or None

    def read(self, name: str, limit: int) -> Iterator[bytes]:
        with needs_extra("hub"):
            from huggingface_hub import HfApi, hf_hub_download
        with hub_errors(f"{self.where}/{name}"):
            (entry,) = HfApi().get_paths_info(self.repository, [name], revision=self.revision) or (None,)
            size: int | None = getattr(entry, "size", None)
            if size is None:
                raise SsmphonyError(f"{self.where} has no {name}")
            if size > limit:  # before it is loaded
                raise _too_large(f"{self.where}/{name}", limit)
            with tempfile.TemporaryDirectory() as folder:
                path = hf_hub_download(self.repository, name, revision=self.revision, local_dir=folder)
                with open(path, "rb") as file:
                    yield from limited(file, limit, f"{self.where}/{name}")


@contextmanager
def hub_errors(where: str) -> Generator[None, None, None]:
    """Turn the errors of the hub's client into one line."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise SsmphonyError(f"{where}: the hub wants you to accept its terms, and to log in: hf auth login") from None
    except errors.RepositoryNotFoundError:
        raise SsmphonyError(
            f"{where}: no such repository, or it is private: check the name, or hf auth login"
        ) from None
    except errors.LocalEntryNotFoundError:
        raise SsmphonyError(f"{where}: the hub cannot be reached; check the network, then try again") from None
    except (errors.EntryNotFoundError, errors.RevisionNotFoundError):
        raise SsmphonyError(f"{where}: the hub has no such file or revision") from None
    except json.JSONDecodeError:
        raise SsmphonyError(f"{where}: what answers is not the hub, but perhaps a proxy or a login page") from None
    except ValueError as error:  # a name that the client refuses
        raise SsmphonyError(f"{where}: {_first_line(error)}") from None
    except (OSError, _http_error()) as error:
        raise SsmphonyError(
            f"{where}: {_first_line(error)}; check the network and your login, then try again"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _http_error() -> type[Exception]:
    """The base of what goes wrong with the connection: requests' up to the client's version 0, httpx's since then.

    The client's own errors of HTTP are of this kind, too, in all versions.
    """
    from huggingface_hub import errors

    return next(base for base in errors.HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")


class _Redirects(HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        _check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise SsmphonyError(f"'{url}' is not a valid address") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise SsmphonyError(f"{url}: voices are loaded over https:// only")
    if not host or parts.username is not None:
        raise SsmphonyError(f"'{url}' is not a valid address: it has no host, or holds a user name")


def limited(file: IO[bytes], limit: int, where: str) -> Iterator[bytes]:
    """The contents of a file in pieces. Raises `SsmphonyError` as soon as they are more than ``limit`` bytes."""
    left = limit
    while block := file.read(min(_BLOCK, left + 1)):
        left -= len(block)
        if left < 0:
            raise _too_large(where, limit)
        yield block


def _too_large(where: str, limit: int) -> SsmphonyError:
    return SsmphonyError(f"{where} is larger than {limit:,} bytes, which the index or the limit allows: it is refused")
