"""SVG → PNG by resvg, and whether this machine's fonts can draw the letters: without one it would leave them out."""

import re
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from ...errors import SettingsError

if TYPE_CHECKING:
    from .figure import Figure

# More than 120 million pixels would take half a gigabyte.
MOST = 120_000_000
# Each letter is tried in a cell of its own: so many pixels, so many to a line.
CELL, ACROSS = 24, 64
# A private letter that no font of text has; what is drawn for it is drawn for every letter that is missing.
MISSING = "\U0010fffd"


def png(figure: "Figure", scale: float) -> bytes:
    """The picture as PNG. Raises SettingsError as `Figure.save` does."""
    if not 0 < scale <= 20:
        raise SettingsError(
            f"scale is {scale}; give pixels for each of the picture's own, above 0 and up to 20"
        )
    pixels = figure.width * figure.height * scale * scale
    if pixels > MOST:
        raise SettingsError(
            f"the picture would have {pixels / 1e6:,.0f} million pixels, and {MOST / 1e6:,.0f} are the most; "
            "save it as .svg, or give a smaller scale"
        )
    draw = _resvg()
    _refuse_missing(figure.svg)
    return bytes(draw(svg_string=figure.svg, zoom=scale))


def _resvg() -> Any:
    try:
        return import_module("resvg_py").svg_to_bytes
    except ImportError as fault:
        raise SettingsError(
            "PNG pictures need resvg-py: pip install 'keepgate[figures]'; .svg needs nothing"
        ) from fault


def _refuse_missing(svg: str) -> None:
    families = re.search(r"font-family: ([^;}]+)", svg)
    words = (Markup(found).striptags() for found in re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL))
    letters = frozenset(
        letter for word in words for letter in word if unicodedata.category(letter)[0] in "LNPS"
    )
    missing = missing_letters(letters, families[1].strip() if families else "sans-serif")
    if not missing:
        return
    shown = " ".join(f"{letter} (U+{ord(letter):04X})" for letter in missing[:5])
    more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
    raise SettingsError(
        f"no font of this machine has the letters {shown}{more}, and a PNG would lack them; install a font that does, "
        "such as Noto Sans CJK for Chinese or DejaVu Sans, or save the figure as .svg"
    )


@cache
def missing_letters(letters: frozenset[str], families: str) -> tuple[str, ...]:
    """Those that are drawn as nothing, or as what stands for a missing letter. Found by drawing each of them."""
    order = [MISSING, *sorted(letters)]
    cells = [
        f'<text x="{number % ACROSS * CELL + 3}" y="{number // ACROSS * CELL + 18}">{escape(letter)}</text>'
        for number, letter in enumerate(order)
    ]
    width, height = CELL * ACROSS, CELL * -(-len(order) // ACROSS)
    sheet = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f"<style>text {{ font-family: {families}; font-size: 16px }}</style>{''.join(cells)}</svg>"
    )
    rows = alpha(_resvg()(svg_string=sheet))
    drawn = [
        b"".join(row[at : at + CELL] for row in rows[top : top + CELL])
        for number in range(len(order))
        for top, at in [(number // ACROSS * CELL, number % ACROSS * CELL)]
    ]
    nothing = bytes(CELL * CELL)
    return tuple(
        letter for letter, cell in zip(order[1:], drawn[1:], strict=True) if cell in (nothing, drawn[0])
    )


def alpha(picture: bytes) -> Sequence[bytes]:
    """How opaque each pixel of a PNG with eight bits of red, green, blue and alpha is, row by row."""
    width, height = struct.unpack(">II", picture[16:24])
    data, at = b"", 8
    while at < len(picture):
        (size,) = struct.unpack(">I", picture[at : at + 4])
        if picture[at + 4 : at + 8] == b"IDAT":
            data += picture[at + 8 : at + 8 + size]
        at += size + 12
    raw, stride, before, rows = zlib.decompress(data), 4 * width, bytes(4 * width), []
    for row in range(height):
        start = row * (stride + 1)
        before = _unfiltered(raw[start], raw[start + 1 : start + 1 + stride], before)
        rows.append(before[3::4])
    return rows


def _unfiltered(kind: int, line: bytes, above: bytes) -> bytes:
    """One row of a PNG as it was before it was filtered: PNG specification, 9.2."""
    now = bytearray(line)
    for k in range(len(now)):
        left, up, corner = (now[k - 4], above[k], above[k - 4]) if k >= 4 else (0, above[k], 0)
        if kind == 1:
            now[k] = (now[k] + left) & 255
        elif kind == 2:
            now[k] = (now[k] + up) & 255
        elif kind == 3:
            now[k] = (now[k] + (left + up) // 2) & 255
        elif kind == 4:
            guess = left + up - corner
            nearest = min(
                (abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner)
            )
            now[k] = (now[k] + nearest[2]) & 255
    return bytes(now)
