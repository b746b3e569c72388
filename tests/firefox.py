"""Firefox, headless, by its Marionette protocol: JSON over a local socket, which needs only Debian's firefox-esr.

https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

import base64
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.tools import path_of

LONGEST = 600  # seconds that a script may take, as a walk through every step of the page on a busy machine
_PREFERENCES = """
user_pref("marionette.port", {port});
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("intl.accept_languages", "{language}");
"""


class Firefox:
    """One window. Commands are WebDriver's."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)
        self._count = 0
        self._receive()  # the greeting
        self.command("WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        self.command("WebDriver:SetTimeouts", script=1000 * LONGEST, pageLoad=60_000)

    def command(self, name: str, **parameters: object) -> Any:
        """What a command returns. Raises AssertionError with Firefox's message where it fails."""
        self._count += 1
        text = json.dumps([0, self._count, name, parameters]).encode()
        self._socket.sendall(str(len(text)).encode() + b":" + text)
        _, _, fault, result = self._receive()
        assert fault is None, f"{name}: {fault}"
        return result

    def close(self) -> None:
        self._socket.close()

    def open(self, url: str) -> None:
        self.command("WebDriver:Navigate", url=url)

    def enter_frame(self) -> None:
        """Commands go to the first frame of what is open, until something else is opened."""
        self.command("WebDriver:SwitchToFrame", id=0)

    def run(self, script: str, *arguments: object) -> Any:
        return self.command("WebDriver:ExecuteScript", script=script, args=list(arguments))["value"]

    def call(self, function: str, *arguments: object) -> Any:
        """What an asynchronous JavaScript function gives. Raises AssertionError with the message of what it throws."""
        script = f"""const [done, given] = [arguments[arguments.length - 1], [...arguments].slice(0, -1)];
            ({function})(...given).then((value) => done({{ value }}), (fault) => done({{ fault: String(fault) }}));"""
        answer = self.command("WebDriver:ExecuteAsyncScript", script=script, args=list(arguments))["value"]
        assert "fault" not in answer, answer["fault"]
        return answer.get("value")

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.command("WebDriver:TakeScreenshot", full=True)["value"]))

    def _receive(self) -> Any:
        digits = b""
        while (letter := self._socket.recv(1)) != b":":
            assert letter, "Firefox has closed the connection"
            digits += letter
        text = b""
        while len(text) < int(digits):
            text += self._socket.recv(int(digits) - len(text))
        return json.loads(text)


def _connected(port: int) -> socket.socket:
    end = time.monotonic() + 90
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=LONGEST + 60)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "Firefox did not start"
            time.sleep(0.2)


@contextmanager
def firefox(language: str = "en") -> Iterator[Firefox]:
    """A Firefox with a profile of its own, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as profile:
        Path(profile, "user.js").write_text(_PREFERENCES.format(port=port, language=language))
        command = [path_of("firefox"), "--headless", "--marionette", "--no-remote", "--profile", profile]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with closing(Firefox(port)) as one:
                yield one
        finally:
            process.terminate()
            process.wait(30)
