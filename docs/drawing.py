"""Pictures as files of their own: curves and strips with their colours, a ground to stand on, and a size."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from keepgate.charts import Axis, Curve, Curves, Level, Row, draw_curves, draw_strip
from keepgate.wording import LANGUAGES

WIDTH, MARGIN = 720.0, 14.0
_STYLE = Path(__file__).with_name("figures.css")
_OPENING = re.compile(r'<svg viewBox="0 0 ([\d.]+) ([\d.]+)" ')


def words_of(page: str, language: str) -> dict[str, str]:
    """The words of one page's pictures in one language, by their keys in words.toml."""
    table = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    return {key: entry[language] for key, entry in table[page].items()}


def standalone(picture: Markup, language: str, rules: str = "") -> str:
    """The SVG file of a picture of `keepgate.charts`, which by itself takes its colours from a page's style sheet.

    language: of its words, "en" or "zh"; a browser chooses by it how Chinese letters look.
    rules: CSS of this picture alone.
    """
    found = _OPENING.match(picture)
    assert found is not None, "a picture begins with its size"
    width, height = (float(side) + 2 * MARGIN for side in found.groups())
    box = f"{-MARGIN:g} {-MARGIN:g} {width:g} {height:g}"
    size = f'width="{width:g}" height="{height:g}" viewBox="{box}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" lang="{LANGUAGES[language]}" {size} '
    style = re.sub(r"\s+", " ", _STYLE.read_text(encoding="utf-8") + rules).strip()
    ground = (
        f'<rect class="card" x="{-MARGIN:g}" y="{-MARGIN:g}" width="{width:g}" height="{height:g}" rx="8"/>'
    )
    # A title has to be an SVG's first child for a browser to show it.
    head, told = picture[found.end() :].split("</desc>", 1)
    return f"{opening}{head}</desc><style>{style}</style>{ground}{told}\n"


def curves(
    lines: Sequence[Curve], x: Axis, y: Axis, words: tuple[str, str, str], told: str, language: str,
    levels: Sequence[Level] = (),
) -> str:  # fmt: skip
    """Curves as a file. words: the title, and the names of the axes; told: the values, for who cannot see them."""
    title, x_name, y_name = words
    content = Curves(
        title=title, description=told, x=x, y=y, x_name=x_name, y_name=y_name, curves=lines, levels=levels
    )
    return standalone(draw_curves(content, "figure", WIDTH, 330.0, "curves"), language)


def strip(tokens: Sequence[str], rows: Sequence[Row], title: str, language: str) -> str:
    """A strip of bars under a text as a file; for who cannot see them, the values are told in words."""
    told = " ".join(
        f"{token}: " + ", ".join(f"{row.name} {row.written[k]}" for row in rows) + "."
        for k, token in enumerate(tokens)
    )
    return standalone(draw_strip(tokens, rows, "figure", title, told, WIDTH, "strip"), language)


def row(name: str, kind: str, values: Sequence[float], full: float = 1.0) -> Row:
    """One row of a strip, written with two decimals."""
    return Row(name=name, kind=kind, values=values, written=[f"{value:.2f}" for value in values], full=full)
