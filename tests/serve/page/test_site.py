"""The page as a folder: from a file, under a path of any web server, in a frame; every step, in both browsers."""

import http.server
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from keepgate.errors import BundleError
from keepgate.serve import STATIC
from keepgate.site.bundle import bundle, module_names
from keepgate.site.folder import LATER_WORDS, write_site
from tests.firefox import Firefox, firefox
from tests.tools import needs

from .conftest import LANGUAGES, ROOT, SCREENSHOTS
from .test_sizes import WIDE

MOST_BYTES = 1_500_000
MOST_REQUESTS = 12  # with the networks of both languages, the worker and what keeps the folder
WIDTHS = (1280, 400)

# What careful web servers send: nothing from elsewhere, and no worker from a string.
POLICY = {"Content-Type": "text/html", "Content-Security-Policy": "default-src 'self'"}

# Every step that a visitor can take, as one function of the language; it gives what was shown.
WALK = """async (language) => {
  const until = async (shown, what) => {
    for (let n = 0; n < 1200; n += 1) {
      const value = shown();
      if (value) return value;
      await new Promise((next) => setTimeout(next, 50));
    }
    throw new Error(`never shown: ${what}`);
  };
  const one = (css) => document.querySelector(css);
  const all = (css) => [...document.querySelectorAll(css)];
  const texts = (css) => all(css).map((each) => each.textContent);
  const shown = {};
  one(`[data-language="${language}"]`).click();
  const name = { en: "Luffy", "zh-TW": "魯夫" }[language];
  await until(() => one("#story").value.startsWith(name) && !one("[aria-busy=true]") && all(".card .answer").length === 5, "answers");
  shown.answers = await until(() => { const found = texts(".card .what"); return found[2] === name && found; }, "the right answer");
  all(".card .answer")[2].click();
  shown.source = (await until(() => one("blockquote"), "the sentence")).textContent;
  await until(() => one(".off"), "a word to take out");
  one(".off").click();
  await until(() => one(".outcome.new"), "another answer");
  shown.without = texts(".card .what")[2];
  one('[data-keep="undo all"]').click();
  await until(() => texts(".card .what")[2] === name, "the answer as before");
  one("#step").scrollIntoView();
  await until(() => one("#step .equations dd")?.textContent.includes("="), "the equations");
  for (let n = 0; n < 2; n += 1) one('[data-keep="step phase"]').click();
  shown.numbers = texts("#step .equations dd");
  one("#lengthen").scrollIntoView();
  await until(() => one("#lengthen table"), "the lengths");
  shown.fares = all("#lengthen tbody tr").map((row) => [...row.querySelectorAll("td")].map((cell) => cell.classList[0]));
  one("#to-gradient").click();
  await until(() => all(".curves path.line").length === 5, "the gradients");
  const bias = one("#gradient-bias");
  const numbers = texts(".gradients td.number").join();
  bias.value = "-8";
  bias.dispatchEvent(new Event("input"));
  await until(() => texts(".gradients td.number").join() !== numbers, "other gradients");
  one("#to-read").click();
  one("#story").value = { en: "Nami says she wants to become the pirate king. It rains.", "zh-TW": "娜美說她想成為海賊王。下雨了。" }[language];
  one("#asking button[type=submit]").click();
  await until(() => texts(".card .what")[2] === { en: "Nami", "zh-TW": "娜美" }[language], "the answer about a typed story");
  one("#mind").click();
  const newer = { en: "Ben", "zh-TW": "志豪" }[language];
  await until(() => texts(".card.chosen .what")[0] === newer && one("#mind-note").checkVisibility(), "a changed mind");
  one("#pupils").click();
  await until(() => all(".pupil").length === 2 && texts(".card .what")[0] !== texts(".card .what")[2], "two pupils");
  const label = () => one("#step .film")?.getAttribute("aria-label");
  const shows = {
    1: () => label() !== before,
    2: () => one("#gradient-bias").value === "-8",
    3: () => label() !== before,
    4: () => one("#step .film .letter.now")?.textContent === "王",
    5: () => texts(".card .what")[1] === name,
    6: () => one("#longer") && one("#longer").value === one("#longer").max,
    7: () => label() !== before,
    8: () => texts(".card .what")[2] === { en: "Nami", "zh-TW": "娜美" }[language],
  };
  let [before, tries] = [null, 0];
  shown.guide = [];
  for (let step = 1; step <= 8; step += 1) {
    location.hash = `guide-${step}`;
    await until(() => one("#guide h1")?.textContent.includes(String(step)) && one("#guide [aria-current=step]")?.textContent === String(step), `step ${step}`);
    const look = () => one(":is(#step, #lengthen, #gradients, .inside).shown")?.scrollIntoView(); // what is not in sight waits
    await until(() => look() ?? one(step === 2 ? ".curves path.line" : ".shown canvas, .shown .film .head, .shown #longer"), `the picture of step ${step}`);
    await new Promise((next) => setTimeout(next, 50));
    shown.guide.push(one("#guide h1").textContent);
    if (step === 8) await until(() => texts(".card .what")[0] === { en: "Nami", "zh-TW": "娜美" }[language] && texts(".card .what")[2] === name, "two wishes");
    [before, tries] = [label(), 0];
    // Pressed before the step's story is read, it is pressed again.
    await until(() => (tries++ % 100 || one('[data-keep="guide show"]').click(), shows[step]()), `what step ${step} shows`);
  }
  one("#to-read").click();
  await until(() => one(".asking").checkVisibility() && !one("[aria-busy=true]"), "the free mode");
  window.scrollTo(0, 0);
  return shown;
}"""

# The page without the data that came with it.
SHOWN = """() => {
  const copy = document.documentElement.cloneNode(true);
  copy.querySelector("#basics").remove();
  return copy.outerHTML;
}"""

pytestmark = needs("chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "a path" / "site"
    size = write_site(folder)
    assert size == sum(path.stat().st_size for path in folder.iterdir() if path.name != "manifest.json")
    assert size < MOST_BYTES
    return folder


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Where a plain web server has the folder, two levels down."""
    handler = partial(_Silent, directory=str(folder.parents[1]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/a%20path/site/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def under_a_path(folder: Path) -> Iterator[str]:
    with web_server(folder) as url:
        yield url


class _Silent(http.server.SimpleHTTPRequestHandler):
    answers = threading.Event()
    answers.set()

    def do_GET(self) -> None:
        self.answers.wait()
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


def check(shown: dict[str, Any], language: str) -> None:
    name = {"en": "Luffy", "zh-TW": "魯夫"}[language]
    assert shown["answers"][2:] == [name, name, name]
    assert name in shown["source"]
    assert shown["without"] != name
    assert "…" not in shown["numbers"]
    assert [row[0] for row in shown["fares"]] == ["right"] * 5
    assert set(shown["fares"][2]) == {"right"}
    assert "wrong" in shown["fares"][0]
    assert len(set(shown["guide"])) == 8


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("how", ["file", "path"])
def test_every_step_in_chromium(
    how: str, width: int, language: str, folder: Path, request: pytest.FixtureRequest, browser: Any
) -> None:
    url = folder.joinpath("index.html").as_uri() if how == "file" else request.getfixturevalue("under_a_path")
    context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
    page, complaints, asked = context.new_page(), [], []
    page.on("pageerror", lambda fault: complaints.append(str(fault)))
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("request", lambda each: asked.append(each.url))
    page.goto(url)
    page.wait_for_selector(".card .answer")
    page.locator("#beforehand-note").wait_for(state="hidden")
    if how == "path":
        # What is needed comes with the guide's first step: a later one reads Chinese in every language.
        page.locator("#to-guide").click()
        page.wait_for_function("() => globalThis.keepgate.zh")
        page.locator("#to-read").click()
        context.set_offline(True)
    check(page.evaluate(WALK, language), language)
    assert len(page.workers) == 1  # what computes does not hold the page up
    content, window, out = page.evaluate(WIDE)
    assert content <= window
    assert not out
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"site-chromium-{how}-{width}-{language}.png", full_page=True)
    context.close()
    assert not complaints
    local = url.rsplit("/", 1)[0]
    assert all(each.startswith((local, "blob:", "data:")) for each in asked), asked
    assert len(asked) <= MOST_REQUESTS, asked


@pytest.fixture(scope="module")
def fox() -> Iterator[Firefox]:
    with firefox() as one:
        yield one


@needs("firefox")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_step_in_firefox(
    width: int, language: str, folder: Path, under_a_path: str, fox: Firefox
) -> None:
    # In a frame, which can be as narrow as a phone: Firefox's window cannot.
    framed = folder.with_name(f"{width}.html")
    framed.write_text(
        f'<iframe src="{folder.name}/index.html" width="{width}" height="900" style="border: 0">'
    )
    for how, url in (("file", framed.as_uri()), ("path", f"{under_a_path}../{framed.name}")):
        fox.command("WebDriver:SetWindowRect", width=1400, height=1100)
        fox.open(url)
        fox.enter_frame()
        assert fox.run("return innerWidth;") == width
        check(fox.call(WALK, language), language)
        hosts = fox.run(
            "return performance.getEntriesByType('resource').map(({ name }) => new URL(name).host);"
        )
        assert how == "file" or hosts  # of files Firefox lists none
        assert set(hosts) <= {"", urlsplit(url).netloc}
        content, window, out = fox.run(f"return ({WIDE})();")
        assert content <= window
        assert not out
        fox.screenshot(SCREENSHOTS / f"site-firefox-{how}-{width}-{language}.png")


def test_it_opens_again_when_the_server_is_gone(folder: Path, browser: Any) -> None:
    context = browser.new_context(locale="en")
    page = context.new_page()
    with web_server(folder) as url:
        page.goto(url)
        page.locator(".card .answer").nth(3).wait_for()
        page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    # What was not asked for at the first visit.
    page.goto(f"{url}?lang=zh-TW&story=娜美說她想成為海賊王。下雨了。&question=是誰想成為海賊王？")
    page.locator(".card .what").nth(2).get_by_text("娜美").wait_for()
    page.locator(".card .answer").nth(2).click()
    page.locator("blockquote").wait_for()
    page.goto(f"{url}?guide=3&lang=en")
    page.locator(".film .head").wait_for()
    page.goto(f"{url}sheet.html")
    assert page.locator(".questions h2").count() == 16
    context.close()


def test_it_opens_again_where_the_server_takes_the_request_and_never_replies(
    folder: Path, browser: Any
) -> None:
    context = browser.new_context(locale="en")
    page = context.new_page()
    with web_server(folder) as url:
        page.goto(url)
        page.locator(".card .answer").nth(3).wait_for()
        page.evaluate("async () => { await navigator.serviceWorker.ready; }")
        _Silent.answers.clear()
        try:
            page.goto(f"{url}?guide=3&lang=zh-TW")
            page.locator(".film .head").wait_for()
        finally:
            _Silent.answers.set()
    context.close()


def test_a_file_that_was_replaced_comes_new_though_the_last_reply_is_long_past(
    folder: Path, tmp_path: Path, browser: Any
) -> None:
    copied = shutil.copytree(folder, tmp_path / "a path" / "site")
    context = browser.new_context(locale="en")
    page = context.new_page()
    with web_server(copied) as url:
        page.goto(url)
        page.evaluate("async () => { await navigator.serviceWorker.ready; }")
        page.reload()  # from now on through the service worker
        page.locator("#beforehand-note").wait_for(state="hidden")
        page.wait_for_timeout(3_500)  # more than the network is given to reply
        (copied / "sheet.css").write_text("new")
        assert page.evaluate("async () => (await fetch('sheet.css', { cache: 'no-store' })).text()") == "new"
    context.close()


def test_the_sheet_and_a_part_open_from_a_file(folder: Path, browser: Any) -> None:
    page = browser.new_page(locale="en")
    page.goto(folder.joinpath("sheet.html").as_uri())
    assert page.locator(".questions h2").count() == 16
    page.goto(folder.joinpath("index.html").as_uri() + "?embed=gates&lang=zh-TW")
    page.locator("#strip canvas").first.wait_for()
    page.locator("#beforehand-note").wait_for(state="hidden")
    assert page.locator("main > .shown").count() == 1
    assert page.locator(".hero").first.is_hidden()
    page.close()


def test_the_folder_says_what_reads_one_s_own_models(
    under_a_path: str, browser: Any, words: dict[str, dict[str, str]]
) -> None:
    page = browser.new_page(locale="en")
    page.goto(under_a_path)
    page.locator("footer p", has_text="keepgate serve").wait_for()
    assert page.locator("footer p").last.inner_text() == words["en"]["footer.site"] != words["en"]["footer"]
    page.close()


def test_it_runs_in_a_frame_of_another_page(under_a_path: str, browser: Any) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.set_content(
        f'<iframe src="{under_a_path}" width="900" height="700" sandbox="allow-scripts"></iframe>'
    )
    frame = page.frame_locator("iframe")
    frame.locator(".card .answer").nth(3).wait_for()
    frame.locator(".card .answer").nth(2).click()
    frame.locator("blockquote").wait_for()
    page.close()


@pytest.mark.parametrize("how", ["browser", "policy"])
def test_it_runs_where_there_can_be_no_worker(
    how: str, folder: Path, under_a_path: str, browser: Any
) -> None:
    page = browser.new_page(reduced_motion="reduce")
    if how == "browser":
        page.add_init_script("window.Worker = class { constructor() { throw new Error('forbidden'); } };")
    else:
        page.route("**/index.html", lambda route: route.fulfill(path=folder / "index.html", headers=POLICY))
    page.goto(f"{under_a_path}index.html")
    page.locator(".card .answer").nth(2).click()
    page.locator("blockquote").wait_for()
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_picture_is_there_beforethe_networks_and_the_same(
    language: str, under_a_path: str, browser: Any, words: dict[str, dict[str, str]]
) -> None:
    page, held, rest = browser.new_page(locale=language), [], []
    page.route("**/networks.*.js", lambda route: held.append(route))
    page.route("**/rest.js", lambda route: rest.append(route))
    page.goto(under_a_path, wait_until="commit")  # it is not loaded before what is held back
    note = page.locator("#beforehand-note")
    page.locator("#strip canvas").wait_for()
    assert note.inner_text() == words[language]["answers.beforehand"]
    assert page.locator(".card .answer").count() == 5
    content = page.evaluate(SHOWN)
    assert not [key for key in words[language] if "." in key and key in content.replace(f'"{key}"', "")]
    while not rest:
        page.wait_for_timeout(20)
    rest[0].continue_()
    page.locator(".hint").wait_for()
    first = page.locator(".answers").inner_text()
    legend = page.locator(".bench").inner_text()
    values = page.locator("#strip").get_attribute("aria-valuemax")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    note.wait_for(state="hidden")
    assert page.locator(".answers").inner_text() == first
    assert page.locator(".bench").inner_text() == legend
    assert page.locator("#strip").get_attribute("aria-valuemax") == values
    page.close()


def test_an_answer_that_is_pressed_beforethe_rest_has_come_is_explained_then(
    under_a_path: str, browser: Any
) -> None:
    page, rest = browser.new_page(), []
    page.route("**/rest.js", lambda route: rest.append(route))
    page.goto(under_a_path, wait_until="commit")
    page.locator(".card .answer").nth(2).click()
    while not rest:
        page.wait_for_timeout(20)
    rest[0].continue_()
    page.locator("#panel .explained").wait_for()
    page.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guide_that_is_opened_beforethe_networks_have_come_reads_its_own_story(
    language: str, under_a_path: str, browser: Any
) -> None:
    (other,) = {*LANGUAGES} - {language}
    page, held = browser.new_page(locale=other, reduced_motion="reduce"), []
    page.route("**/engine.js", lambda route: held.append(route))
    page.goto(under_a_path, wait_until="commit")
    while not held:
        page.wait_for_timeout(20)
    page.locator(f"[data-language={language}]").click()
    page.evaluate("() => { location.hash = 'guide-7'; }")
    page.locator("#guide [aria-current=step]").wait_for()
    held[0].continue_()
    page.locator("#step .film .head").wait_for()
    page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    page.wait_for_timeout(1000)  # in which another story would have been read
    told = {"en": "Luffy says he wants to become the pirate king.", "zh-TW": "魯夫說他想成為海賊王。"}
    assert page.locator("#story").input_value() == told[language]
    page.close()


def test_it_names_a_file_that_is_missing(folder: Path, tmp_path: Path, browser: Any) -> None:
    copied = ("index.html", "page.css", "page.js")
    for more, missing in (((), "rest.js"), (("rest.js", "engine.js"), "networks.en.js")):
        for name in (*copied, *more):
            (tmp_path / name).write_bytes((folder / name).read_bytes())
        page = browser.new_page(locale="en")
        page.goto((tmp_path / "index.html").as_uri())
        page.locator("#asking-fault", has_text=missing).wait_for()
        page.close()


def test_the_first_picture_asks_for_no_word_that_comes_later(words: dict[str, dict[str, str]]) -> None:
    first = module_names(("site.js",), lambda name: (STATIC / name).read_text("utf-8"))
    assert "panel.js" not in first
    written = "".join((STATIC / name).read_text("utf-8") for name in first)
    asked = set(re.findall(r"""["`]([a-z_]+)\.[\w.$]""", written))
    assert {"answers", "strip", "token"} <= asked
    assert not asked & LATER_WORDS
    assert {key.split(".")[0] for key in words["en"]} > LATER_WORDS


@pytest.mark.parametrize("page", ["README.md", "README.zh-TW.md"])
def test_the_readme_states_its_size(page: str, folder: Path) -> None:
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert f"{size / 1e6:.1f} MB" in (ROOT / page).read_text("utf-8")


def test_an_own_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BundleError):
        write_site(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def reading(texts: dict[str, str]) -> Callable[[str], str]:
    return lambda name: texts[name]


def test_a_bundle_runs_each_module_once_and_gives_what_an_entry_exports(browser: Any) -> None:
    texts = {
        "a.js": 'import { two as zwei } from "./in/b.js";\nimport { count } from "./in/c.js";\nexport const sum = zwei() + count.times;\n',
        "in/b.js": 'import { count } from "./c.js";\nexport function two() {\n  return count.times + 1;\n}\n',
        "in/c.js": "export const count = { times: 0 };\ncount.times += 1;\n",
    }
    page = browser.new_page()
    page.add_script_tag(content=bundle(("a.js",), reading(texts), function="made"))
    assert page.evaluate("() => made('a.js').sum") == 3
    page.close()


def test_two_bundles_share_their_modules(browser: Any) -> None:
    texts = {
        "a.js": 'import { one } from "./c.js";\nexport const first = one;\n',
        "b.js": 'import { one } from "./c.js";\nexport const second = one;\n',
        "c.js": "export const one = { };\n",
    }
    page = browser.new_page()
    held = module_names(("a.js",), reading(texts))
    assert set(held) == {"a.js", "c.js"}
    rest = bundle(("b.js",), reading(texts), function="rest", without=held)
    assert "c.js" not in rest.replace('need("c.js")', "")
    page.add_script_tag(content=bundle(("a.js",), reading(texts), function="made") + rest)
    assert page.evaluate(
        "() => { const all = {}; return made('a.js', all).first === rest('b.js', all).second; }"
    )
    page.close()


@pytest.mark.parametrize(
    "text",
    ['import * as b from "./b.js";\n', "export default 1;\n", "export let a = 1;\n", 'import("./b.js");\n'],
)
def test_a_bundle_refuses_what_it_cannot_take(text: str) -> None:
    with pytest.raises(ValueError, match="another form"):
        bundle(("a.js",), reading({"a.js": text}), function="made")


def test_a_bundle_refuses_a_circle() -> None:
    texts = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    with pytest.raises(ValueError, match=r"a\.js → b\.js → a\.js"):
        bundle(("a.js",), reading(texts), function="made")
