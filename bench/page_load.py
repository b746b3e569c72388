"""How fast the page without a server shows something on a phone, in Chromium slowed down.

    python -m bench.page_load [--cpu 4] [--times 5]

The folder of `keepgate site` is served from this machine, compressed as web servers do, to a window of 400 pixels. For
each language the medians over some loads with an empty cache, in milliseconds from the start of the navigation: until
words are seen, until the first picture (the answers and the strip with its gates) is drawn, and until the networks have
answered; the longest task of the page until then; bytes, requests, and how many of these went to another host.

Then everything that a visitor can do with a story of 300 characters (1,200 in English), as it is and slowed down:
medians in milliseconds from the act until what came of it is drawn. Prints JSON and writes results/page_load.json.
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
from keepgate.demo.pretrained import NAMES
from keepgate.site.folder import write_site
from tests.tools import path_of

RESULTS = Path(__file__).parent / "results"
LANGUAGES = ("en", "zh-TW")
# As Lighthouse's phone: round trips of 150 ms and 1.6 Mbit/s.
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
_WATCH = (
    f"const NETWORKS = {len(NAMES)};\n"
    + """
globalThis.longest = 0;
new PerformanceObserver((list) => list.getEntries().forEach((task) => { longest = Math.max(longest, task.duration); }))
    .observe({ type: "longtask", buffered: true });
globalThis.times = {};
const look = () => {
    const note = (name, is) => { if (is) times[name] ??= performance.now(); };
    note("words", document.querySelector("h1")?.textContent);
    const answered = document.querySelectorAll(".card .answer").length === NETWORKS;
    note("picture", answered && [...document.querySelectorAll("#strip canvas")].some(({ height }) => height > 0));
    note("networks", answered && document.querySelector("#beforehand-note").hidden);
    if (times.networks === undefined) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
)
_LOOK = 1500  # milliseconds from one thing that a visitor does to the next
_KEYS = """for (const key of [{}])
        document.querySelector("#strip").dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));"""
_SLIDE = """const slider = document.querySelector(`{}`);
        slider.value = slider.value === slider.max ? slider.min : Number(slider.value) + {};
        slider.dispatchEvent(new Event("input"));"""
_SELECT = """const choice = document.querySelector(`{}`);
        choice.selectedIndex = {};
        choice.dispatchEvent(new Event("change"));"""
_CLICK = "document.querySelector(`{}`).click();"
# What a visitor does where: the section that is in sight, the act, and the measure that the page makes of it where it
# asks its networks for something.
ACTS: dict[str, tuple[str, str, str | None]] = {
    "story": ("#asking", _CLICK.format("#another"), "story"),
    "length": ("#asking", _SELECT.format("#length", 1), "story"),
    "language": ("#asking", _CLICK.format("[data-language][aria-pressed=false]"), "story"),
    "typed": (
        "#asking",
        """const story = document.querySelector("#story");
        story.value += "!";
        story.dispatchEvent(new Event("input"));""",
        None,
    ),
    "read": ("#asking", _CLICK.format("#asking button[type=submit]"), "read"),
    "answer": (".answers", _CLICK.format(".card.chosen .answer"), "answer"),
    "network": (".answers", _CLICK.format(".card:nth-child(n+3):not(.chosen) input"), None),
    "what-if": ("#strip", _KEYS.format("'ArrowRight', 'x'"), "what-if"),
    "token": ("#strip", _KEYS.format("'ArrowRight', 'Enter'"), "token"),
    "values": (
        "#step",
        _SELECT.format('[data-keep="step unit"]', "1 + (choice.selectedIndex % 10)"),
        "values",
    ),
    "phase": ("#step", _CLICK.format('[data-keep="step phase"]'), None),
    "step": ("#step", _CLICK.format('[data-keep="step forward"]'), None),
    "seek": ("#step", _SLIDE.format(".seek input", 7), None),
    "letters": ("#step", _SELECT.format('[data-keep="step letters"]', "1 - choice.selectedIndex"), None),
    "longer": ("#lengthen", _SLIDE.format("#longer", 1), None),
    "lengthen": ("#lengthen", _CLICK.format("[name=from]:not(:checked)"), "lengthen"),
    "bias": ("#gradients", _SLIDE.format("#gradient-bias", 0.25), None),
    "lag": ("#gradients", _SLIDE.format("#gradient-lag", 10), None),
    "gradient": ("#gradients", _SLIDE.format("#gradient-scale", 0.1), "gradient"),
    "guide": ("#guide", _CLICK.format("#guide .steps li:not(:has([aria-current])) a"), "guide"),
}
# From the act to the picture: its frame is drawn once a task after that frame runs.
_TIME = """([act, measure]) => new Promise((done) => {
    const drawn = () => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => done(performance.now() - start);
        port2.postMessage(null);
    });
    if (measure) {
        const name = `keepgate ${measure}`;
        new PerformanceObserver((list, observer) => {
            if (!list.getEntriesByName(name).length) return;
            observer.disconnect();
            done(performance.now() - start);
        }).observe({ type: "measure" });
    }
    const start = performance.now();
    new Function(act)();
    if (!measure) drawn();
})"""


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
    page.wait_for_timeout(_LOOK)  # in which nobody but the page has it work
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
    other = "en" if language == "zh-TW" else "zh-TW"
    for tongue in (other, language):  # whose networks are there then
        page.locator(f"[data-language={tongue}]").click()
        page.wait_for_function(_READ_BY, arg=tongue)
    page.locator("#length").select_option(index=1)
    page.wait_for_function("() => document.querySelector('#strip').ariaValueMax > 250")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": cpu})
    taken: dict[str, list[float]] = {name: [] for name in ACTS}
    for _ in range(times):
        for name, (place, act, measure) in ACTS.items():
            _prepare(page, name, place, language)
            page.wait_for_timeout(_LOOK)
            taken[name].append(page.evaluate(_TIME, [act, measure]))
    page.close()
    return {name: round(statistics.median(durations)) for name, durations in taken.items()}


_READ_BY = """(language) => document.documentElement.lang.startsWith(language.slice(0, 2)) &&
    /[\\u4e00-\\u9fff]/.test(document.querySelector("#story").value) === (language === "zh-TW") &&
    !document.querySelector("[aria-busy=true]")"""


def _prepare(page: Any, name: str, place: str, language: str) -> None:
    """Has in sight what an act is about, and as it is before."""
    part = {"#gradients": "gradient", "#guide": "guide-3"}.get(place, "read")
    page.evaluate(f"() => {{ location.hash = '{part}'; }}")
    if name == "length":
        page.locator("#length").select_option(index=0)
        page.wait_for_function("() => document.querySelector('#strip').ariaValueMax < 250")
    if name == "typed":  # in the language itself again
        page.locator(f"[data-language={language}]").click()
        page.wait_for_function(_READ_BY, arg=language)
    if name == "what-if":  # of the LSTM
        page.locator(".card:nth-child(3) input").check()
    if name == "answer":  # about which nobody has asked yet
        page.locator("#another").click()
    page.locator(place).scroll_into_view_if_needed()
    shown = {"#step": "#step dd", "#lengthen": "#lengthen table", "#gradients": ".curves"}.get(place)
    if shown:
        page.locator(shown).first.wait_for()


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
