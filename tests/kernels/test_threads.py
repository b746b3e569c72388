"""Many Python threads use one layer at once, and each gets what it would get alone."""

import copy
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import keepgate
from keepgate.nn import Recurrent
from tests.kernels.calls import CORE, threads
from tests.oracles import flat

every_cell = pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)


def inputs(count, rows=9, size=11):
    return [torch.randn(5 + 3 * number, rows, size) for number in range(count)]


def trained(layer, x):
    """Output, states, and the gradients of input and weights."""
    x = x.clone().requires_grad_()
    results = flat(layer(x))
    return [*results, *torch.autograd.grad(results[0].square().sum(), [x, *layer.parameters()])]


def inferred(layer, x):
    with torch.no_grad():
        return flat(layer(x))


def same(ours, theirs):
    return all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


def at_once(work, count):
    """`work(number)` for each number, every one in a thread of its own, all let go together."""
    barrier = threading.Barrier(count)

    def one(number):
        torch.manual_seed(number)
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@every_cell
@pytest.mark.parametrize("count", [1, 2])
def test_eight_threads_on_one_layer(count, cell):
    layer = Recurrent(cell, 11, 37, 2, bidirectional=True, kernel="cpu")
    given = inputs(8)
    with threads(count):
        expected = [(trained(layer, x), inferred(layer, x)) for x in given]

        def work(number):
            # A thread of its own starts with torch's default number.
            torch.set_num_threads(count)
            return [
                same(trained(layer, given[number]), expected[number][0])
                and same(inferred(layer, given[number]), expected[number][1])
                for _ in range(3)
            ]

        assert at_once(work, 8) == [[True] * 3] * 8


def test_different_layers_in_parallel():
    layers = [Recurrent(cell, 11, 21 + 8 * n, kernel="cpu") for n, cell in enumerate(CORE)]
    x = torch.randn(30, 7, 11)
    expected = [trained(layer, x) for layer in layers]
    with threads(2):

        def work(number):
            return all(same(trained(layers[number], x), expected[number]) for _ in range(10))

        found = at_once(work, len(layers))
    assert found == [True] * len(layers)


def test_first_calls_at_once():
    # Nothing was packed, and no thread of the pool was started by this layer before.
    layer = keepgate.LSTM(11, 64, kernel="cpu")
    x = torch.randn(20, 8, 11)
    twin = copy.deepcopy(layer)
    with threads(2):
        found = at_once(lambda _: inferred(layer, x), 8)
        expected = inferred(twin, x)
    assert all(same(one, expected) for one in found)


def test_a_layer_read_by_some_while_others_train_copies():
    shared = keepgate.GRU(11, 37, kernel="cpu")
    x = torch.randn(15, 6, 11)
    expected = inferred(shared, x)

    def work(number):
        if number % 2:
            return all(same(inferred(shared, x), expected) for _ in range(30))
        mine = copy.deepcopy(shared)
        optimizer = torch.optim.SGD(mine.parameters(), lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            mine(x)[0].square().sum().backward()
            optimizer.step()
        return not same(inferred(mine, x), expected)

    with threads(2):
        assert at_once(work, 6) == [True] * 6


def test_weights_changed_between_rounds_of_threads():
    layer, reference = keepgate.LSTM(11, 37, kernel="cpu"), keepgate.LSTM(11, 37, kernel="reference")
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    x = torch.randn(9, 6, 11)
    for _ in range(5):
        found = at_once(lambda _: inferred(layer, x), 4)
        reference.load_state_dict(layer.state_dict())
        torch.testing.assert_close(found[0][0], inferred(reference, x)[0], rtol=0, atol=3e-6)
        assert all(same(one, found[0]) for one in found)
        optimizer.zero_grad()
        layer(x)[0].square().mean().backward()
        optimizer.step()


@every_cell
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("weights", [None, "bfloat16", "int8"])
def test_no_thread_of_a_stepper_overwrites_the_state_that_another_still_reads(weights, count, cell):
    layer = Recurrent(cell, 5, 512, kernel="cpu")  # enough units for the threads to share those of one row
    if weights:
        assert keepgate.quantize(layer, weights).quantized
    x = torch.randn(30, 1, 5)
    with threads(count), torch.no_grad():
        stepper = layer.stepper()
        steps = torch.stack([stepper.step(step).clone() for step in x])
        assert torch.equal(steps, layer(x)[0])


def test_the_number_of_threads_changed_between_calls():
    layer = keepgate.LSTM(33, 129, kernel="cpu")
    x = torch.randn(20, 9, 33)
    expected = trained(layer, x)
    before = torch.get_num_threads()
    try:
        for count in (4, 1, 8, 2, 3, 1, 16, 2):
            torch.set_num_threads(count)
            assert same(trained(layer, x), expected), f"{count} threads"
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)


def longest_pause(work):
    """(seconds the work took in another thread, the longest that Python stood still here meanwhile)."""
    done, took = threading.Event(), []

    def other():
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
        done.set()

    thread = threading.Thread(target=other)
    pause, last = 0.0, time.perf_counter()
    thread.start()
    while not done.is_set():
        now = time.perf_counter()
        pause, last = max(pause, now - last), now
    thread.join()
    return took[0], pause


@pytest.mark.parametrize("way", ["inference", "training"])
def test_python_goes_on_while_the_core_computes(way):
    layer = keepgate.LSTM(64, 128, kernel="cpu")
    x = torch.randn(2000, 16, 64)
    output = layer(x)[0] if way == "training" else None
    weight = torch.ones(2000, 16, 128)

    def work():
        torch.set_num_threads(1)
        if output is None:
            inferred(layer, x)
        else:
            torch.autograd.grad(output, list(layer.parameters()), weight, retain_graph=True)

    # A busy machine may stop this thread too; the lock held would stop it every time, and for the whole call.
    shares = []
    for _ in range(5):
        took, pause = longest_pause(work)
        shares.append(pause / took)
        if min(shares) < 0.5:
            break
    assert min(shares) < 0.5, f"Python stood still for {min(shares):.0%} of the call"


class Computed(Dataset):
    """Items that a layer computes where the item is asked for."""

    def __init__(self, layer, x):
        self.layer, self.x = layer, x

    def __len__(self):
        return self.x.shape[1]

    def __getitem__(self, row):
        with torch.no_grad():
            return self.layer(self.x[:, row : row + 1])[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_inside_the_workers_of_a_data_loader(workers):
    layer = keepgate.GRU(11, 37, kernel="cpu")
    x = torch.randn(20, 6, 11)
    with threads(2):
        expected = inferred(layer, x)[0]
        loader = DataLoader(
            Computed(layer, x), batch_size=None, num_workers=workers, timeout=20 if workers else 0,
            multiprocessing_context="fork" if workers else None,
        )  # fmt: skip
        assert torch.equal(torch.cat(list(loader), 1), expected)


ONE_PROCESSOR = """
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import torch
import keepgate

layer, x = keepgate.LSTM(64, 256), torch.randn(300, 1, 64, requires_grad=True)

def run(threads):
    torch.set_num_threads(threads)
    started = time.perf_counter()
    output = layer(x)[0]
    found = [output, *torch.autograd.grad(output.sum(), [x, *layer.parameters()])]
    return time.perf_counter() - started, found

run(1)
alone, together = ([run(threads) for _ in range(5)] for threads in (1, 2))
assert all(torch.equal(*pair) for _, found in together for pair in zip(found, alone[0][1]))
print(min(seconds for seconds, _ in together) / min(seconds for seconds, _ in alone))
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a process cannot be kept to one processor")
def test_two_threads_with_one_processor_do_not_wait_for_each_other_at_every_step():
    # Where each waits for the other to get the processor, a step takes as long as the system leaves it to one of them.
    found = subprocess.run(
        [sys.executable, "-c", ONE_PROCESSOR], capture_output=True, text=True, timeout=300, check=False
    )
    assert found.returncode == 0, found.stderr
    assert float(found.stdout) < 5
