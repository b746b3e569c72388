"""Figure: one picture that stands alone, as SVG; its numbers as PNG or PDF by matplotlib."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...errors import SettingsError
from ...export.file import write_file
from .plot import file_bytes
from .style import alone

# Dots an inch of a PNG, as journals ask for.
DPI = 300.0


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture on white. name: as it was asked for. title, description: what a screen reader says of it.

    svg: the whole file. width, height: in its own pixels. draw: the same numbers into one of matplotlib's Axes.
    """

    name: str
    title: str
    description: str
    svg: str
    width: float
    height: float
    draw: Callable[[Any], Any] | None = None

    def save(self, path: str | Path, *, dpi: float = DPI) -> Path:
        """The path of a .svg, .png or .pdf file, written whole or not at all.

        dpi: dots an inch of a PNG. PNG and PDF need matplotlib and a font that has all the letters.
        Raises SettingsError for another ending, without matplotlib or such a font; OSError as writing does.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending == ".svg":
            return write_file(path, self.svg.encode())
        if ending in (".png", ".pdf") and self.draw is not None:
            return write_file(path, file_bytes(self.draw, ending[1:], dpi))
        raise SettingsError(
            f"{path.name!r} ends in {ending or 'nothing'}; a figure is saved as .svg, .png or .pdf"
        )

    def address(self) -> str:
        """The whole picture as an address, for the `src` of an image."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"

    def words(self) -> str:
        """What it shows, for whoever does not see it."""
        parts = [part for part in (self.title, self.description) if part]
        return " ".join(part if part.endswith((".", "。")) else f"{part}." for part in parts)

    def _repr_html_(self) -> str:
        # An image is kept in a notebook that is not trusted, and never wider than its column; an SVG is neither.
        whole = Markup('<img src="{}" alt="{}" style="max-width: 100%; height: auto">')
        return str(whole.format(self.address(), self.words()))

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Figure {self.name}: {self.title}>"


def standing_alone(
    name: str, drawn: Markup, style: Callable[[str], str] = alone, *, draw: Callable[[Any], Any] | None = None
) -> Figure:
    """A picture that charts or a look drew, with the style sheet and the sheet of paper that it needs by itself.

    style: the style sheet, from all the words of the picture.
    """
    picture = str(drawn)
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)
    assert found is not None
    width, height = float(found[1]), float(found[2])
    words = " ".join(spoken(picture))
    title, description = (_inside(picture, tag) for tag in ("title", "desc"))
    # A margin, so that nothing touches the edge of a page.
    margin = 12
    frame = f"{-margin} {-margin} {width + 2 * margin:g} {height + 2 * margin:g}"
    sheet = (
        f'<style>{style(words)}</style><rect class="sheet" x="{-margin}" y="{-margin}" '
        f'width="{width + 2 * margin:g}" height="{height + 2 * margin:g}"/>'
    )
    body = picture.replace(found[0], f'viewBox="{frame}"', 1)
    body = body.replace(
        "<svg ",
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 2 * margin:g}" height="{height + 2 * margin:g}" ', 1,
    )  # fmt: skip
    opening, begin, rest = body.partition("<title")
    return Figure(
        name=name, title=title, description=description, svg=f"{opening}{sheet}{begin}{rest}",
        width=width + 2 * margin, height=height + 2 * margin, draw=draw,
    )  # fmt: skip


def spoken(svg: str) -> list[str]:
    """The words that a picture shows."""
    return [Markup(words).striptags() for words in re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)]


def _inside(svg: str, tag: str) -> str:
    found = re.search(rf"<{tag}[^>]*>(.*?)</{tag}>", svg, re.DOTALL)
    return Markup(found[1]).unescape() if found else ""
