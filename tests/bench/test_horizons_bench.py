"""The benchmark of horizons: how networks are compared, and that its picture says what it shows."""

import math
import xml.etree.ElementTree as ElementTree

import pytest

from bench import horizon


def rows() -> list[dict]:
    return [
        {
            "trained_to": 20 + k, "horizon": 10 * 2**k, "interval": [8 * 2**k, 12 * 2**k],
            "predicted": {
                "gradient": 9.0 * 2**k, "decay length": math.inf if k == 4 else 3.0 * k + 1, "half-life": 99.0 - k,
            },
        }
        for k in range(5)
    ]  # fmt: skip


def test_predictions_are_compared_by_their_ranks() -> None:
    found = horizon.agreement(rows())
    assert found["gradient"]["rank_correlation"] == pytest.approx(1)
    assert found["decay length"]["rank_correlation"] == pytest.approx(1), "infinity is the largest"
    assert found["half-life"]["rank_correlation"] == pytest.approx(-1)
    for each in found.values():
        low, high = each["interval"]
        assert -1 <= low <= high <= 1


def test_the_picture_stands_by_itself() -> None:
    picture = horizon.drawn(rows())
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for words in (
        "shown by behaviour",
        "predicted: half-life",
        "characters trained to",
        "The horizon of ten networks",
    ):
        assert words in picture
    assert "<style>" in picture


def test_stories_are_as_long_as_they_can_be() -> None:
    assert horizon.possible(300) == 300
    assert 22 <= horizon.possible(23) <= 23
