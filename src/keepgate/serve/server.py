"""The server: one socket, opened here so that a port in use is our own error, and uvicorn on it."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from ..errors import SettingsError
from .app import application
from .guard import Address
from .limits import Limits
from .models import Models


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free.

    Raises SettingsError if the port is in use or may not be used, or the host is no address of this machine.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as fault:
        raise SettingsError(
            f"--host is {host!r}, which is no address: {_said(fault)}; 127.0.0.1 is this machine"
        ) from fault
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(128)
    except OSError as fault:
        opened.close()
        raise SettingsError(
            f"the page cannot be served at {host} port {port}: {_said(fault)}; give another with --port, or "
            "--port 0 for any that is free"
        ) from fault
    return opened


def run(models: Models, opened: socket.socket, host: str, *, ready: Callable[[Address], None]) -> None:
    """Serves the page until Ctrl-C. ready: is told the address once the server answers there."""
    address = Address(host=host, port=opened.getsockname()[1])
    limits = Limits()
    settings = uvicorn.Config(
        application(models, address, limits), log_level="warning", access_log=False, server_header=False,
        proxy_headers=False, ws="none", limit_concurrency=None, timeout_keep_alive=5, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Quiet(settings, lambda: ready(address))
    asyncio.run(server.serve(sockets=[opened]))


class _Quiet(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends without a word."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _said(fault: Exception) -> str:
    text = getattr(fault, "strerror", None) or str(fault)
    return text[:1].lower() + text[1:]
