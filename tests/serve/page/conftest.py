"""The page as a person has it: the command in a process of its own, and Debian's Chromium before it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

import keepgate
from keepgate.data.questions import Question
from keepgate.demo.stories import vocabulary_coverage_set
from keepgate.export import save
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings
from tests.serve.series_models import forecaster, series_classifier
from tests.tools import needs, path_of

ROOT = Path(__file__).parents[3]
SCREENSHOTS = ROOT / "build" / "screenshots"

LANGUAGES = ("en", "zh-TW")
HOSTILE = "<img src=x onerror=alert(1)>"

Open = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser nothing here but the words can be tried."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(needs("chromium"))


@pytest.fixture(scope="session")
def named_badly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's own model of two layers and both directions, in a folder whose name is markup."""
    questions = [
        Question(text="魯夫在家。", question="誰在家?", answers=(name,)) for name in (HOSTILE, "魯夫", "娜美")
    ]
    settings = ChoiceReaderSettings(cell="lstm", num_layers=2, embedding_size=4, hidden_size=5)
    folder = tmp_path_factory.mktemp("models") / HOSTILE
    save(ChoiceReader.build(questions, settings, seed=0), folder, card={"what": HOSTILE})
    return folder


@pytest.fixture(scope="session")
def reads_chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's own model of Chinese stories, from whose name nothing can be guessed."""
    folder = tmp_path_factory.mktemp("models") / "mine"
    settings = ChoiceReaderSettings(embedding_size=4, hidden_size=5, pooling="last", bidirectional=False)
    save(
        ChoiceReader.build(vocabulary_coverage_set("zh"), settings, seed=0), folder, card={"what": "a reader"}
    )
    return folder


@pytest.fixture(scope="session")
def series_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forecaster, a series classifier, and a table for each."""
    folder = tmp_path_factory.mktemp("series")
    save(forecaster(folder), folder / "power", card={"what": "a forecaster"})
    save(series_classifier(folder), folder / "gestures", card={"what": "a series classifier"})
    return folder


@pytest.fixture(scope="session")
def series_arguments(series_folder: Path) -> list[str]:
    """Both with their tables, as the command is told them."""
    names = ("power", "gestures")
    return [
        *(str(series_folder / name) for name in names),
        *(f"--data={series_folder / name}.csv" for name in names),
    ]


# The user's models with which a server is started, as fixtures, by what `visit` calls it.
SERVED = {
    "plain": (),
    "own": ("named_badly",),
    "chinese": ("reads_chinese",),
    "series": ("series_arguments",),
    "both": ("named_badly", "series_arguments"),
}


@pytest.fixture(scope="session")
def address(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Where the page is served, with the networks that come along ("plain") or with a user's own too."""
    started: dict[str, tuple[subprocess.Popen[str], str]] = {}

    def find(which: str) -> str:
        if which not in started:
            given = [request.getfixturevalue(each) for each in SERVED[which]]
            started[which] = _serve(
                [str(part) for each in given for part in (each if isinstance(each, list) else [each])]
            )
        return started[which][1]

    yield find
    for process, _ in started.values():
        process.terminate()
        process.wait(20)


def _serve(arguments: list[str]) -> tuple[subprocess.Popen[str], str]:
    path = os.pathsep.join([str(Path(keepgate.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "keepgate.cli", "serve", "--port", "0", *arguments],
        env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        url = process.stdout.readline().strip()
    assert url.startswith("http://"), f"keepgate serve said {url!r}"
    return process, url


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path_of("chromium"))
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, address: Callable[[str], str]) -> Iterator[Open]:
    """Opens the page in a language and a window. What the page complains of in its console fails the test."""
    complaints: list[str] = []
    contexts = []

    def go(
        language: str = "en",
        width: int = 1280,
        height: int = 900,
        *,
        dark: bool = False,
        touch: bool = False,
        motion: bool = False,
        server: str = "plain",
        before: Callable[[Any], None] | None = None,
        ready: str | None = ".card .answer",
        expect: tuple[str, ...] = (),
    ) -> Any:
        context = browser.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            # A press is lost where the page still scrolls between the button's going down and up.
            reduced_motion="no-preference" if motion else "reduce",
            has_touch=touch,
            is_mobile=touch,
        )
        contexts.append(context)
        context.set_default_timeout(40_000)
        page = context.new_page()
        page.on("pageerror", lambda fault: complaints.append(f"error: {fault}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}") or dialog.dismiss())
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type in ("error", "warning") and not any(part in said.text for part in expect)
                else None
            ),
        )
        if before:
            before(page)
        page.goto(address(server))
        if ready:
            page.wait_for_selector(ready)
        return page

    yield go
    for context in contexts:
        # A handler still waiting for the server's reply would fail whatever test comes next.
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert not complaints


def until(page: Any, asked: str, arg: object = None) -> None:
    """Waits until an asynchronous function gives true; `wait_for_function` takes any promise for that."""
    end = time.monotonic() + 40
    while not page.evaluate(asked, arg):
        assert time.monotonic() < end, f"never true: {asked}"
        page.wait_for_timeout(20)


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keeps a screenshot of a page in build/screenshots."""

    def keep(page: Any, name: str, **how: Any) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.evaluate("() => document.getAnimations().forEach((each) => each.finish())")
        page.screenshot(path=SCREENSHOTS / f"{name}.png", **how)

    return keep


@pytest.fixture(scope="session")
def words() -> dict[str, dict[str, str]]:
    """The page's words by language."""
    import json

    from keepgate.serve.app import STATIC

    return {one: json.loads((STATIC / f"words.{one}.json").read_text("utf-8")) for one in LANGUAGES}


@pytest.fixture
def timed() -> Callable[..., float]:
    """Does something and gives the milliseconds until the page has drawn what came of it, by the page's own clock."""

    def measure(page: Any, name: str, act: Callable[[], None]) -> float:
        page.evaluate("() => performance.clearMeasures()")
        act()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = page.evaluate(
                "(name) => performance.getEntriesByName(`keepgate ${name}`).map((each) => each.duration)",
                name,
            )
            if found:
                return float(found[-1])
            page.wait_for_timeout(10)
        raise AssertionError(f"nothing was measured as {name}")

    return measure
