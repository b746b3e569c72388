"""Time-delay layer (a causal convolution): at every step it sees the last few steps, and it has no memory."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ShapeError
from .checks import size_of
from .input_format import Lengths, check_lengths
from .length_mask import length_mask
from .tracers import fx_call


class TimeDelayLayer(nn.Module):
    """h_t = tanh(W [x_{t-window+1} … x_t] + b). Before the first step it sees zeros.

    It is called as a recurrent layer is, so that it can stand in a layer's place; it has no state to return.
    """

    def __init__(self, input_size: int, hidden_size: int, *, window: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = (
            size_of("input_size", input_size),
            size_of("hidden_size", hidden_size),
        )
        self.window = size_of("window", window)
        self.weight = nn.Parameter(torch.empty(self.hidden_size, self.input_size, self.window))
        self.bias = nn.Parameter(torch.zeros(self.hidden_size))
        nn.init.xavier_uniform_(self.weight)

    def forward(
        self, input: Float[Tensor, "time batch input"], hx: None = None, *, lengths: Lengths | None = None
    ) -> tuple[Float[Tensor, "time batch hidden"], None]:
        """The output after every step, zero beyond a row's length, and None for the state it does not have."""
        if (node := fx_call(self, input, hx, lengths=lengths)) is not None:
            return node
        if input.shape[2] != self.input_size:
            raise ShapeError(
                f"input has {input.shape[2]} features but this TimeDelayLayer was built with input_size="
                f"{self.input_size}"
            )
        if hx is not None:
            raise ShapeError("a TimeDelayLayer has no state, so hx must be None")
        padded = nn.functional.pad(input.permute(1, 2, 0), (self.window - 1, 0))
        output = torch.tanh(nn.functional.conv1d(padded, self.weight, self.bias)).permute(2, 0, 1)
        if lengths is None:
            return output, None
        checked = check_lengths(lengths, steps=input.shape[0], rows=input.shape[1])
        real = length_mask(output.shape[0], checked, output.device)
        return output * real.unsqueeze(2), None

    def last(self, input: Float[Tensor, "window batch input"]) -> Float[Tensor, "batch hidden"]:
        """The output after the last of exactly `window` steps: what `forward` ends with, at the cost of that one."""
        if input.shape[0] != self.window or input.shape[2] != self.input_size:
            raise ShapeError(
                f"input is {tuple(input.shape)}; give [{self.window}, batch, {self.input_size}]: one window of steps"
            )
        return torch.tanh(torch.einsum("tbi,hit->bh", input, self.weight) + self.bias)

    def extra_repr(self) -> str:
        """Sizes, and the window in steps."""
        return f"{self.input_size}, {self.hidden_size}, window={self.window}"
