"""ASGI middleware before every route: checks of Host, Origin and body size, and security headers.

The host is checked because a page of anyone's could otherwise name this machine by a domain of its own (DNS rebinding)
and read what is answered. An address in figures cannot be rebound, so that a server for all addresses takes those.
"""

import asyncio
import ipaddress
import json
import socket
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import Limits, RequestError

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ALL = ("0.0.0.0", "::")
# A body of up to so many times what is taken is heard to its end before it is refused.
_MOST_DRAINED = 32


@dataclass(frozen=True, kw_only=True)
class Address:
    """The host and port of the server, and the names by which it may be called."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What to type into a browser on this machine."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else "::1" if self.host == "::" else self.host
        return f"http://{_bracketed(host)}:{self.port}/"

    @property
    def is_loopback(self) -> bool:
        """Whether no other machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def is_ours(self, host: str) -> bool:
        """Whether a Host header, or an origin after its scheme, names this server."""
        name, port = _split(host.lower())
        if port != self.port:
            return False
        if name in (*_LOOPBACK, _bracketed(self.host).lower()):
            return True
        return self.host in _ALL and (_is_address(name) or name == socket.gethostname().lower())


class Guard:
    """The ASGI middleware. Only HTTP is let through."""

    def __init__(self, app: ASGIApp, *, address: Address, limits: Limits) -> None:
        self.app, self.address, self.limits = app, address, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["Cache-Control"] = "no-store" if scope["path"].startswith("/api/") else "no-cache"
            await send(message)

        try:
            self._check(Headers(scope=scope), scope["method"])
            body = await self._body(Headers(scope=scope), receive)
        except RequestError as refusal:
            await _refuse(refusal, with_headers)
            return
        except _Gone:
            return
        await self.app(scope, _replay(body, receive), with_headers)

    def _check(self, headers: Headers, method: str) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.address.is_ours(hosts[0]):
            raise RequestError(
                403,
                "wrong_host",
                f"this server is not called {', '.join(hosts) or 'nothing'}; open {self.address.url}",
                url=self.address.url,
            )
        if method in ("GET", "HEAD"):
            return
        origins = headers.getlist("origin")
        there = [origin.partition("://") for origin in origins]
        elsewhere = any(scheme != "http" or not self.address.is_ours(host) for scheme, _, host in there)
        # A browser that leaves Origin out still says where the page that asks comes from.
        site = headers.get("sec-fetch-site", "same-origin")
        if elsewhere or len(origins) > 1 or site not in ("same-origin", "none"):
            raise RequestError(
                403,
                "wrong_origin",
                f"only this server's own page may ask it, and this comes from {', '.join(origins) or 'elsewhere'}; "
                f"open {self.address.url}",
                url=self.address.url,
            )

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body, however it is sent. Raises RequestError if it is too large or comes too slowly.

        One that is too large is let through and thrown away up to a point: a browser that cannot send all of it shows
        no answer, only that the connection broke.
        """
        stated = headers.get("content-length", "0")
        if not stated.isdecimal() or int(stated[:20]) > _MOST_DRAINED * self.limits.body:
            raise self._too_large()
        parts, size, more = [], 0, True
        try:
            async with asyncio.timeout(self.limits.upload):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    size += len(message.get("body", b""))
                    if size <= self.limits.body:
                        parts.append(message.get("body", b""))
                    elif size > _MOST_DRAINED * self.limits.body:
                        raise self._too_large()
                    more = message.get("more_body", False)
        except TimeoutError:
            raise RequestError(
                408,
                "slow_upload",
                f"the request's body did not arrive within {self.limits.upload:g} seconds; send it again",
                seconds=self.limits.upload,
            ) from None
        if size > self.limits.body:
            raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> RequestError:
        return RequestError(
            413,
            "too_large",
            f"the request's body is larger than {self.limits.body:,} bytes; give a shorter text",
            limit=self.limits.body,
        )


class _Gone(Exception):
    """The client has disconnected."""


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then the messages of the connection."""
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(refusal: RequestError, send: Send) -> None:
    body = json.dumps(refusal.as_dict()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status in (408, 413):
        # What is still to come of the body is not read.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _split(host: str) -> tuple[str, int | None]:
    """A host's name and port; 80 where none is said, None where it is no number."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        return host, 80
    return name, int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
