"""QuantizedLinear: torch.nn.Linear with narrow weights, which the C++ core multiplies with as those of a layer."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..cells.linear import linear
from ..kernels import Call, run
from .checks import check_features, check_kind
from .parameters import PlaceParameters


def linear_place(*, bias: bool) -> PlaceParameters:
    """The place of a Linear's parameters."""
    names = {"weight_ih": "weight", "bias_ih": "bias"}
    return PlaceParameters(linear, names if bias else {"weight_ih": "weight"})


class QuantizedLinear(nn.Linear):
    """What `keepgate.quantize` makes of a Linear, in place. Its weight is widened whenever it is asked for."""

    _places: list[PlaceParameters]

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """[out_features, in_features] in float32."""
        return self._places[0].tensors(self)["weight_ih"]

    def forward(self, input: Float[Tensor, "*rows features"]) -> Float[Tensor, "*rows outputs"]:
        """W x + b, [..., out_features] of [..., in_features]. Raises KernelRefused where it would need a gradient."""
        weights = self._places[0].weights(self)
        check_features(input, weights.form, type(self).__name__)
        check_kind("input", input, weights.form)
        rows = input.reshape(1, -1, self.in_features)
        state = torch.zeros(rows.shape[1], self.out_features)
        output = run(Call.of(weights, rows, (state,))).output
        return output.view(*input.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """torch's, and the format of the weights."""
        return f"{super().extra_repr()}, weights={self._places[0].narrow}"
