"""`explain` on models of two libraries, unchanged: pytorch-forecasting's TFT and neuralforecast's LSTM.

    pip install pytorch-forecasting neuralforecast
    python -m bench.library_models

Both learn a series that is another one a few steps before; counted is how often that step has the largest effect, of
the rows in which it says something. Writes results/library_models.json.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.machine import machine
from keepgate.lens import explain

RESULTS = Path(__file__).parent / "results" / "library_models.json"
STEPS, LAG, LARGE = 12, 3, 0.5

Batch = tuple[dict[str, Any], Tensor]


def main() -> None:
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    found: dict[str, Any] = {"machine": machine(), "models": []}
    for library, name, make, target in (
        ("pytorch-forecasting", "TemporalFusionTransformer", tft, (0, 1)),
        ("neuralforecast", "LSTM", neuralforecast_lstm, (0, 0)),
    ):
        model, batches, planted = make()
        loss = trained(model, batches, target)
        inputs, _ = next(batches())
        values = planted(inputs)
        rows = [row for row in range(len(values)) if abs(float(values[row])) > LARGE]
        # The step that is `LAG` before what is forecast is the lag after the last one but so many.
        first = sum(
            explain(model, inputs, row=row, target=target).token_effects[0].step == STEPS - LAG
            for row in rows
        )
        found["models"].append(
            {
                "library": library, "version": version(library), "model": name, "loss": loss,
                "first": first, "rows": len(rows), "text": str(explain(model, inputs, row=rows[0], target=target)),
            }
        )  # fmt: skip
        print(json.dumps(found["models"][-1]), flush=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def trained(model: nn.Module, batches: Callable[[], Iterator[Batch]], target: tuple[int, int]) -> float:
    """The last loss, after 700 steps."""
    optimiser, steps = torch.optim.Adam(model.parameters(), 0.01), 0
    model.train()
    while True:
        for inputs, wanted in batches():
            result = model(inputs)
            forecast = (result if isinstance(result, Tensor) else result.prediction)[:, target[0], target[1]]
            loss = (forecast - wanted).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            steps += 1
            if steps == 700:
                return loss.item()


def tft() -> tuple[nn.Module, Callable[[], Iterator[Batch]], Callable[[dict[str, Any]], Tensor]]:
    library, frames = import_module("pytorch_forecasting"), import_module("pandas")
    noise = np.random.default_rng(0)
    heat = noise.normal(size=1500)
    load = np.roll(heat, LAG) + 0.05 * noise.normal(size=1500)
    frame = frames.DataFrame({"time": np.arange(1500), "place": "a", "load": load, "heat": heat})
    data = library.TimeSeriesDataSet(
        frame, time_idx="time", target="load", group_ids=["place"], max_encoder_length=STEPS, max_prediction_length=1,
        time_varying_unknown_reals=["load", "heat"], target_normalizer=None,
    )  # fmt: skip
    model = library.TemporalFusionTransformer.from_dataset(
        data, hidden_size=16, attention_head_size=2, dropout=0.0, output_size=3, log_interval=-1,
        loss=library.metrics.QuantileLoss([0.1, 0.5, 0.9]),
    )  # fmt: skip

    def batches() -> Iterator[Batch]:
        for inputs, (wanted, _) in data.to_dataloader(train=True, batch_size=64, num_workers=0):
            yield inputs, wanted[:, 0]

    return model, batches, lambda inputs: inputs["encoder_cont"][:, -LAG, 1]


def neuralforecast_lstm() -> tuple[
    nn.Module, Callable[[], Iterator[Batch]], Callable[[dict[str, Any]], Tensor]
]:
    models, losses = import_module("neuralforecast.models"), import_module("neuralforecast.losses.pytorch")
    model = models.LSTM(
        h=1, input_size=STEPS, encoder_hidden_size=24, encoder_n_layers=1, decoder_hidden_size=16, decoder_layers=1,
        encoder_dropout=0.0, recurrent=False, loss=losses.MSE(), max_steps=1,
    )  # fmt: skip

    def batches() -> Iterator[Batch]:
        x = torch.randn(64, STEPS, 1)
        given = {"insample_y": x, "insample_mask": torch.ones_like(x)}
        yield given | {"futr_exog": None, "hist_exog": None, "stat_exog": None}, x[:, -LAG, 0]

    return model, batches, lambda inputs: inputs["insample_y"][:, -LAG, 0]


if __name__ == "__main__":
    main()
