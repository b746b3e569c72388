"""Retention of a write: each share is the product of the gates, and what is retained and forgotten sum to the write."""

import pytest
import torch

from keepgate import GRU, LSTM, RNN, CellError, ShapeError
from keepgate.lens.memory import write_retention


@pytest.mark.parametrize(
    ("layer", "reverse"),
    [
        (LSTM(3, 6, bidirectional=True), False),
        (LSTM(3, 6, bidirectional=True), True),
        (LSTM(3, 6, proj_size=2), False),
        (GRU(3, 6), False),
    ],
)
def test_a_write_is_what_was_erased_and_what_is_left(layer, reverse):
    torch.manual_seed(0)
    trace = layer.double().trace(torch.randn(9, 2, 3, dtype=torch.float64)).layer(0, reverse=reverse)
    gate = {name: values.detach() for name, values in trace.items()}
    keep = gate["f"] if "f" in gate else gate["z"]
    write = gate["i"] * gate["g"] if "f" in gate else (1 - gate["z"]) * gate["n"]
    found = write_retention(trace, 4, row=1)
    after = range(3, -1, -1) if reverse else range(5, 9)
    size = left = write[4, 1].abs()
    assert found.size == pytest.approx(float(size.sum()), rel=1e-12)
    assert float(found.retained[4]) == pytest.approx(1)
    for t in after:
        gone, left = left * (1 - keep[t, 1]), left * keep[t, 1]
        assert float(found.forgotten[t]) == pytest.approx(float(gone.sum() / size.sum()), rel=1e-10)
        assert float(found.retained[t]) == pytest.approx(float(left.sum() / size.sum()), rel=1e-10)
    assert found.at_end == pytest.approx(float(left.sum() / size.sum()), rel=1e-9)
    assert not bool(found.retained[[t for t in range(9) if t != 4 and t not in after]].any())
    one = write_retention(trace, 4, row=1, unit=2)
    assert one.size == pytest.approx(float(size[2]))
    assert float(one.retained[after[-1]]) == pytest.approx(float(keep[list(after), 1, 2].prod()), rel=1e-9)


def test_what_has_no_writes_is_refused():
    with pytest.raises(CellError, match="gradient"):
        write_retention(RNN(3, 6).trace(torch.randn(4, 1, 3)).layer(0), 0)
    with pytest.raises(ShapeError, match="units 0 to 5"):
        write_retention(LSTM(3, 6).trace(torch.randn(4, 1, 3)).layer(0), 0, unit=6)


def test_a_write_of_nothing_has_nothing_left():
    layer = LSTM(3, 6)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
    found = write_retention(layer.trace(torch.randn(4, 1, 3)).layer(0), 1)
    assert (found.size, found.at_end) == (0, 0)
