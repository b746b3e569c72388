"""Runs the guide's pages, writes what they print into them, and draws their pictures.

    python -m docs.figures [--check]

With --check nothing is written, and a page or picture that is stale is an error. On one thread, so that one machine
draws the same bytes each time. The pictures are SVG with their own colours, for light and dark, each in both languages.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from docs.drawing import standalone
from docs.drawn_story import story_figures
from docs.drawn_waiter import waiter_figures
from docs.pages import run_page
from keepgate.lens.report.arcs import draw_arcs
from keepgate.lens.report.automaton import draw_automaton
from keepgate.lens.report.figure import standing_alone
from keepgate.lens.report.figures import WIDTH
from keepgate.lens.report.series_figure import draw_series
from keepgate.lens.report.style import adapting
from keepgate.wording import LANGUAGES

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "guide"
FIGURES = GUIDE / "figures"
# The end of a page's name, by the language of its pictures.
PAGES = {"en": ".md", "zh": ".zh-TW.md"}
# Pages that train a model of a task and leave its `explanation` behind: which picture of it is drawn.
TASKS = {
    "readers": "arcs",
    "classifier": "arcs",
    "tagger": "arcs",
    "language_model": "arcs",
    "series": "steps",
}
_DRAW = {"arcs": draw_arcs, "steps": draw_series}


_AUTOMATON = """
.arc { fill: none; stroke: var(--s3); stroke-linecap: round; }
.arc.faint { stroke: var(--soft); stroke-dasharray: 5 5; }
.dot { fill: var(--s3); stroke: var(--paper); stroke-width: 1.5; }
.dot-number { fill: var(--on-bar); font-size: 12px; font-weight: 700; }
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    stale = list(_stale(write=not check))
    if check and stale:
        sys.exit(f"stale: {', '.join(path.name for path in stale)}; run python -m docs.figures")
    print(
        "\n".join(f"{path.name} {'is stale' if check else 'written'}" for path in stale) or "nothing is stale"
    )


def _stale(*, write: bool) -> Iterator[Path]:
    """Pages and pictures that were not what they should be; with `write` they now are."""
    explained = [GUIDE / f"{name}{ending}" for name in ("explain", "questions") for ending in PAGES.values()]
    for page in (ROOT / "README.md", ROOT / "README.zh-TW.md", *explained):
        if not run_page(page, write=write)[1]:
            yield page
    for language, ending in PAGES.items():
        for name, draw in (
            ("memory", _memory_figures),
            ("remember", waiter_figures),
            ("story", story_figures),
        ):
            page = GUIDE / f"{name}{ending}"
            names, fresh = run_page(page, write=write)
            if not fresh:
                yield page
            end = "en" if language == "en" else "zh-TW"
            drawn = {f"{figure}.{end}.svg": svg for figure, svg in draw(names, language).items()}
            yield from _stale_pictures(drawn, write=write)
    for page in (GUIDE / f"{name}{ending}" for name in TASKS for ending in PAGES.values()):
        names, fresh = run_page(page, write=write)
        if not fresh:
            yield page
        name, _, end = page.stem.partition(".")
        language = "zh" if end else "en"
        drawn = _DRAW[TASKS[name]](names["explanation"], language, "figure", WIDTH, "diagram")
        svg = standing_alone(name, drawn, adapting).svg
        spoken = svg.replace("<svg ", f'<svg lang="{LANGUAGES[language]}" ', 1)
        yield from _stale_pictures({f"{name}-{TASKS[name]}.{end or 'en'}.svg": f"{spoken}\n"}, write=write)


def _memory_figures(names: dict[str, Any], language: str) -> dict[str, str]:
    return {"automaton": standalone(draw_automaton(names["automaton"], language), language, _AUTOMATON)}


def _stale_pictures(drawn: dict[str, str], *, write: bool) -> Iterator[Path]:
    for name, svg in drawn.items():
        path = FIGURES / name
        if not path.exists() or path.read_text(encoding="utf-8") != svg:
            if write:
                path.parent.mkdir(exist_ok=True)
                path.write_text(svg, encoding="utf-8")
            yield path


if __name__ == "__main__":
    main()
