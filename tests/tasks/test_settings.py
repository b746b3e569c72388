"""Settings refuse what makes no sense, and come back from plain values."""

import dataclasses
import tomllib
from typing import Any

import pytest
import tomli_w

from keepgate.config import check, settings_from
from keepgate.errors import CellError, SettingsError, nearest_first
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.classifier import ClassifierSettings

FEEDFORWARD = {"cell": "feedforward", "window": 16, "bidirectional": False}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cell": "ltsm"}, "cell is 'ltsm'; choose one of lstm, "),
        ({"pooling": None}, 'pooling is None; it must be one of "last", "attention"'),
        ({"hidden_size": 0}, "hidden_size is 0; it must be 1 or more"),
        ({"hidden_size": 1.5}, "hidden_size is 1.5; it must be a whole number"),
        ({"num_layers": True}, "num_layers is True; it must be a whole number"),
        ({"embedding_size": "64"}, "embedding_size is '64'; it must be a whole number"),
        ({"bidirectional": 1}, "bidirectional is 1; it must be true or false"),
        ({"dropout": 1.0}, "dropout is 1.0; it must be 0 or more and below 1"),
        ({"dropout": -0.1}, "dropout is -0.1"),
        ({"dropout": float("nan")}, "dropout is nan; it must be a finite number"),
        ({"forget_bias": float("inf")}, "forget_bias is inf; it must be a finite number or left out"),
        ({"init": "chrono"}, "init='chrono' with horizon=None: the chrono initialisation needs the horizon"),
        ({"init": "chrono", "horizon": 2}, "horizon is 2 steps; it must be finite and greater than 2"),
        ({"horizon": 100}, "init='torch' with horizon=100"),
        ({"init": "chrono", "horizon": 100, "forget_bias": 1.0}, "leave forget_bias out"),
        ({"cell": "rnn", "forget_bias": 1.0}, "no gate of its own that keeps"),
        ({"window": 4}, 'cell is "gru" and window is 4'),
        ({"cell": "feedforward", "bidirectional": False}, 'cell is "feedforward" and window is None'),
        (FEEDFORWARD | {"window": 0}, "window is 0; it must be 1 or more"),
        (FEEDFORWARD | {"bidirectional": True}, "one direction, and no gates: give bidirectional=False"),
        (FEEDFORWARD | {"horizon": 100}, "leave num_layers, init, horizon and forget_bias out"),
        ({"hiden_size": 3}, "has no setting 'hiden_size'; it has hidden_size, "),
    ],
)
def test_a_wrong_setting_is_refused_and_the_right_ones_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings_from(ChoiceReaderSettings, values)
    assert message in str(error.value)


def test_the_name_of_a_cell_that_nobody_registered_is_refused_without_an_import() -> None:
    for name in ("os.system", "tests.nowhere.slim", "a b.c", "__main__.slim"):
        with pytest.raises(CellError, match=f"no cell '{name}'.*register"):
            ChoiceReaderSettings(cell=name)
        with pytest.raises(CellError, match="register"):
            ClassifierSettings(cell=name)


@pytest.mark.parametrize(
    "settings",
    [
        ChoiceReaderSettings(),
        ChoiceReaderSettings(**FEEDFORWARD),
        ChoiceReaderSettings(cell="lstm", init="chrono", horizon=1000, dropout=0.3),
    ],
)
def test_settings_come_back_from_toml(settings: ChoiceReaderSettings) -> None:
    given = {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}
    assert settings_from(ChoiceReaderSettings, tomllib.loads(tomli_w.dumps(given))) == settings


def test_whole_numbers_become_floats_and_lists_tuples() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Some:
        share: float
        sizes: tuple[int, ...] = ()
        pair: tuple[float, float] | None = None

        def __post_init__(self) -> None:
            check(self)

    some = settings_from(Some, {"share": 1, "sizes": [1, 2], "pair": [0.9, 0.99]})
    assert some == Some(share=1.0, sizes=(1, 2), pair=(0.9, 0.99))
    assert isinstance(some.share, float)
    with pytest.raises(SettingsError, match="needs the setting 'share'"):
        settings_from(Some, {})
    with pytest.raises(SettingsError, match="sizes is"):
        settings_from(Some, {"share": 1, "sizes": [1, "2"]})
    with pytest.raises(SettingsError, match="pair is"):
        settings_from(Some, {"share": 1, "pair": [0.9]})


def test_the_name_most_like_a_wrong_one_comes_first() -> None:
    assert nearest_first("lstn", ["gru", "rnn", "lstm"])[0] == "lstm"
