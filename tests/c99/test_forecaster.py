"""A forecaster as C99 forecasts as the runtime does, in the data's own units."""

from pathlib import Path

import numpy as np
import pytest

from keepgate import c99
from tests.c99.compiled import Compiled
from tests.runtime.test_forecasts import FORMS, items, pair

TOLERANCE = 1e-6


@pytest.mark.parametrize("alone", [False, True], ids=["one series", "several series"])
@pytest.mark.parametrize("covariates", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_forecaster_in_c_gives_the_forecast_of_the_runtime(
    form: str, covariates: bool, alone: bool, tmp_path: Path
) -> None:
    series = items(covariates=covariates)[: 2 if alone else 1]
    _, task, series = pair(tmp_path, covariates=covariates, series=series, **FORMS[form])
    result = c99.export(tmp_path / "model", tmp_path / "c", name="next*/ steps")
    compiled = Compiled(tmp_path / "c", result.name)
    for item, theirs in zip(series, task.forecast(series), strict=True):
        steps, back = len(item), task.look_back
        dynamic = np.concatenate([item.targets, item.past[:steps], item.known[:steps]], 1)[steps - back :]
        prepared = task.prepared(item)
        ours = compiled.run_series(
            dynamic,
            item.known[steps : steps + task.ahead] if covariates else None,
            [float(item.static[1])] if covariates else None,
            prepared.categories if covariates else None,
            [prepared.means, prepared.deviations] if alone else None,
            state_bytes=result.state_bytes,
        )
        scale = np.abs(theirs.point).max()
        assert np.abs(ours[..., 0] - theirs.point).max() < TOLERANCE * scale
        assert ours.shape[2] == 1 + len(theirs.quantiles)
        for place, values in enumerate(theirs.quantiles.values(), 1):
            assert np.abs(ours[..., place] - values).max() < TOLERANCE * scale
