"""SVG elements as text, attributes and words escaped, and the marks that all charts share."""

from collections.abc import Sequence

from markupsafe import Markup, escape

# Okabe and Ito's colours (2008), which stay apart for every kind of colour vision, are set in report.css as
# series-0 … 7; dashes and markers repeat the difference for print and for those who see no colour.
STYLES = 8
DASHES = ("2 5", "7 4", "12 3 2 3", "", "14 4", "4 2 1 2", "9 3 3 3", "1 3")
MARKERS = ("circle", "square", "triangle", "diamond", "down", "cross", "plus", "ring")


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """SVG element; attributes that are None are left out, `_` in a name becomes `-`, a trailing one is dropped."""
    pairs = (
        (key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None
    )
    pairs_text = "".join(f' {key}="{escape(_plain(value))}"' for key, value in pairs)
    content = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{pairs_text}>{content}</{name}>" if content else f"<{name}{pairs_text}/>")


def _plain(value: object) -> object:
    """A coordinate with at most two decimals, which is a fifth of a printed dot."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return value


def picture(
    name: str, title: str, description: str, width: float, height: float, *children: object, **attributes: object
) -> Markup:  # fmt: skip
    """A whole picture that scales with its box and that a screen reader announces by title and description."""
    return tag(
        "svg", tag("title", title, id=f"{name}-title"), tag("desc", description, id=f"{name}-desc"), *children,
        viewBox=f"0 0 {_plain(float(width))} {_plain(float(height))}", role="img",
        aria_labelledby=f"{name}-title {name}-desc", **attributes,
    )  # fmt: skip


def text(
    x: float, y: float, words: object, class_: str = "", anchor: str = "start", **attributes: object
) -> Markup:
    """Text with its baseline at (x, y)."""
    return tag("text", words, x=float(x), y=float(y), class_=class_ or None, text_anchor=anchor, **attributes)


def path(points: Sequence[tuple[float, float]], class_: str, dash: str = "") -> Markup:
    """Polyline through the points."""
    d = "M" + "L".join(f"{_plain(float(x))} {_plain(float(y))}" for x, y in points)
    return tag("path", d=d, class_=class_, fill="none", stroke_dasharray=dash or None)


_OUTLINES = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "triangle": ((0, -1.25), (1.2, 0.9), (-1.2, 0.9)),
    "diamond": ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),
    "down": ((0, 1.25), (1.2, -0.9), (-1.2, -0.9)),
}


def marker(x: float, y: float, style: int, size: float = 4.5) -> Markup:
    """Marker of one series, centred on (x, y)."""
    kind, colour = MARKERS[style % STYLES], f"mark series-{style % STYLES}"
    if kind in _OUTLINES:
        corners = " ".join(f"{_plain(x + dx * size)},{_plain(y + dy * size)}" for dx, dy in _OUTLINES[kind])
        return tag("polygon", points=corners, class_=colour)
    if kind in ("cross", "plus"):
        far = size * (0.9 if kind == "cross" else 1.2)
        corner = far if kind == "cross" else 0.0
        strokes = ((-far, -corner, far, corner), (-corner, far, corner, -far))
        d = "".join(
            f"M{_plain(x + a)} {_plain(y + b)}L{_plain(x + c)} {_plain(y + d)}" for a, b, c, d in strokes
        )
        return tag("path", d=d, class_=f"stroke series-{style % STYLES}", fill="none")
    class_ = f"{colour} ring" if kind == "ring" else colour
    return tag("circle", cx=float(x), cy=float(y), r=size * 1.05, class_=class_)


def key(style: int) -> Markup:
    """Legend key: a piece of a series' line with its marker, to stand before its name in a table."""
    line = path([(1, 8), (35, 8)], f"line series-{style % STYLES}", DASHES[style % STYLES])
    return tag("svg", line, marker(18, 8, style, 4), viewBox="0 0 36 16", class_="key", aria_hidden="true")


def share_bar(value: float, style: int, level: float | None = None) -> Markup:
    """Bar from 0 to 1 for a share or a probability, with a tick where chance lies; nothing is filled for NaN."""

    def rect(width: float, class_: str) -> Markup:
        return tag("rect", x=0, y=0, width=f"{_plain(100 * width)}%", height="100%", rx=2, class_=class_)

    parts = [rect(1.0, "trough")]
    if value > 0:
        parts.append(rect(value, f"mark series-{style % STYLES}"))
    if level is not None:
        x = f"{_plain(100 * level)}%"
        parts.append(tag("line", x1=x, x2=x, y1=0, y2="100%", class_="level"))
    return tag("svg", *parts, class_="bar", aria_hidden="true")
