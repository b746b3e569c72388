"""Large arrays lie in large pages where the system has them, by what the kernel says of this process's memory."""

import re
from pathlib import Path

import pytest
import torch

import keepgate
from keepgate.kernels.pages import LARGE, in_large_pages

MAPS = Path("/proc/self/smaps")
linux = pytest.mark.skipif(
    not MAPS.exists() or not Path("/sys/kernel/mm/transparent_hugepage").exists(),
    reason="this system does not tell, or has no large pages",
)


def advised(tensor):
    """Whether the middle of a tensor was asked for in large pages: the flag hg of its mapping."""
    at, inside = tensor.data_ptr() + tensor.nbytes // 2, False
    for line in MAPS.read_text().splitlines():
        if bounds := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(bounds[1], 16) <= at < int(bounds[2], 16)
        elif inside and line.startswith("VmFlags:"):
            return "hg" in line.split()
    raise AssertionError("the tensor lies in no mapping")


@linux
def test_a_large_tensor_is_advised_and_a_small_one_left_alone():
    # Larger than what malloc ever takes from its heap, so that each has a mapping of its own.
    large, other = torch.empty(40 << 20, dtype=torch.uint8), torch.empty(40 << 20, dtype=torch.uint8)
    in_large_pages(large)
    in_large_pages(other[: LARGE - 1])
    assert advised(large)
    assert not advised(other)


@linux
def test_the_planes_of_a_large_trace_lie_in_large_pages():
    layer = keepgate.LSTM(4, 256)
    with torch.no_grad():
        trace = layer.trace(torch.randn(300, 32, 4))
    assert advised(trace.layers[0].over_time["f"])
