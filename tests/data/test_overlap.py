"""What of the dev part is in the training data too is told with its figures, whatever the data are; the rest is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keepgate.data.corpora import text_file
from keepgate.data.corpora.text_file import TextFile
from keepgate.data.frequency import Frequency
from keepgate.data.labelled import LabelledText
from keepgate.data.labelled_series import LabelledSeries
from keepgate.data.multilabel import MultilabelText
from keepgate.data.overlap import overlap_of
from keepgate.data.questions import Question
from keepgate.data.series import Series, make_series
from keepgate.data.tagged import tagged_text

HOUR = Frequency("second", 3600)


def rows(number: int) -> LabelledSeries:
    return LabelledSeries(values=np.full((3, 1), number, np.float32), features=("x",), label="a")


@pytest.mark.parametrize(
    "items",
    [
        [LabelledText(text=f"room {k}", label="a") for k in range(6)],
        [MultilabelText(text=f"room {k}", labels=("a", "b")) for k in range(6)],
        [tagged_text(["room", str(k)], ["O", "B-X"]) for k in range(6)],
        [Question(text="Ann sails.", question=f"{k}?") for k in range(6)],
        [rows(k) for k in range(6)],
    ],
    ids=["label", "labels", "tags", "questions", "series"],
)
def test_items_are_compared_whole(items: list) -> None:
    assert overlap_of(items[:4], items[2:], "items") == (
        "2 of 4 items of --dev are in the training data too: what it scores on them says nothing of new ones."
    )
    assert overlap_of(items[:3], items[3:], "items") == ""


def text_of(seed: int, words: int = 4000) -> str:
    return " ".join(np.random.default_rng(seed).choice(["sea", "ship", "海", "sun", "sail"], words).tolist())


def test_passages_of_a_text_that_is_read_as_one_are_looked_for() -> None:
    trained, new = (LabelledText(text=text_of(seed)) for seed in (0, 1))
    for dev, says in (
        (trained.text[3000:9000], "60 of 60"),
        (trained.text[50:1550] + new.text[:4500], "15 of 60"),
    ):
        sentence = overlap_of([new, trained][1:], [LabelledText(text=dev)], "texts", stream=True)
        assert sentence.startswith(
            f"{says} passages of 100 characters of --dev, taken evenly, stand in the training"
        )
    assert overlap_of([trained], [new], "texts", stream=True) == ""
    assert overlap_of([trained], [LabelledText(text=trained.text[:99])], "texts", stream=True) == ""
    long = LabelledText(text=trained.text * 30)
    assert overlap_of([long], [long], "texts", stream=True).startswith(
        ("100 of 100", "101 of 101", "102 of 102")
    )


def test_passages_of_texts_that_stay_in_their_files_are_looked_for_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "PIECE", 250)
    monkeypatch.setattr(TextFile, "text", None)
    items = []
    for name, seed in (("trained", 0), ("new", 1)):
        path = tmp_path / name
        path.write_text(text_of(seed), encoding="utf-8")
        items.append(TextFile(path=path, characters=len(text_of(seed))))
    (trained, new), part = items, LabelledText(text=text_of(0)[3000:9000])
    assert overlap_of([trained], [part], "texts", stream=True).startswith("60 of 60 passages")
    assert overlap_of([trained], [trained], "texts", stream=True).startswith("128 of 128 passages")
    assert overlap_of([new], [part, trained], "texts", stream=True) == ""


def noise(steps: int = 100, *, start: str | None = "2024-01-01", seed: int = 0, **more: object) -> Series:
    values = np.random.default_rng(seed).normal(size=steps)
    values[7] = np.nan
    return make_series(values, start=start, frequency=None if start is None else HOUR, **more)


@pytest.mark.parametrize("start", ["2024-01-01", None])
def test_steps_of_series_are_compared_at_their_times(start: str | None) -> None:
    whole = noise(start=start)
    sentence = overlap_of([whole.up_to(80)], [whole], "series", look_back=12)
    assert sentence.startswith("68 of the 88 steps of --dev that are forecast are in the training data too")
    assert overlap_of([whole.up_to(80)], [replace(whole, first=80)], "series") == ""
    assert overlap_of([whole], [noise(start=start, seed=1)], "series") == ""
    assert overlap_of([whole], [replace(whole, id="other")], "series") == ""
    assert overlap_of([whole], [noise(start="2024-01-01" if start is None else None)], "series") == ""


def test_what_is_only_read_before_the_first_forecast_may_be_in_both() -> None:
    whole = noise()
    cut = replace(whole, targets=whole.targets[68:], start=whole.start + np.timedelta64(68, "h"))
    assert overlap_of([whole.up_to(80)], [cut], "series", look_back=12) == ""
    assert "8 of the 28 steps" in overlap_of([whole.up_to(80)], [cut], "series", look_back=4)
    between = replace(cut, start=cut.start + np.timedelta64(30, "m"))
    assert overlap_of([whole], [between], "series") == ""
