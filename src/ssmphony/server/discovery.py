"""Announcing the Wyoming port on the local network (mDNS, DNS-SD), where Home Assistant finds it by itself.

RFC 6762 and RFC 6763. The packets are python-zeroconf's, the extra ``zeroconf``.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
import platform
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ssmphony import __version__
from ssmphony.server.log import log
from ssmphony.server.settings import ServeSettings
from ssmphony.types import SsmphonyError

SERVICE = "_wyoming._tcp.local."


def check_discovery(settings: ServeSettings) -> None:
    """Raises `SsmphonyError` where the settings ask for what cannot be announced."""
    if not settings.zeroconf:
        return
    if settings.wyoming is None:
        raise SsmphonyError("--zeroconf announces the port of Wyoming: give --wyoming tcp://HOST:PORT with it")
    if importlib.util.find_spec("zeroconf") is None:
        raise SsmphonyError("--zeroconf needs a package that is not installed: pip install zeroconf")


@asynccontextmanager
async def announced(listener: socket.socket, *, shared: bool = False) -> AsyncGenerator[None, None]:
    """Announce ``listener`` as long as the block runs; ``shared`` with other processes that announce the same.

    A network that takes no announcements is a warning in the log.
    """
    from zeroconf import Error as ZeroconfError
    from zeroconf import InterfaceChoice
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

    host, port = listener.getsockname()[:2]
    addresses = addresses_of(host)
    machine = re.sub(r"[^A-Za-z0-9-]+", "-", platform.node().partition(".")[0])[:30].strip("-") or "localhost"
    info = AsyncServiceInfo(
        SERVICE,
        f"ssmphony {machine} {port}.{SERVICE}",  # stays the same, so that Home Assistant knows it again
        port=port,
        parsed_addresses=addresses,
        server=f"{machine}-ssmphony-{port}.local.",
        properties={"version": __version__},
    )
    anywhere = ipaddress.ip_address(host).is_unspecified
    responder: AsyncZeroconf | None = None
    try:
        responder = AsyncZeroconf(interfaces=InterfaceChoice.All if anywhere else [host])
        await responder.async_register_service(info, allow_name_change=not shared, cooperating_responders=shared)
    except (OSError, ZeroconfError) as error:
        log("Wyoming cannot be announced on this network", logging.WARNING, reason=str(error) or type(error).__name__)
    else:
        log("announcing Wyoming", name=info.name.removesuffix(f".{SERVICE}"), addresses=addresses, port=port)
    try:
        yield
    finally:
        if responder is not None:
            await responder.async_close()  # takes the announcement back


def addresses_of(host: str) -> list[str]:
    """Where a listener at ``host`` is reached; for all addresses, those of the network before the machine's own."""
    if not ipaddress.ip_address(host).is_unspecified:
        if ipaddress.ip_address(host).is_loopback:
            log("Wyoming is announced, but other machines cannot reach this address", logging.WARNING, host=host)
        return [host]
    import ifaddr

    found = [address.ip for adapter in ifaddr.get_adapters() for address in adapter.ips]
    addresses = [ip if isinstance(ip, str) else ip[0] for ip in found if ":" in host or isinstance(ip, str)]
    outside = [address for address in addresses if not ipaddress.ip_address(address).is_loopback]
    return outside or addresses
