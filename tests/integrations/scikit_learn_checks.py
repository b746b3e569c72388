"""scikit-learn's checks of an estimator, with those that cannot hold of what it reads."""

from collections.abc import Mapping

from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_estimator


def checked(estimator: BaseEstimator, exceptions: Mapping[str, str]) -> int:
    """How many checks were made: all pass but the exceptions, each given with its reason.

    An exception runs too, and must fail: one that passes has no reason any more, and goes.
    """
    results = check_estimator(estimator, on_fail=None)
    failures = {each["check_name"]: each["exception"] for each in results if each["status"] == "failed"}
    assert failures.keys() == exceptions.keys(), failures
    return len(results)
