"""The uvicorn server, on a socket that listens already."""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial

import uvicorn

from .app import application
from .connections import OncePerMinute, TimedConnection
from .guard import Address
from .limits import Limits
from .models import Models

_REPEATED = OncePerMinute()


def run(models: Models, listening: socket.socket, host: str, *, ready: Callable[[Address], None]) -> None:
    """Serves the page until Ctrl-C. ready: is told the address once the server answers there."""
    asyncio.run(server(models, listening, host, ready=ready).serve(sockets=[listening]))


def server(
    models: Models,
    listening: socket.socket,
    host: str,
    *,
    ready: Callable[[Address], None],
    limits: Limits | None = None,
) -> uvicorn.Server:
    """The server for a socket, to be run in an event loop of its own."""
    address = Address(host=host, port=listening.getsockname()[1])
    limits = limits or Limits()
    settings = uvicorn.Config(
        application(models, address, limits), log_level="warning", access_log=False, server_header=False,
        proxy_headers=False, ws="none", timeout_keep_alive=5, timeout_graceful_shutdown=1,
        http=partial(TimedConnection, limits=limits),  # type: ignore[arg-type]
    )  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_REPEATED)
    return _Quiet(settings, lambda: ready(address))


class _Quiet(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends without a word."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
