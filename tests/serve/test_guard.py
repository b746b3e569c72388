"""Who may ask: the host and the origin; what every answer says; files that may be had."""

import http.client
import json
import mimetypes
import socket

import pytest

from keepgate.serve.guard import POLICY, Address, _split

READ = {"text": "好。", "question": "誰?", "models": ["zh/rnn"]}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_this_machine_may_be_called_by_its_own_names(client, name: str) -> None:
    assert client.get("/api/models", {"Host": f"{name}:{client.address.port}"}).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:{}", "127.0.0.1.evil.example:{}", "127.0.0.1", "localhost:1", "localhost:", "[::1]", "", "a:b:{}",
     "127.0.0.2:{}", "localhost:{}0", "0.0.0.0:{}", "localhost:{}@evil.example", "localhost.:{}"],
)  # fmt: skip
def test_any_other_name_is_refused_so_that_no_domain_can_be_rebound(client, host: str) -> None:
    for path in ("/", "/api/models"):
        reply = client.get(path, {"Host": host.format(client.address.port)})
        assert (reply.status, reply.json["code"]) == (403, "wrong_host")
        assert reply.headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{}", "http://127.0.0.1", "file://", ""]
)
def test_pages_of_others_may_not_ask(client, origin: str) -> None:
    reply = client.ask("POST", "/api/read", READ, {"Origin": origin.format(client.address.port)})
    assert (reply.status, reply.json["code"]) == (403, "wrong_origin")
    crossed = client.ask("POST", "/api/read", READ, {"Sec-Fetch-Site": "cross-site"})
    assert (crossed.status, crossed.json["code"]) == (403, "wrong_origin")


def test_its_own_page_may_ask(client) -> None:
    own = {"Origin": f"http://127.0.0.1:{client.address.port}", "Sec-Fetch-Site": "same-origin"}
    reply = client.ask("POST", "/api/read", READ, own)
    assert reply.status == 200
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]


def test_a_form_of_another_page_cannot_pass_for_json(client) -> None:
    reply = client.ask("POST", "/api/read", json.dumps(READ).encode(), {"Content-Type": "text/plain"})
    assert (reply.status, reply.json["code"]) == (422, "bad_request")


@pytest.mark.parametrize("path", ["/", "/api/models", "/api/nothing", "/nothing"])
def test_every_answer_has_the_headers(client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == ("no-store" if path.startswith("/api") else "no-cache")
    assert headers["Server"] is None


@pytest.mark.parametrize(
    "path",
    ["/../app.py", "/..%2fapp.py", "/%2e%2e/app.py", "/static/../app.py", "//etc/passwd", "/%2fetc/passwd",
     "/..\\app.py", "/../networks/zh/rnn/model.toml", "/%00", "/index.html/../../app.py"],
)  # fmt: skip
def test_no_path_leads_out_of_the_page_s_folder(client, path: str) -> None:
    reply = client.get(path)
    assert reply.status in (400, 404, 422)
    assert b"import" not in reply.body


def test_the_page_is_html_and_its_scripts_are_scripts(client) -> None:
    page = client.get("/")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert mimetypes.guess_type("x.js")[0] == "text/javascript"


@pytest.mark.parametrize(
    ("listening", "called", "ours"),
    [
        ("127.0.0.1", "192.168.1.5:80", False),
        ("192.168.1.5", "192.168.1.5:80", True),
        ("192.168.1.5", "192.168.1.6:80", False),
        ("0.0.0.0", "192.168.1.5:80", True),
        ("0.0.0.0", "192.168.1.5", True),
        ("0.0.0.0", "[fe80::1]:80", True),
        ("0.0.0.0", "evil.example:80", False),
        ("::", "[2001:db8::1]:80", True),
        ("::1", "[::1]:80", True),
        ("my-machine", "my-machine:80", True),
    ],
)  # fmt: skip
def test_a_server_for_all_takes_addresses_in_figures_which_no_domain_can_be(
    listening: str, called: str, ours: bool
) -> None:
    assert Address(host=listening, port=80).is_ours(called) is ours


@pytest.mark.parametrize(
    ("host", "url", "loopback"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/", True),
        ("::1", "http://[::1]:80/", True),
        ("localhost", "http://localhost:80/", True),
        ("0.0.0.0", "http://127.0.0.1:80/", False),
        ("::", "http://[::1]:80/", False),
        ("192.168.1.5", "http://192.168.1.5:80/", False),
    ],
)
def test_an_address_says_how_to_open_it_and_who_can(host: str, url: str, loopback: bool) -> None:
    address = Address(host=host, port=80)
    assert (address.url, address.is_loopback) == (url, loopback)


def test_a_host_is_taken_apart() -> None:
    assert _split("a:80") == ("a", 80)
    assert _split("a") == ("a", 80)
    assert _split("[::1]") == ("[::1]", 80)
    assert _split("[::1]:8") == ("[::1]", 8)
    assert _split("a:٣") == ("a", None)


def has_sixth_protocol() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:  # as in many containers; that it cannot be served on is the answer
        return False
    return True


@pytest.mark.skipif(
    not has_sixth_protocol(), reason="no address ::1 here; how its names are read is tested above without it"
)
def test_a_server_of_the_sixth_protocol(serve, models) -> None:
    with serve(models, host="::1") as client:
        line = http.client.HTTPConnection("::1", client.address.port, timeout=30)
        line.request("GET", "/api/models")
        assert line.getresponse().status == 200
        line.close()
        assert client.address.url == f"http://[::1]:{client.address.port}/"
