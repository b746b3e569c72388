"""A child forked after parallel work, or in the middle of it, computes: at once, and the same bits."""

import hashlib
import multiprocessing
import sys
import threading

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import keepgate
from keepgate.nn import Recurrent
from tests.kernels.calls import CORE
from tests.kernels.children import in_child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks with threads are Linux's own")


@pytest.fixture(autouse=True)
def _two_threads():
    """Two threads, and none of torch's own: its fills would wait for ever in a child for threads that are gone."""
    torch.utils.deterministic.fill_uninitialized_memory = False
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Work:
    """A training step of a layer large enough to be shared by threads, as one short text of all its bits."""

    def __init__(self, cell, *, rows=16, hidden=70, lengths=None, **options):
        self.layer = Recurrent(cell, 33, hidden, kernel="cpu", **options)
        self.x = torch.randn(60, rows, 33, requires_grad=True)
        self.weight = torch.randn(60, rows, hidden * self.layer.directions)
        self.lengths = lengths

    def __call__(self):
        output, _ = self.layer(self.x, lengths=self.lengths)
        grads = torch.autograd.grad(output, [self.x, *self.layer.parameters()], self.weight)
        digest = hashlib.sha256()
        for value in (output.detach(), *grads):
            digest.update(value.numpy().tobytes())
        return digest.hexdigest()

    def infer(self):
        with torch.no_grad():
            return hashlib.sha256(self.layer(self.x)[0].numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)
def test_a_child_after_parallel_work(cell):
    work = Work(cell)
    expected = work()
    # torch's own threads have been started as well, and are gone in the child.
    torch.randn(600, 600) @ torch.randn(600, 600)
    assert in_child(work) == expected
    assert work() == expected


@pytest.mark.parametrize(
    "options",
    [{"rows": 1, "hidden": 150}, {"bidirectional": True}, {"num_layers": 2}, {"lengths": [60, 3, 0, 40] * 4}],
    ids=str,
)
def test_a_child_after_work_that_was_shared_in_another_way(options):
    work = Work(keepgate.cells.lstm, **options)
    expected, inferred = work(), work.infer()
    assert in_child(work) == expected
    assert in_child(work.infer) == inferred


def test_a_child_of_a_child():
    work = Work(keepgate.cells.gru)
    expected = work()

    def child():
        return work(), in_child(lambda: (work(), in_child(work)), 4.0)

    assert in_child(child, 6.0) == (expected, (expected, expected))


def test_many_children_one_after_the_other_and_the_parent_goes_on():
    work = Work(keepgate.cells.lstm)
    expected = work()
    for _ in range(10):
        assert in_child(work) == expected
        assert work() == expected


def test_a_child_with_another_number_of_threads():
    work = Work(keepgate.cells.lstm)
    expected = work()

    def child(count):
        torch.set_num_threads(count)
        return work()

    for count in (1, 2, 4):
        assert in_child(lambda: child(count)) == expected  # noqa: B023


def test_a_child_that_computes_in_threads_of_its_own():
    work = Work(keepgate.cells.lstm)
    expected = work()

    def child():
        found = []
        others = [threading.Thread(target=lambda: found.append(work())) for _ in range(3)]
        for other in others:
            other.start()
        for other in others:
            other.join()
        return found

    assert in_child(child) == [expected] * 3


def test_forks_while_other_threads_compute():
    work, busy = Work(keepgate.cells.lstm), Work(keepgate.cells.gru)
    expected = work.infer()
    done = threading.Event()

    def keep_busy():
        while not done.is_set():
            busy.infer()

    others = [threading.Thread(target=keep_busy) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for _ in range(20):
            assert in_child(work.infer) == expected
    finally:
        done.set()
        for other in others:
            other.join()
    assert work.infer() == expected


_WORK: list[Work] = []


def _in_pool(_):
    return _WORK[0]()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_pool():
    _WORK[:] = [Work(keepgate.cells.lstm)]
    expected = _WORK[0]()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_in_pool, range(6)).get(timeout=20) == [expected] * 6


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_data_loader_beside_training():
    # The usual loop: workers are forked after the first epoch's parallel work, while the layer trains.
    work = Work(keepgate.cells.lstm)
    expected = work()
    data = TensorDataset(torch.arange(8.0))
    for _ in range(2):
        for _ in DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=20):
            assert work() == expected
