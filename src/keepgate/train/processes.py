"""The processes of one data-parallel training, as torchrun starts them: each takes its rows of every batch.

All hold the same weights and take the same steps; only the first writes, measures and speaks. Before each exchange they
meet: a process that failed says so there, so that all end with its error, and none waits for one that is gone.
"""

import contextlib
import itertools
import os
import pickle
import socket
import struct
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import cache, reduce
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from ..errors import ProcessLost, SettingsError, TrainingStopped
from ..tasks.task import Carry, Trainable, Weighted
from . import randomness

T = TypeVar("T")

# So long the others wait for the first while it measures or saves; after it, one that cannot be reached is lost.
PATIENCE = timedelta(minutes=30)
# Linux's request for the address of an interface (netdevice(7)).
_SIOCGIFADDR = 0x8915
_GROUPS = itertools.count()


class Processes:
    """A training in one process, and what each exchange comes to where there is nobody to exchange with."""

    rank = 0
    count = 1

    @property
    def first(self) -> bool:
        """Whether this process writes, measures and speaks for all."""
        return self.rank == 0

    def speaks(self) -> bool:
        """Whether this process says what ended the training: the first, or, if one is lost, who finds out first."""
        return self.first

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        """The rows of a batch that this process computes; none if there are fewer rows than processes."""
        return rows

    def seed_step(self, seed: int, step: int) -> None:
        """Starts the generators of this process for a step: alone, they go on as they are."""

    def sum_gradients(self, task: Trainable, loss: Tensor | None, batch: Any, rows: int) -> Tensor:  # noqa: ARG002
        """The loss of the whole batch; its gradient takes the place of that of this process's rows.

        loss, batch: None where this process has no rows.
        """
        assert loss is not None
        return loss

    def any(self, flag: bool) -> bool:
        """Whether the flag is true in any of the processes."""
        return flag

    def from_first(self, compute: Callable[[], T]) -> T:
        """What `compute` gives in the first process; the others wait for it."""
        return compute()

    def part(self, carry: Carry | None) -> Carry | None:
        """The carried states of the rows of this process, from those of all."""
        return carry

    def whole(self, carry: Carry | None) -> Carry | None:
        """The carried states of all rows, from each process's own."""
        return carry


class Group(Processes):
    """Several processes that torch.distributed has connected, on one host or many."""

    def __init__(self, store: dist.Store | None) -> None:
        """store: by which they found each other; None for a group that the program has made itself."""
        self.rank, self.count = dist.get_rank(), dist.get_world_size()
        self._store, self._ended, self._lost = store, False, False
        self._exchanged: weakref.ref[Tensor] | None = None  # of the last meeting

    def speaks(self) -> bool:
        if not self._lost or self._store is None:
            return self.first
        try:
            return bool(self._store.add("told", 1) == 1)
        except RuntimeError:
            # It was the first's, and went with it.
            return True

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        # Each `count`-th row, not a run of them: batches are sorted by length, and the longest would be one process's.
        return [rows[row] for row in range(self.rank, len(rows), self.count)]

    def seed_step(self, seed: int, step: int) -> None:
        # From the step alone, so that nothing of other processes is in a checkpoint and any number can go on from it.
        randomness.start(randomness.seed_for(seed, "step", step, "process", self.rank))

    def sum_gradients(self, task: Trainable, loss: Tensor | None, batch: Any, rows: int) -> Tensor:
        learning = [parameter for parameter in task.parameters() if parameter.requires_grad]
        widest = reduce(torch.promote_types, {parameter.dtype for parameter in learning}, torch.float32)
        # One tensor for all: the gradients, which of them there are, the loss, and what all of it is a mean over.
        sizes = [*(parameter.numel() for parameter in learning), len(learning), 1, 1]
        flat = torch.zeros(sum(sizes), dtype=widest, device=learning[0].device)
        *gradients, has, total, weights = torch.split(flat, sizes)
        if loss is not None:
            weight = task.loss_weight(batch) if isinstance(task, Weighted) else rows
            weights.fill_(weight)
            total.copy_(loss.detach() * weight)
            for number, (parameter, gradient) in enumerate(zip(learning, gradients, strict=True)):
                if parameter.grad is not None:
                    has[number] = 1
                    gradient.copy_(parameter.grad.flatten()).mul_(weight)
        self.meet()
        with self._reaching():
            dist.all_reduce(flat)
        flat[: -len(has) - 2].div_(weights.clamp(min=1))
        for parameter, gradient, count in zip(learning, gradients, has.tolist(), strict=True):
            parameter.grad = gradient.view_as(parameter).to(parameter.dtype) if count else None
        return (total / weights.clamp(min=1)).squeeze(0)

    def any(self, flag: bool) -> bool:
        return self.meet(flag=flag)

    def from_first(self, compute: Callable[[], T]) -> T:
        box: list[Any] = [compute() if self.first else None]
        self.meet()
        with self._reaching():
            dist.broadcast_object_list(box, src=0)
        result: T = box[0]
        return result

    def part(self, carry: Carry | None) -> Carry | None:
        own = tuple(states[:, self.rank :: self.count].contiguous() for states in carry or ())
        return own if own and own[0].shape[1] else None

    def whole(self, carry: Carry | None) -> Carry | None:
        self.meet()
        parts = [
            part for part in self._from_all(None if carry is None else tuple(map(_on_cpu, carry))) if part
        ]
        if not parts:
            return None
        rows = sum(part[0].shape[1] for part in parts)
        states = tuple(
            torch.empty(like.shape[0], rows, *like.shape[2:], dtype=like.dtype) for like in parts[0]
        )
        for rank, part in enumerate(parts):
            for state, own in zip(states, part, strict=True):
                state[:, rank :: self.count] = own
        return states

    def meet(self, *, fault: Exception | None = None, flag: bool = False) -> bool:
        """Waits for all; whether any raises the flag. Raises the first fault that a process came with."""
        status = torch.tensor([fault is not None, flag], dtype=torch.int64)
        self._exchanged = weakref.ref(status)
        with self._reaching():
            dist.all_reduce(status)
        failed, raised = status.tolist()
        del status
        if failed:
            self._ended = True
            faults = self._from_all(None if fault is None else _as_bytes(fault, self.rank))
            first, content = next(
                (rank, content) for rank, content in enumerate(faults) if content is not None
            )
            raise fault if fault is not None and first == self.rank else pickle.loads(content)
        return bool(raised)

    def settle(self) -> None:
        """Waits, a second at most, until gloo's threads have let go of what was exchanged last.

        A thread that drops a tensor while Python ends aborts the process (pytorch/pytorch#179291).
        """
        until = time.monotonic() + 1.0
        while self._exchanged is not None and self._exchanged() is not None and time.monotonic() < until:
            time.sleep(0.001)

    def leave(self, fault: Exception | None) -> None:
        """The last meeting, once for each process, with what it failed of."""
        if not self._ended:
            self._ended = True
            self.meet(fault=fault)

    def _from_all(self, value: T) -> list[T]:
        box: list[Any] = [None] * self.count
        with self._reaching():
            dist.all_gather_object(box, value)
        return box

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turns what torch says of a broken connection into ProcessLost."""
        try:
            yield
        except RuntimeError as fault:
            self._ended = self._lost = True
            reason = str(fault).strip().splitlines()[0]
            raise ProcessLost(
                f"another process of this training has ended or cannot be reached (process {self.rank} of {self.count} "
                f"was told: {reason}); the last checkpoint is whole: start all processes again, with resume=True "
                "(--resume)"
            ) from fault


@contextlib.contextmanager
def joined(device: torch.device | str = "cpu") -> Iterator[Processes]:
    """The processes of this training: those that torchrun has started (it sets WORLD_SIZE), or this one alone.

    device: where the task will be; "cuda" without a number is one for each process, by NCCL. A group that the program
    has made itself is taken as it is. Whatever one process raises inside, all do.
    Raises ProcessLost if the others do not come or go away.
    """
    place = torch.device(device)
    makes_group = not (dist.is_available() and dist.is_initialized())
    if (_announced() if makes_group else dist.get_world_size()) == 1:
        yield Processes()
        return
    store = _connect(place) if makes_group else None
    try:
        group = Group(store)
        try:
            yield group
        except Exception as fault:
            with contextlib.suppress(ProcessLost):
                group.leave(fault)
            raise
        else:
            group.leave(None)
        finally:
            group.settle()
    finally:
        if makes_group:
            dist.destroy_process_group()


def _announced() -> int:
    """How many processes whoever started this one says that there are."""
    try:
        return int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError:
        raise SettingsError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']!r} and must be a whole number; torchrun sets it"
        ) from None


def _connect(device: torch.device) -> dist.Store:
    """Makes torch's default group; the store of its addresses. Raises ProcessLost if not all come."""
    own_gpu = device.type == "cuda" and device.index is None
    if own_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if interface := _interface_to(os.environ.get("MASTER_ADDR", "")):
        # Else gloo takes the one of this host's name, which on many is the loopback.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    try:
        store, rank, count = _rendezvous()
        # A name of its own for each group: what an earlier one left in the store would be taken for this one's.
        group_store = PrefixStore(f"keepgate/{next(_GROUPS)}", store)
        backend = "cpu:gloo,cuda:nccl" if own_gpu else "gloo"
        dist.init_process_group(backend, store=group_store, rank=rank, world_size=count, timeout=PATIENCE)
    except (RuntimeError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[0]
        raise ProcessLost(
            f"the processes of this training did not find each other ({reason}); start all of them with torchrun, with "
            "the same --rdzv-endpoint or --master-addr"
        ) from fault
    return group_store


@cache
def _rendezvous() -> tuple[dist.Store, int, int]:
    """Where the processes find each other's addresses, once for all trainings of a program; rank and count."""
    store, rank, count = next(iter(rendezvous("env://", timeout=PATIENCE)))
    return store, rank, count


def _interface_to(host: str) -> str | None:
    """The network interface by which this host reaches another; None where that cannot be told (IPv4 on Linux can)."""
    if not host or not sys.platform.startswith("linux"):
        return None
    import fcntl

    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing
        address = socket.inet_aton(probe.getsockname()[0])
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()))
                if answer[20:24] == address:
                    return name
    return None


def _on_cpu(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu()


def _as_bytes(fault: Exception, rank: int) -> bytes:
    """The error for the other processes: as it is, or, where it cannot be sent, its text."""
    try:
        content = pickle.dumps(fault)
        pickle.loads(content)
    except Exception:
        content = pickle.dumps(TrainingStopped(f"process {rank}: {type(fault).__name__}: {fault}"))
    return content
