"""A picture as a file of its own: with its colours, a ground to stand on, and a size."""

import re
from pathlib import Path

from markupsafe import Markup

WIDTH, MARGIN = 720.0, 14.0
_STYLE = Path(__file__).with_name("figures.css")
_OPENING = re.compile(r'<svg viewBox="0 0 ([\d.]+) ([\d.]+)" ')


def standalone(picture: Markup) -> str:
    """The SVG file of a picture of `keepgate.charts`, which by itself takes its colours from a page's style sheet."""
    found = _OPENING.match(picture)
    assert found is not None, "a picture begins with its size"
    width, height = (float(side) + 2 * MARGIN for side in found.groups())
    box = f"{-MARGIN:g} {-MARGIN:g} {width:g} {height:g}"
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="{box}" '
    style = re.sub(r"\s+", " ", _STYLE.read_text(encoding="utf-8")).strip()
    ground = f'<rect class="card" x="{-MARGIN:g}" y="{-MARGIN:g}" width="{width:g}" height="{height:g}" rx="8"/>'
    # A title has to be an SVG's first child for a browser to show it.
    head, told = picture[found.end() :].split("</desc>", 1)
    return f"{opening}{head}</desc><style>{style}</style>{ground}{told}\n"
