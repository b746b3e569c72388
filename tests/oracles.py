"""Independent truths, and the one table of tolerances. No test widens them.

Equal bits (`torch.equal`) are asked of the C++ core, of what is copied, drawn from a seed or multiplied number by
number, and of the same torch calls made again with the same tensors. torch's products, sums and functions round by
shape, place and processor: what went through them another way is compared with `agrees`.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.testing import assert_close

# Relative to the largest magnitude that is compared; float32 errors grow with the length of the recurrence.
_TOLERANCE = {
    torch.float64: {"value": 1e-12, "gradient": 1e-10},
    torch.float32: {"value": 3e-6, "gradient": 1e-5},
}


def agrees(ours: Tensor, theirs: Tensor, kind: str = "value") -> None:
    """Both are the same to the rounding of their dtype; NaN agrees with nothing."""
    assert ours.dtype == theirs.dtype, f"{ours.dtype} against {theirs.dtype}"
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} against {tuple(theirs.shape)}"
    scale = float(theirs.detach().abs().max()) if theirs.numel() else 0.0
    assert_close(ours.detach(), theirs.detach(), rtol=0, atol=tolerance(ours.dtype, kind) * max(scale, 1.0))


def tolerance(dtype: torch.dtype, kind: str = "value") -> float:
    """How far numbers of magnitudes up to 1 may be apart."""
    return _TOLERANCE[dtype][kind]


def flat(result: object) -> list[Tensor]:
    """Every tensor of a nested result, in order."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, nn.utils.rnn.PackedSequence):
        return [result.data]
    assert isinstance(result, Sequence)
    return [tensor for part in result for tensor in flat(part)]


def gradients(call: Callable[[], object], wrt: Sequence[Tensor]) -> list[Tensor]:
    """The gradients of a fixed random weighting of everything that `call` returns."""
    outputs = [tensor for tensor in flat(call()) if tensor.requires_grad]
    generator = torch.Generator().manual_seed(7)
    loss = sum(
        (out * torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out.dtype)).sum()
        for out in outputs
    )
    assert isinstance(loss, Tensor)
    found = torch.autograd.grad(loss, list(wrt), allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for w, g in zip(wrt, found, strict=True)]


def twins(
    name: str, *args: object, dtype: torch.dtype = torch.float64, **options: object
) -> tuple[nn.Module, nn.Module]:
    """torch.nn's layer, and ours with its weights loaded through state_dict."""
    import keepgate

    theirs = getattr(nn, name)(*args, dtype=dtype, **options)
    ours = getattr(keepgate, name)(*args, dtype=dtype, **options)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.copy_(torch.randn_like(weight) * 0.4)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours


def by_kernel(layer: nn.Module, kernel: str) -> nn.Module:
    """The same layer, run by one named kernel."""
    other = copy.deepcopy(layer)
    other.kernel = kernel
    return other


def alone(layer: nn.Module, x: Tensor, lengths: Sequence[int], row: int, hx: object = None) -> list[Tensor]:
    """torch.nn's results for one row of a ragged batch, without the others and without padding."""
    states = None
    if hx is not None:
        states = tuple(h[:, row : row + 1] for h in hx) if isinstance(hx, tuple) else hx[:, row : row + 1]
    return flat(layer(x[: lengths[row], row : row + 1], states))
