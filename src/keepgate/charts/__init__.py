"""Charts as inline SVG, drawn without any library: curves over a length or a lag, and strips of gates under a text.

A picture takes its colours from the page's style sheet by class (`series-0`, `gate-f`), so that it follows light, dark
and print. Nothing in a picture is told by colour alone: curves differ in dashes and markers and carry their names,
gates are bars whose height is the value.
"""

from .axis import Axis, linear, logarithmic, round_ticks
from .curves import Curve, Curves, Level, draw_curves, hover
from .diagram import draw_step
from .page import content_policy, read_template, templates
from .strip import Row, draw_strip
from .svg import key, share_bar

__all__ = [
    "Axis", "Curve", "Curves", "Level", "Row", "content_policy", "draw_curves", "draw_step", "draw_strip", "hover",
    "key", "linear", "logarithmic", "read_template", "round_ticks", "share_bar", "templates",
]  # fmt: skip
