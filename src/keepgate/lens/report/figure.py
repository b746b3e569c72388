"""Figure: one picture that stands alone, as SVG; its numbers as PNG or PDF by matplotlib."""

import base64
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...errors import SettingsError
from ...export.file import write_file
from .plot import file_bytes
from .style import alone

DPI = 300.0  # dots an inch of a PNG, as journals ask for
MARGIN = 12  # so that nothing touches the edge of a page


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
        sentences = [text for text in (self.title, self.description) if text]
        return " ".join(text if text.endswith((".", "。")) else f"{text}." for text in sentences)

    def _repr_html_(self) -> str:
        # An image is kept in a notebook that is not trusted, and never wider than its column; an SVG is neither.
        image = Markup('<img src="{}" alt="{}" style="max-width: 100%; height: auto">')
        return str(image.format(self.address(), self.words()))

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Figure {self.name}: {self.title}>"


def standing_alone(
    name: str,
    inline: Markup,
    style: Callable[[str], str] = alone,
    *,
    draw: Callable[[Any], Any] | None = None,
) -> Figure:
    """An inline picture as a file of its own, with the style sheet and the ground that it needs by itself.

    style: the style sheet, from all the words of the picture.
    """
    root = ElementTree.fromstring(inline)
    width, height = (float(side) + 2 * MARGIN for side in root.attrib["viewBox"].split()[2:])
    frame = {"x": f"{-MARGIN}", "y": f"{-MARGIN}", "width": f"{width:g}", "height": f"{height:g}"}
    sheet = ElementTree.Element("style")
    sheet.text = style(" ".join("".join(words.itertext()) for words in root.iter("text")))
    # A browser shows a title only as the first child.
    root[2:2] = [sheet, ElementTree.Element("rect", {"class": "sheet", **frame})]
    size = {"width": frame["width"], "height": frame["height"], "viewBox": " ".join(frame.values())}
    root.attrib.update({"xmlns": "http://www.w3.org/2000/svg", **size})
    return Figure(
        name=name, title=root.findtext("title", ""), description=root.findtext("desc", ""),
        svg=ElementTree.tostring(root, encoding="unicode"), width=width, height=height, draw=draw,
    )  # fmt: skip
