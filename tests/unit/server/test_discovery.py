"""Home Assistant finds the server by itself: the announcement as python-zeroconf's own browser sees it, on loopback."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Iterator

import pytest

pytest.importorskip("zeroconf", reason="no mDNS here: pip install '.[zeroconf]'")

from typer.testing import CliRunner
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from ssmphony import __version__
from ssmphony.cli import app
from ssmphony.engine import Engine
from ssmphony.server.discovery import SERVICE, announced, check_discovery
from ssmphony.server.log import LOGGER
from ssmphony.server.metrics import Metrics
from ssmphony.server.settings import ServeSettings
from ssmphony.server.wyoming import answering, bind
from ssmphony.types import SsmphonyError
from ssmphony.voice import Voice

ANY = "tcp://127.0.0.1:0"


@pytest.fixture
def engine(voice: Voice) -> Iterator[Engine]:
    with Engine(voice, workers=1) as engine:
        yield engine


class Browser:
    """What a client on this machine's loopback sees of Wyoming services."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._responder = AsyncZeroconf(interfaces=["127.0.0.1"])
        self._browser = AsyncServiceBrowser(self._responder.zeroconf, SERVICE, handlers=[self._note])

    def _note(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        (self.names.discard if state_change is ServiceStateChange.Removed else self.names.add)(name)

    async def find(self, port: int) -> AsyncServiceInfo | None:
        for name in set(self.names):
            info = AsyncServiceInfo(SERVICE, name)
            if await info.async_request(self._responder.zeroconf, 500) and info.port == port:
                return info
        return None

    async def close(self) -> None:
        await self._browser.async_cancel()
        await self._responder.async_close()


async def until(condition: object, seconds: float = 20) -> object:
    end = asyncio.get_running_loop().time() + seconds
    while not (value := await condition()):  # type: ignore[operator]
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.05)
    return value


def test_the_port_is_announced_while_it_is_answered(engine: Engine) -> None:
    async def main() -> None:
        browser = Browser()
        listener = bind(ANY)
        port = listener.getsockname()[1]
        try:
            async with answering(listener, engine, ServeSettings(zeroconf=True), Metrics()):
                info = await until(lambda: browser.find(port))
                assert isinstance(info, AsyncServiceInfo)
                assert info.parsed_addresses() == ["127.0.0.1"]
                assert info.name.startswith("ssmphony ")
                assert len(info.name.removesuffix(f".{SERVICE}").encode()) < 64
                assert info.properties == {b"version": __version__.encode()}
            name = info.name

            async def gone() -> bool:
                return name not in browser.names

            await until(gone)
        finally:
            await browser.close()

    asyncio.run(main())


def test_processes_that_share_a_port_announce_one_service() -> None:
    async def main() -> None:
        browser = Browser()
        with bind(ANY, shared=True) as first:
            port = first.getsockname()[1]
            with bind(f"tcp://127.0.0.1:{port}", shared=True) as second:
                try:
                    async with announced(first, shared=True), announced(second, shared=True):
                        await until(lambda: browser.find(port))
                        assert len([name for name in browser.names if f" {port}." in name]) == 1
                finally:
                    await browser.close()

    asyncio.run(main())


def test_nothing_is_announced_unless_it_is_asked_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)

    async def main() -> None:
        async with answering(bind(ANY), engine, ServeSettings(), Metrics()):
            pass

    asyncio.run(main())


def test_a_network_without_announcements_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr("zeroconf.asyncio.AsyncZeroconf", refuse)

    async def main() -> None:
        with bind(ANY) as listener:
            async with announced(listener):
                pass

    with caplog.at_level(logging.WARNING, LOGGER):
        asyncio.run(main())
    assert "Wyoming cannot be announced on this network" in caplog.text
    assert "other machines cannot reach this address" in caplog.text


def test_every_address_of_the_machine_is_announced_for_all() -> None:
    from ssmphony.server.discovery import addresses_of

    everywhere = addresses_of("0.0.0.0")
    assert everywhere
    for address in everywhere:
        socket.inet_aton(address)
    assert addresses_of("192.0.2.7") == ["192.0.2.7"]


def test_it_needs_wyoming_and_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(app, ["serve", "--zeroconf", "--port", "0"])
    assert result.exit_code == 1
    assert "--zeroconf announces the port of Wyoming: give --wyoming tcp://HOST:PORT with it" in result.output
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        SsmphonyError, match=r"^--zeroconf needs a package that is not installed: pip install zeroconf$"
    ):
        check_discovery(ServeSettings(zeroconf=True, wyoming=ANY))
    check_discovery(ServeSettings(wyoming=ANY))
