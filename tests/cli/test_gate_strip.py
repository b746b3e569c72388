"""Gates stand under their tokens: wide letters take two columns, lines end where the terminal ends."""

import math

import pytest
from rich.cells import cell_len

from keepgate.cli.gate_strip import Row, draw, stretched

NAN = math.nan


def drawn(tokens: list[str], *rows: Row, width: int = 80, blocks: bool = True) -> list[str]:
    return [line.plain for line in draw(tokens, rows, width=width, blocks=blocks)]


def test_each_token_has_a_block_as_wide_as_itself() -> None:
    assert drawn(["魯", "夫", "is", "a", "king", "。"], Row("f", [0, 1, 0.5, 0.3, 0.99, 0])) == [
        "   魯夫is a king 。",
        "f  ▁▁██▅▅ ▃ ████ ▁▁",
    ]


@pytest.mark.parametrize(
    ("value", "block", "digit"),
    [(0, "▁", "0"), (0.124, "▁", "1"), (0.5, "▅", "5"), (1, "█", "9"), (1.7, "█", "9")],
)
def test_a_taller_block_is_a_larger_value(value: float, block: str, digit: str) -> None:
    assert drawn(["a"], Row("f", [value]))[1] == f"f  {block}"
    assert drawn(["a"], Row("f", [value]), blocks=False)[1] == f"f  {digit}"


def test_what_is_not_known_stays_blank() -> None:
    assert drawn(["a", "b"], Row("h", [NAN, 1]))[1] == "h    █"


@pytest.mark.parametrize("width", [20, 37, 80])
@pytest.mark.parametrize("tokens", [["魯"] * 50, ["word", "。", "x"] * 20, ["a" * 500, "b"]])
def test_no_line_is_wider_than_the_terminal(tokens: list[str], width: int) -> None:
    values = [0.5] * len(tokens)
    lines = drawn(tokens, Row("forget f", values), Row("h", values), width=width)
    assert max(map(cell_len, lines)) <= width
    labels = [line for line in lines if line.startswith(("forget f", "h "))]
    pieces = (len(lines) + 1) // 4
    assert len(labels) == 2 * pieces
    blocks = "".join(line[10:] for line in lines if line.startswith("h "))
    shown = "".join(line[10:] for line in lines if line.startswith("   "))
    assert cell_len(blocks.replace(" ", "")) == cell_len(shown.replace(" ", ""))


def test_labels_of_any_width_keep_the_columns_straight() -> None:
    lines = drawn(["魯", "夫"], Row("遺忘", [1, 1]), Row("input i", [0, 0]))
    assert lines == ["         魯夫", "遺忘     ████", "input i  ▁▁▁▁"]


def test_a_token_that_steers_the_terminal_is_made_harmless() -> None:
    lines = drawn(["\x1b", "a\u202eb", "\u0301"], Row("f", [1, 1, 1]))
    assert "\x1b" not in lines[0]
    assert "\u202e" not in lines[0]
    assert lines[1] == "f  █ ███ █"


def test_stretching_fills_the_whole_range() -> None:
    assert stretched([0.9, 0.95, 1.0]) == pytest.approx([0, 0.5, 1])
    assert stretched([0.7, 0.7]) == [0.5, 0.5]
    assert math.isnan(stretched([NAN, 0.2, 0.4])[0])
    assert stretched([NAN, 0.2, 0.4])[1:] == [0, 1]
    assert math.isnan(stretched([NAN])[0])
