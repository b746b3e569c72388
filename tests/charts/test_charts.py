"""Pictures are honest about what a scale cannot hold, and never leave their frame."""

import itertools
import math
import re

import pytest

from keepgate.charts import (
    Curve,
    Curves,
    Level,
    Row,
    draw_curves,
    draw_strip,
    hover,
    linear,
    logarithmic,
    share_bar,
)
from keepgate.charts.curves import spread
from keepgate.charts.svg import tag
from keepgate.wording import decade


def picture(curves, y, levels=()):
    x = linear(0, 3, [(0, "0"), (3, "3")])
    content = Curves(
        title="t", description="d", x=x, y=y, x_name="x", y_name="y", curves=curves, levels=levels
    )
    return draw_curves(content, "p", 400.0, 300.0, "wide")


def curve(*ys, style=0, **more):
    return Curve(name=f"curve {style}", style=style, xs=tuple(range(len(ys))), ys=ys, **more)


def heights(drawn, style=0):
    lines = re.findall(rf'<path d="M([^"]*)" class="line series-{style}"', drawn)
    return [[float(point.split()[1]) for point in line.split("L")] for line in lines]


def test_a_factor_is_a_distance_on_a_logarithmic_axis():
    axis = logarithmic([1.0, 1e-12], decade)
    assert axis.place(1e-12) == pytest.approx(0)
    assert axis.place(1e-6) == pytest.approx(0.5)
    assert axis.place(1.0) == pytest.approx(1)
    assert axis.below is None
    assert axis.above is None
    assert (1.0, "1") in [(pytest.approx(value), written) for value, written in axis.ticks]


def test_zero_and_overflow_stand_on_lanes_beside_the_axis_not_on_it():
    axis = logarithmic([1.0, 1e-3, 0.0, math.inf, math.nan], decade)
    assert (axis.below, axis.above) == ("0", "∞")
    assert axis.place(0.0) == -math.inf
    assert axis.place(math.inf) == math.inf
    assert axis.place(math.nan) is None


def test_an_axis_ends_at_thirty_decades_and_says_so():
    axis = logarithmic([1.0, 1e-200, 1e250], decade)
    assert (axis.below, axis.above) == ("< 10⁻³⁰", "> 10³⁰")
    assert axis.place(1e-200) == -math.inf
    assert 0 < axis.place(1e-20) < axis.place(1.0) < 1


@pytest.mark.parametrize(
    "values", [[], [0.0], [math.nan], [math.inf], [1.0], [1e300], [1e-300], [5e-324, 0.0]]
)
def test_any_values_give_an_axis_with_ticks_on_it(values):
    axis = logarithmic(values, decade)
    assert len(axis.ticks) > 1
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value, _ in axis.ticks)


def test_a_curve_that_reaches_zero_goes_down_into_the_lane_and_stays():
    (ys,) = heights(picture([curve(1.0, 1e-2, 0.0, 0.0)], logarithmic([1.0, 1e-2, 0.0], decade)))
    assert ys[0] < ys[1] < ys[2] == ys[3]
    assert ys[2] - ys[1] < 40


def test_a_value_that_is_no_number_breaks_the_line():
    broken = heights(picture([curve(1.0, math.nan, 0.5, 0.2)], linear(0.0, 1.0, [])))
    assert [len(line) for line in broken] == [1, 2]


@pytest.mark.parametrize(
    "values", [(math.nan,) * 4, (0.0,) * 4, (math.inf,) * 4, (1e308, 1e-308, 0.0, math.nan)]
)
def test_no_picture_holds_a_coordinate_that_is_no_number(values):
    drawn = picture([curve(*values), curve(*values, style=1)], logarithmic(values, decade))
    assert "nan" not in drawn
    assert not re.search(r'[="\s,-]inf', drawn)


def test_each_curve_is_told_apart_by_dash_and_marker_and_carries_its_name():
    curves = [curve(0.1, 0.2, style=style) for style in range(8)]
    drawn = picture(curves, linear(0.0, 1.0, []), [Level(value=0.5, name="half")])
    dashes = re.findall(r'class="line series-\d"[^>]*?(stroke-dasharray="[^"]*"|/)', drawn)
    assert len(set(dashes)) == 8
    assert all(f">curve {style}</text>" in drawn for style in range(8))
    assert ">half</text>" in drawn


def test_names_keep_their_distance_their_order_and_their_frame():
    wanted = [100.0, 101.0, 99.0, 300.0, 100.5, 12.0]
    placed = spread(wanted, 19.0, 12.0, 302.0)
    by_height = sorted(range(6), key=lambda i: placed[i])
    assert by_height == sorted(range(6), key=lambda i: wanted[i])
    gaps = [placed[b] - placed[a] for a, b in itertools.pairwise(by_height)]
    assert min(gaps) >= 19.0 - 1e-9
    assert min(placed) >= 12.0
    assert max(placed) <= 302.0
    assert placed[3] == 300.0


def test_too_many_names_are_set_evenly():
    assert spread([5.0] * 5, 19.0, 0.0, 40.0) == pytest.approx([0, 10, 20, 30, 40])
    assert spread([], 19.0, 0.0, 40.0) == []


def test_a_strip_wraps_and_shows_every_token_and_value_once():
    row = Row(name="gate", kind="f", values=[t / 30 for t in range(30)], written=[f"v{t}" for t in range(30)])
    drawn = draw_strip([f"t{t}" for t in range(30)], [row], "s", "t", "d", 372.0, "narrow")
    for t in range(30):
        assert drawn.count(f">t{t}</text>") == 1
        assert drawn.count(f">v{t}</text>") == 1
    rights = [float(x) + float(w) for x, w in re.findall(r'<rect x="([\d.]+)"[^>]*?width="([\d.]+)"', drawn)]
    assert max(rights) <= 372


def test_a_strip_shows_a_dash_where_there_is_no_value_and_stays_inside_its_cell():
    row = Row(name="Δ", kind="c", values=[math.nan, 7.0, -1.0], written=["–", "7", "-1"], full=1.0)
    drawn = draw_strip(["a", "b", "c"], [row], "s", "t", "d", 372.0, "narrow")
    filled = re.findall(r'height="([\d.-]+)" class="fill', drawn)
    assert [float(height) for height in filled] == [36.0, 0.0]
    assert drawn.count(">–</text>") == 1
    assert draw_strip([], [row], "s", "t", "d", 372.0, "narrow")


def test_a_bar_is_as_long_as_its_share():
    assert 'width="61%"' in share_bar(0.61, 0)
    assert "series-0" not in share_bar(0.0, 0)
    assert "series-0" not in share_bar(math.nan, 0)
    assert 'x1="6.25%"' in share_bar(0.5, 0, 1 / 16)


def test_words_and_attributes_are_escaped():
    assert tag("text", "<b>&", class_='"x') == '<text class="&#34;x">&lt;b&gt;&amp;</text>'


def test_the_values_beside_the_pointer_are_those_of_the_curves():
    content = Curves(
        title="t",
        description="d",
        x=linear(0, 2, []),
        y=linear(0, 1, []),
        x_name="x",
        y_name="y",
        curves=[curve(0.1, 0.2, 0.3)],
    )
    told = hover(content, [["10%", "20%", "30%"]], ["at 0", "at 1", "at 2"])
    assert '"x": [0.0, 0.5, 1.0]' in told
    assert '"values": ["10%", "20%", "30%"]' in told


def names_of_levels(drawn):
    return re.findall(r'<text x="([\d.]+)" y="([\d.]+)" class="level-name" text-anchor="(\w+)">', drawn)


def test_the_name_of_a_level_stands_where_no_curve_runs_through_it():
    """A curve that rises through the level on the left leaves room on the right, under the line."""
    axis = linear(0, 1, [(0, "0"), (1, "1")])
    level = Level(value=0.5, name="what is needed")
    free = names_of_levels(picture([curve(0.9, 0.9, 0.9, 0.9)], axis, [level]))
    ((x, y, anchor),) = names_of_levels(picture([curve(0.3, 0.8, 0.9, 1.0)], axis, [level]))
    assert (free[0][2], anchor) == ("start", "end")
    assert (float(free[0][0]) < float(x), free[0][1] == y) == (True, True)


def test_where_every_place_is_crossed_a_level_keeps_its_first_one():
    axis = linear(0, 1, [(0, "0"), (1, "1")])
    zigzag = [
        curve(*(height, 1.0 - height) * 2, style=style) for style, height in enumerate((0.0, 1.0, 0.45, 0.55))
    ]
    ((_, _, anchor),) = names_of_levels(picture(zigzag, axis, [Level(value=0.5, name="level " * 5)]))
    assert anchor == "start"
