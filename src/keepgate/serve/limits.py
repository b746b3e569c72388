"""Limits on the cost of one request, and RequestError, the answer to a request that is not done."""

from dataclasses import dataclass

Fact = str | int | float | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what a request may cost.

    body:    bytes of a request's body.
    headers: seconds in which a request's headers must have arrived.
    upload:  seconds in which a body must have arrived.
    connections: open at once; of more, the one that has been idle longest is closed.
    tokens:  of a text and its question together.
    seconds: from a request's arrival to its answer; what has not been begun by then is dropped.
    workers: requests computed at once.
    waiting: requests that are computed or wait for it; the next is refused.
    cache:   bytes of readings that are kept to be asked again.
    """

    body: int = 1_048_576
    headers: float = 10.0
    upload: float = 10.0
    connections: int = 128
    tokens: int = 4000
    seconds: float = 10.0
    workers: int = 2
    waiting: int = 16
    cache: int = 268_435_456


class RequestError(Exception):
    """A request that is not done. code: for a page to translate, with the facts that its sentence needs."""

    def __init__(self, status: int, code: str, error: str, **facts: Fact) -> None:
        super().__init__(error)
        self.status, self.code, self.error, self.facts = status, code, error, facts

    def as_dict(self) -> dict[str, object]:
        """The body of the answer."""
        return {"error": self.error, "code": self.code, "facts": self.facts}


def bad_request(error: str, **facts: Fact) -> RequestError:
    """The error of a body of another form, or of a token that there is not."""
    return RequestError(422, "bad_request", error, **facts)
