"""A real server on a port of its own, and a client that can also say what no browser would."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from keepgate.demo.stories import pirate_king_story
from keepgate.serve.guard import Address
from keepgate.serve.limits import Limits
from keepgate.serve.models import Models, served
from keepgate.serve.open_socket import open_socket
from keepgate.serve.server import server


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Asks one server; each request has a connection of its own, so that several threads can ask."""

    address: Address

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """body: bytes or an iterator of bytes (sent in chunks) as they are, anything else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=60)
        plain = isinstance(body, bytes | Iterator) or body is None
        given = {} if plain else {"Content-Type": "application/json"}
        try:
            sent = body if plain else json.dumps(body).encode()
            connection.request(method, path, sent, {**given, **(headers or {})})  # type: ignore[arg-type]
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        return self.ask("GET", path, headers=headers)

    def post_raw(self, path: str, body: object) -> Reply:
        """A body that need not be an object."""
        return self.ask("POST", path, body)

    def post(self, path: str, **body: object) -> Reply:
        return self.ask("POST", path, body)


# A test of what is answered waits for it, however busy the machine; the tests of limits give their own.
PATIENT = Limits(headers=120, upload=120, seconds=120)


@contextmanager
def serving(models: Models, limits: Limits = PATIENT, host: str = "127.0.0.1") -> Iterator[Client]:
    """A server in a thread, until the block ends."""
    opened = open_socket(host, 0)
    ready = threading.Event()
    found: list[Address] = []

    def tell(address: Address) -> None:
        found.append(address)
        ready.set()

    one = server(models, opened, host, ready=tell, limits=limits)
    thread = threading.Thread(target=one.run, args=([opened],), daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        yield Client(found[0])
    finally:
        one.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def models() -> Models:
    """The networks of the experiment, which learnt stories of one form."""
    return Models(model for model in served() if model.form)


@pytest.fixture(scope="session")
def client(models: Models) -> Iterator[Client]:
    with serving(models) as one:
        yield one


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    """Starts a server of one's own."""
    return serving


@pytest.fixture(scope="session")
def told() -> dict[str, str]:
    """The article's story in 300 characters, as a request says it."""
    one = pirate_king_story(300)
    return {"text": one.text, "question": one.question}
