"""What asks too much gets a clear answer, and the server goes on serving everyone else."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from keepgate.serve import serialize
from keepgate.serve.limits import Limits

READ = "/api/read"


def refused(reply, status: int, code: str) -> dict:
    """The facts of a refusal of this kind."""
    assert (reply.status, reply.json["code"]) == (status, code), reply.body
    assert reply.json["error"]
    assert "Traceback" not in reply.json["error"]
    return reply.json["facts"]


def test_a_body_above_1_mib_is_refused_however_it_is_sent(client) -> None:
    large = json.dumps({"text": "好" * 700_000, "question": "?", "models": ["zh/rnn"]}).encode()
    assert refused(client.ask("POST", READ, large), 413, "too_large") == {"limit": 1_048_576}
    pieces = (large[k : k + 65_536] for k in range(0, len(large), 65_536))
    reply = client.ask("POST", READ, pieces, {"Content-Type": "application/json"})
    refused(reply, 413, "too_large")
    assert client.get("/api/models").status == 200


def test_a_body_without_end_is_not_heard_to_its_end(serve, models) -> None:
    def endless():
        while True:
            yield b" " * 65_536

    with serve(models, Limits(body=1000)) as client:
        with pytest.raises((ConnectionError, AssertionError)):
            refused(client.ask("POST", READ, endless()), 200, "")
        assert client.get("/api/models").status == 200


def test_a_length_that_is_no_number_is_refused(client) -> None:
    with socket.create_connection(("127.0.0.1", client.address.port)) as line:
        line.sendall(
            b"POST /api/read HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: many\r\n\r\n"
            % client.address.port
        )
        assert line.recv(65_536).split()[1] in (b"400", b"413")


def test_too_many_tokens_are_counted_for_the_reader(client) -> None:
    reply = client.post(READ, text="好" * 5000, question="誰?", models=["zh/rnn"])
    assert refused(reply, 422, "too_long") == {"tokens": 5002, "limit": 4000}
    assert client.post(READ, text="好" * 3998, question="誰?", models=["zh/rnn"]).status == 200


@pytest.mark.parametrize(
    ("text", "question", "what"), [("", "誰?", "text"), (" \n", "誰?", "text"), ("好", " ", "question")]
)
def test_nothing_to_read_and_nothing_asked(client, text: str, question: str, what: str) -> None:
    for path, more in ((READ, {"models": ["zh/rnn"]}), ("/api/answer", {"model": "zh/rnn"})):
        assert refused(client.post(path, text=text, question=question, **more), 422, "empty") == {
            "what": what
        }


ASKED = {"text": "好。", "question": "誰?"}
ONE = {**ASKED, "model": "zh/lstm-zero"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("read", {}),
        ("read", []),
        ("read", "text"),
        ("read", {**ASKED, "models": []}),
        ("read", {**ASKED, "models": "zh/rnn"}),
        ("read", {**ASKED, "models": ["zh/rnn"] * 17}),
        ("read", {**ASKED, "models": ["zh/rnn"], "more": 1}),
        ("read", {"text": 3, "question": "誰?", "models": ["zh/rnn"]}),
        ("read", {"text": None, "question": "誰?", "models": ["zh/rnn"]}),
        ("token", ONE),
        ("token", {**ONE, "token": -1}),
        ("token", {**ONE, "token": 4}),
        ("token", {**ONE, "token": 1.5}),
        ("token", {**ONE, "token": "1"}),
        ("token", {**ONE, "token": True}),
        ("token", {**ONE, "token": 0, "unit": 64}),
        ("token", {**ONE, "token": 0, "layer": 1}),
        ("token", {**ONE, "token": 0, "layer": -2}),
        ("token", {**ONE, "token": 0, "reverse": True}),
        ("what-if", {**ONE, "drop": [4]}),
        ("what-if", {**ONE, "remove": [4]}),
        ("what-if", {**ONE, "keep": [99999999999999999999]}),
        ("what-if", {**ONE, "drop": [0] * 2001}),
        ("values", {**ONE, "unit": 64}),
        ("lengthen", {**ASKED, "models": ["zh/rnn"], "language": "fr"}),
        ("lengthen", {**ASKED, "models": ["zh/rnn"], "language": "zh", "to": 10_001}),
        ("lengthen", {**ASKED, "models": ["zh/rnn"], "language": "zh", "steps": 0}),
        ("gradient", {"models": ["zh/rnn"], "lags": 501}),
        ("gradient", {"models": ["zh/rnn"], "forget_bias": 1e9}),
        ("gradient", {"models": ["zh/rnn"], "recurrent_scale": -1}),
        ("gradient", {"models": ["zh/rnn"], "recurrent_scale": float("nan")}),
    ],
)  # fmt: skip
def test_what_has_another_form_or_names_what_there_is_not(client, path: str, body: object) -> None:
    refused(client.post_raw(f"/api/{path}", body), 422, "bad_request")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b'{"text": "\xff"}', b"[" * 100_000, b'{"text": ' + b"9" * 5000 + b"}", b"null"],
)
def test_what_is_no_json_is_refused(client, raw: bytes) -> None:
    refused(client.ask("POST", READ, raw, {"Content-Type": "application/json"}), 422, "bad_request")


def test_half_a_surrogate_is_refused_and_a_whole_one_is_a_character(client) -> None:
    json_of = '{"text": "%s好", "question": "誰?", "models": ["zh/rnn"]}'
    kind = {"Content-Type": "application/json"}
    half = client.ask("POST", READ, (json_of % "\\ud800").encode(), kind)
    refused(half, 422, "bad_request")
    whole = client.ask("POST", READ, (json_of % "\\ud83d\\ude00").encode(), kind)
    (read,) = whole.json["readings"]
    assert read["tokens"][:2] == ["😀", "好"]
    assert read["starts"][:2] == [0, 1]


def test_a_model_that_is_not_served_is_not_loaded(client, tmp_path) -> None:
    for name in ("zh/other", "../zh/rnn", "zh/rnn/", str(tmp_path), "/etc/passwd", "<img src=x>"):
        reply = client.post(READ, **ASKED, models=[name])
        assert refused(reply, 404, "unknown_model") == {"model": name}


def test_hostile_text_comes_back_as_text(client) -> None:
    text = "<img src=x onerror=alert(1)>\x00\x07\u202e</script>"
    reply = client.post(READ, text=text, question="<b>?", models=["zh/lstm-zero"])
    assert reply.headers["Content-Type"] == "application/json"
    (read,) = reply.json["readings"]
    assert read["tokens"][:2] == ["<", "img"]


@pytest.mark.parametrize(
    ("length", "seed"),
    [("0", "0"), ("-5", "0"), ("10001", "0"), ("x", "0"), ("12", "0"), ("300", "-1"), ("300", "x")],
)
def test_a_story_that_cannot_be_told(client, length: str, seed: str) -> None:
    refused(client.get(f"/api/story?length={length}&seed={seed}"), 422, "bad_request")


def test_routes_and_methods_that_there_are_not(client) -> None:
    refused(client.get("/api/nothing"), 404, "not_found")
    refused(client.get("/nothing.js"), 404, "not_found")
    refused(client.get("/docs"), 404, "not_found")
    refused(client.get("/openapi.json"), 404, "not_found")
    assert client.ask("DELETE", "/api/models").status in (404, 405)
    assert client.get("/api/read").status in (404, 405)


class Slow:
    """A reading that waits until it is told to go on."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.ended = threading.Semaphore(0), threading.Event(), 0
        self._real = serialize.reading_json

    def __call__(self, task, reading):
        self.begun.release()
        assert self.go_on.wait(30)
        self.ended += 1
        return self._real(task, reading)


@pytest.fixture
def slow(monkeypatch) -> Slow:
    one = Slow()
    monkeypatch.setattr(serialize, "reading_json", one)
    yield one
    one.go_on.set()


def read_of(client, number: int = 0):
    return client.post(READ, text=f"魯夫笑了。{number}", question="是誰?", models=["zh/rnn"])


def test_more_than_may_wait_are_told_to_come_again(serve, models, slow) -> None:
    with serve(models, Limits(workers=1, waiting=2)) as client, ThreadPoolExecutor(2) as others:
        waiting = [others.submit(read_of, client, number) for number in range(2)]
        assert slow.begun.acquire(timeout=10)
        deadline = time.monotonic() + 10
        reply = read_of(client)
        while reply.status == 200 and time.monotonic() < deadline:  # the second may be on its way still
            reply = read_of(client)
        assert refused(reply, 429, "busy") == {"limit": 2}
        assert reply.headers["Retry-After"] == "1"
        assert client.get("/api/models").status == 200  # what needs no computing is answered
        slow.go_on.set()
        assert [one.result().status for one in waiting] == [200, 200]
        assert read_of(client).status == 200


def test_what_takes_too_long_is_answered_in_time_and_what_waited_is_never_begun(
    serve, models, slow, monkeypatch
) -> None:
    valued: list[object] = []
    monkeypatch.setattr(serialize, "values_json", lambda *given: valued.append(given) or {})
    with serve(models, Limits(workers=1, waiting=8, seconds=0.5)) as client, ThreadPoolExecutor(4) as others:
        asked = [others.submit(read_of, client, 0)]
        assert slow.begun.acquire(timeout=10)
        asked += [others.submit(read_of, client, number) for number in (1, 2)]
        asked.append(others.submit(client.post, "/api/values", **ONE))
        for one in asked:
            assert refused(one.result(), 504, "timeout") == {"seconds": 0.5}
        slow.go_on.set()
        deadline = time.monotonic() + 10
        while (reply := read_of(client, 9)).status != 200 and time.monotonic() < deadline:
            pass
        assert reply.status == 200
        assert slow.ended == 2  # the one that had begun, and the last
        assert not valued


def test_between_two_networks_a_reading_that_is_late_ends(serve, models, slow) -> None:
    with serve(models, Limits(workers=1, seconds=0.5)) as client:
        reply = client.post(READ, text="魯夫笑了。", question="是誰?", models=["zh/rnn", "zh/lstm-zero"])
        refused(reply, 504, "timeout")
        slow.go_on.set()
        time.sleep(0.3)
        assert slow.ended == 1


def test_what_waits_for_someone_who_has_hung_up_is_dropped(serve, models, slow) -> None:
    with serve(models, Limits(workers=1, waiting=8)) as client, ThreadPoolExecutor(1) as others:
        first = others.submit(read_of, client)
        assert slow.begun.acquire(timeout=10)
        body = json.dumps({"text": "魯夫走了。", "question": "誰?", "models": ["zh/rnn"]}).encode()
        head = f"POST {READ} HTTP/1.1\r\nHost: 127.0.0.1:{client.address.port}\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", client.address.port)) as line:
            line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            time.sleep(0.3)
        time.sleep(0.3)
        slow.go_on.set()
        assert first.result().status == 200
        assert read_of(client, 1).status == 200
        assert slow.ended == 2


def test_a_body_that_does_not_come_is_not_waited_for(serve, models) -> None:
    with (
        serve(models, Limits(upload=0.3)) as client,
        socket.create_connection(("127.0.0.1", client.address.port), timeout=10) as line,
    ):
        head = (
            f"POST {READ} HTTP/1.1\r\nHost: 127.0.0.1:{client.address.port}\r\nContent-Length: 100\r\n\r\n{{"
        )
        line.sendall(head.encode())
        assert line.recv(65_536).split()[1] == b"408"


def test_many_at_once_all_get_their_own_answer(client, told) -> None:
    names = ["zh/rnn", "zh/lstm-zero", "zh/lstm-chrono", "zh/gru-chrono"]
    alone = {name: client.post("/api/values", **told, model=name).json for name in names}
    asked = [names[k % 4] for k in range(40)]
    with ThreadPoolExecutor(8) as threads:
        replied = list(threads.map(lambda name: client.post("/api/values", **told, model=name), asked))
    for name, reply in zip(asked, replied, strict=True):
        assert reply.status == 200
        assert reply.json == alone[name]


def test_a_bug_of_ours_is_said_to_be_one_and_shows_nothing_of_the_inside(client, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(serialize, "values_json", broken)
    reply = client.post("/api/values", **ONE)
    assert "RuntimeError" in reply.json["error"]
    refused(reply, 500, "bug")
    assert b"secret" not in reply.body
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    monkeypatch.undo()
    assert client.post("/api/values", **ONE).status == 200
