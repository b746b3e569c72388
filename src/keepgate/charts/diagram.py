"""Diagram of one LSTM step: the memory runs along the top, and three gates decide what happens to it."""

from collections.abc import Mapping

from markupsafe import Markup

from .svg import picture, tag, text

MEMORY, SHOWN, BOXES, INPUTS, HEIGHT = 44.0, 104.0, 172.0, 246.0, 276.0  # the heights at which things stand


def draw_step(
    identity: str, title: str, description: str, words: Mapping[str, str], width: float, class_: str
) -> Markup:
    """The diagram. words: what f, i, g and o do, in a word or two each, by their letters."""
    at = {gate: width * share for gate, share in {"f": 0.2, "i": 0.39, "g": 0.58, "o": 0.86}.items()}
    box = min(104.0, width * 0.175)
    start, end, add, branch = width * 0.08, width * 0.93, (at["i"] + at["g"]) / 2, width * 0.7
    parts = [
        _arrow((start, MEMORY), (at["f"] - 12, MEMORY), "memory"),
        _arrow((at["f"] + 12, MEMORY), (add - 12, MEMORY), "memory"),
        _arrow((add + 12, MEMORY), (end, MEMORY), "memory"),
        text(start - 6, MEMORY + 5, _letter("c", "t−1"), "symbol", "end"),
        text(end + 6, MEMORY + 5, _letter("c", "t"), "symbol"),
        _arrow((at["f"], BOXES - 26), (at["f"], MEMORY + 12)),
        *(_bend(at[gate], add, BOXES - 26, SHOWN) for gate in ("i", "g")),
        _arrow((add, SHOWN - 12), (add, MEMORY + 12)),
        tag("path", d=f"M{branch:.1f} {MEMORY}V{SHOWN}", class_="wire", fill="none"),
        _arrow((branch, SHOWN), (at["o"] - 12, SHOWN)),
        _arrow((at["o"] + 12, SHOWN), (end, SHOWN)),
        text(end + 6, SHOWN + 5, _letter("h", "t"), "symbol"),
        _arrow((at["o"], BOXES - 26), (at["o"], SHOWN + 12)),
        tag("rect", x=branch - 19, y=(MEMORY + SHOWN) / 2 - 10, width=38, height=20, rx=10, class_="pill"),
        text(branch, (MEMORY + SHOWN) / 2 + 4.5, "tanh", "small", "middle"),
        tag("path", d=f"M{start:.1f} {INPUTS}H{at['o']:.1f}", class_="wire", fill="none"),
        text(start, INPUTS + 22, _letter("x", "t"), "symbol", "middle"),
        text(start + 34, INPUTS + 22, _letter("h", "t−1"), "symbol", "middle"),
    ]
    signs = (("×", at["f"], MEMORY), ("+", add, MEMORY), ("×", add, SHOWN), ("×", at["o"], SHOWN))
    parts += [part for sign, x, y in signs for part in _sign(sign, x, y)]
    for gate, x in at.items():
        parts.append(_arrow((x, INPUTS), (x, BOXES + 28)))
        parts.append(
            tag("rect", x=x - box / 2, y=BOXES - 26, width=box, height=54, rx=7, class_=f"box gate-{gate}")
        )
        parts.append(text(x, BOXES - 2, gate, "symbol", "middle"))
        parts.append(text(x, BOXES + 17, words[gate], "small", "middle"))
    return picture(identity, title, description, width, HEIGHT, *parts, class_=f"diagram {class_}")


def _letter(letter: str, step: str) -> Markup:
    """A letter with the step it stands for, set low."""
    return Markup("").join((Markup(letter), tag("tspan", step, dy=4, font_size=11)))


def _arrow(start: tuple[float, float], end: tuple[float, float], class_: str = "") -> Markup:
    """A straight line with a head at its end, along one axis."""
    (a, b), (c, d) = start, end
    along = (1 if c > a else -1, 0) if b == d else (0, 1 if d > b else -1)
    back = (c - 7 * along[0], d - 7 * along[1])
    side = (4 * along[1], 4 * along[0])
    corners = (end, (back[0] + side[0], back[1] + side[1]), (back[0] - side[0], back[1] - side[1]))
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    line = tag(
        "path",
        d=f"M{a:.1f} {b:.1f}L{back[0]:.1f} {back[1]:.1f}",
        class_=f"wire {class_}".strip(),
        fill="none",
    )
    return Markup("").join((line, tag("polygon", points=head, class_=f"head {class_}".strip())))


def _bend(x: float, to: float, start: float, end: float) -> Markup:
    """Up from a box and over to the middle of the product that stands between two boxes."""
    aside = -12 if x < to else 12
    upright = tag("path", d=f"M{x:.1f} {start}V{end}", class_="wire", fill="none")
    return Markup("").join((upright, _arrow((x, end), (to + aside, end))))


def _sign(sign: str, x: float, y: float) -> list[Markup]:
    return [tag("circle", cx=x, cy=y, r=12, class_="sign"), text(x, y + 5.5, sign, "sign-text", "middle")]
