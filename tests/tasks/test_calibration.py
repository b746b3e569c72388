"""The temperature is the one that a general optimiser finds, and there is none where it would be none or endless."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from keepgate.tasks.calibration import best_temperature, calibration_error, verdict


@pytest.mark.parametrize("true", [0.3, 1.0, 2.5, 12.0])
def test_the_temperature_has_the_least_cross_entropy(true: float) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(2000, 4)) * 3
    targets = np.array([rng.choice(4, p=row) for row in softmax(logits / true, 1)])

    def cross_entropy(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), 1)[np.arange(2000), targets].mean()

    expected = np.exp(minimize_scalar(cross_entropy, bracket=(-1, 1), tol=1e-10).x)
    found = best_temperature(logits, targets)
    assert found == pytest.approx(expected, rel=1e-4)
    assert found == pytest.approx(true, rel=0.25)


def test_logits_of_any_size_have_one() -> None:
    logits, targets = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]]), np.array([0, 0, 1])
    # Two of three are right: log 2 between the logits.
    for size in (1.0, 1e-6, 1e6):
        assert best_temperature(size * logits, targets) == pytest.approx(size * 2 / np.log(2), rel=1e-9)


@pytest.mark.parametrize(
    "targets",
    [
        pytest.param([0, 1], id="all right: the smaller the better"),
        pytest.param([1, 0], id="worse than a guess: below 0"),
    ],
)
def test_where_no_number_is_best_there_is_none(targets: list[int]) -> None:
    assert best_temperature(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array(targets)) is None


def test_the_error_of_calibrated_probabilities_is_small_and_of_certainty_the_share_that_is_wrong() -> None:
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.5, 1, 20_000)
    assert calibration_error(probability, rng.uniform(size=20_000) < probability) < 0.02
    assert calibration_error(np.ones(4), np.array([True, True, True, False])) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("after", "taken", "says"),
    [
        (0.05, True, "temperature 0.11, calibration error 6.2% before and 5.0% after"),
        (0.139, False, "would be 13.9%, and it is 6.2%"),
        (0.062, False, "would be 6.2%, and it is 6.2%"),
    ],
)
def test_a_temperature_is_taken_where_it_helps(after: float, taken: bool, says: str) -> None:
    taken_so, sentence = verdict(0.11, 0.062, after, "these 80 texts")
    assert (taken_so, says in sentence) == (taken, True), sentence
