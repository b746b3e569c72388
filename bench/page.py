"""Measures the page's server: seconds from a request to its answer, for every interaction, as a browser would ask.

    python -m bench.page [--characters 300] [--times 20]

Starts a server of its own on this machine. Each interaction is measured on stories that the server has not read before
("first") and on one that it has ("again"); median and slowest. Prints JSON and writes results/page.json.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
from pathlib import Path

from bench.machine import machine
from keepgate.demo.stories import stories
from keepgate.serve.guard import Address
from keepgate.serve.models import served
from keepgate.serve.open_socket import open_socket
from keepgate.serve.server import server

RESULTS = Path(__file__).parent / "results"
NETWORKS = ("rnn", "lstm-zero", "lstm-chrono", "gru-chrono")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--characters", type=int, default=300)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    ready = threading.Event()
    opened = open_socket("127.0.0.1", 0)
    port = opened.getsockname()[1]

    def tell(_: Address) -> None:
        ready.set()

    one = server(served(), opened, "127.0.0.1", ready=tell)
    thread = threading.Thread(target=one.run, args=([opened],))
    thread.start()
    ready.wait()
    try:
        found = {
            language: measured(port, language, given.characters, given.times) for language in ("zh", "en")
        }
    finally:
        one.should_exit = True
        thread.join()
    result = {
        "machine": machine(),
        "characters": given.characters,
        "times": given.times,
        "milliseconds": found,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "page.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def measured(port: int, language: str, characters: int, times: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each interaction, by its name."""
    told = stories(times, characters, seed=1, split="test", language=language)
    every = [f"{language}/{name}" for name in NETWORKS]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    ask(connection, "/api/gradient", {"models": every})  # what is loaded at the first request is not measured
    found: dict[str, list[float]] = {}
    for one in told:
        text = {"text": one.text, "question": one.question}
        found.setdefault("read, 4 networks, first", []).append(
            ask(connection, "/api/read", {**text, "models": every})
        )
        for network in every:
            name, asked = network.partition("/")[2], {**text, "model": network}
            requests: list[tuple[str, str, dict[str, object]]] = [
                ("answer", "/api/answer", {}),
                ("values", "/api/values", {}),
            ]
            if name != "rnn":
                requests += [
                    ("token", "/api/token", {"token": 1}),
                    ("what if", "/api/what-if", {"drop": [1], "keep": [20]}),
                ]
            for what, path, more in requests:
                found.setdefault(f"{what}, {name}", []).append(ask(connection, path, {**asked, **more}))
        found.setdefault("read, 4 networks, again", []).append(
            ask(connection, "/api/read", {**text, "models": every})
        )
        found.setdefault("lengthen, 4 networks", []).append(
            ask(connection, "/api/lengthen", {**text, "models": every, "language": language})
        )
        bias = {"models": every, "forget_bias": len(found["lengthen, 4 networks"]) / 10}
        found.setdefault("gradient, 4 networks", []).append(ask(connection, "/api/gradient", bias))
    connection.close()
    return {
        what: {"median": round(statistics.median(each), 1), "slowest": round(max(each), 1)}
        for what, each in found.items()
    }


def ask(connection: http.client.HTTPConnection, path: str, body: dict[str, object]) -> float:
    """Milliseconds until the whole answer has come. Raises AssertionError if it is a refusal."""
    sent = json.dumps(body).encode()
    start = time.perf_counter()
    connection.request("POST", path, sent, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    took = time.perf_counter() - start
    assert answer.status == 200, content
    return 1000 * took


if __name__ == "__main__":
    main()
