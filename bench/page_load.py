"""How fast the page without a server shows something on a phone, in Chromium slowed down.

    python -m bench.page_load [--cpu 4] [--times 5]

The folder of `keepgate site` is served from this machine, compressed as web servers do, to a window of 400 pixels. For
each language the medians over some loads with an empty cache, in milliseconds from the start of the navigation: until
words are seen, until the first picture (the answers and the strip with its gates) is drawn, and until the networks have
answered; the longest task of the page until then; bytes, requests, and how many of these went to another host.

Then interactions with a story of 300 characters (1,200 in English), as it is and slowed down: medians in milliseconds
from the act to its drawing, by the page's own measures. Prints JSON and writes results/page_load.json.
"""

import argparse
import gzip
import http.server
import json
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from bench.machine import machine
from keepgate.site.folder import write_site
from tests.tools import path_of

RESULTS = Path(__file__).parent / "results"
LANGUAGES = ("en", "zh-TW")
# As Lighthouse's phone: round trips of 150 ms and 1.6 Mbit/s.
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
_WATCH = """
globalThis.longest = 0;
new PerformanceObserver((list) => list.getEntries().forEach((task) => { longest = Math.max(longest, task.duration); }))
    .observe({ type: "longtask", buffered: true });
globalThis.times = {};
const look = () => {
    const note = (name, is) => { if (is) times[name] ??= performance.now(); };
    note("words", document.querySelector("h1")?.textContent);
    const answered = document.querySelectorAll(".card .answer").length === 4;
    note("picture", answered && [...document.querySelectorAll("#strip canvas")].some(({ height }) => height > 0));
    note("networks", answered && document.querySelector("#beforehand-note").hidden);
    if (times.networks === undefined) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
_LOOK = 1500  # milliseconds from one thing that a visitor does to the next
_KEYS = """for (const key of [{}])
        document.querySelector("#strip").dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));"""
# What a visitor does, by the name of the measure that the page makes of it.
_ACTS = {
    "story": "document.querySelector('#another').click();",
    "read": "document.querySelector('#asking button[type=submit]').click();",
    "answer": "document.querySelector('.card.chosen .answer').click();",
    "what-if": _KEYS.format("'ArrowRight', 'x'"),
    "token": _KEYS.format("'ArrowRight', 'Enter'"),
    "values": """const unit = document.querySelector('[data-keep="step unit"]');
        unit.selectedIndex = 1 + (unit.selectedIndex % 10);
        unit.dispatchEvent(new Event("change"));""",
}


class _Compressed(http.server.SimpleHTTPRequestHandler):
    """Files compressed by gzip."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        content = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Compressed, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def load(browser: Any, url: str, language: str, cpu: float) -> dict[str, float]:
    """One load with an empty cache."""
    context = browser.new_context(locale=language, viewport={"width": 400, "height": 800})
    page = context.new_page()
    sizes: list[int] = []
    elsewhere: list[str] = []
    page.on(
        "request", lambda asked: asked.url.startswith((url, "blob:", "data:")) or elsewhere.append(asked.url)
    )
    session = context.new_cdp_session(page)
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", NETWORK)
    session.send("Emulation.setCPUThrottlingRate", {"rate": cpu})
    page.add_init_script(_WATCH)
    page.goto(url)
    page.wait_for_function(
        "() => times.networks !== undefined && times.picture !== undefined", timeout=60_000
    )
    times = page.evaluate("() => ({ ...times, longest })")
    context.close()
    return {**times, "bytes": sum(sizes), "requests": len(sizes), "elsewhere": len(elsewhere)}


def interactions(browser: Any, url: str, language: str, cpu: float, times: int) -> dict[str, int]:
    """Milliseconds of each, the median of so many."""
    page = browser.new_page(locale=language, viewport={"width": 400, "height": 800}, reduced_motion="reduce")
    page.goto(url)
    page.locator("#beforehand-note").wait_for(state="hidden")
    page.locator("#length").select_option(index=1)
    page.wait_for_function("() => document.querySelector('#strip').ariaValueMax > 250")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": cpu})
    taken: dict[str, list[float]] = {name: [] for name in _ACTS}
    for _ in range(times):
        for name, act in _ACTS.items():
            if name == "values":
                page.locator("#step").scroll_into_view_if_needed()
                page.locator("#step dd", has_text="=").first.wait_for()
            page.wait_for_timeout(_LOOK)
            page.evaluate(f"() => {{ performance.clearMeasures(); {act} }}")
            page.wait_for_function(f"() => performance.getEntriesByName('keepgate {name}').length")
            measure = f"() => performance.getEntriesByName('keepgate {name}')[0].duration"
            taken[name].append(page.evaluate(measure))
    page.close()
    return {name: round(statistics.median(durations)) for name, durations in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu", type=float, default=4.0, help="how many times slower the processor is made")
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "machine": machine(),
        "cpu": arguments.cpu,
        "network": NETWORK,
        "times": arguments.times,
    }
    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        folder = Path(name)
        result["folder"] = write_site(folder)
        browser = play.chromium.launch(executable_path=path_of("chromium"))
        with serving(folder) as url:
            for language in LANGUAGES:
                loads = [load(browser, url, language, arguments.cpu) for _ in range(arguments.times)]
                result[language] = {
                    key: round(statistics.median(each[key] for each in loads)) for key in loads[0]
                }
                result[language]["interactions"] = {
                    f"cpu {cpu:g}": interactions(browser, url, language, cpu, arguments.times)
                    for cpu in (1.0, arguments.cpu)
                }
        browser.close()
    text = json.dumps(result, indent=1)
    (RESULTS / "page_load.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
