"""The training loop, to be read from top to bottom: a batch, its loss, a step; log, evaluate, save; stop."""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from ..errors import SettingsError
from ..progress import Progress, ProgressBar
from ..tasks.task import Trainable
from . import nonfinite, optimiser, randomness
from .batches import Batches, CurriculumStage, batches_for
from .checkpoint import Checkpoints, describe
from .config import TrainingConfig
from .evaluation import Dev, evaluate
from .interrupt import Interrupt
from .metrics_log import Clock, MetricsLog
from .prefetch import Prefetch
from .processes import Processes, joined
from .state import TrainingState
from .tensorboard import scalars


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of a training. The task that was trained is left in eval mode with the weights to keep.

    loss: mean over the last steps logged, in nats. metrics: the evaluation's of the weights that are kept.
    seconds, cpu_seconds: of training and evaluation, those before a resumption included.
    history: the records of metrics.jsonl.
    """

    steps: int
    seconds: float
    cpu_seconds: float
    loss: float
    metrics: dict[str, float]
    history: list[dict[str, Any]]


def fit(
    task: Trainable,
    config: TrainingConfig,
    *,
    examples: Sequence[Any] | None = None,
    stages: Sequence[CurriculumStage] | None = None,
    stream: Sequence[Any] | None = None,
    dev: Dev | None = None,
    folder: Path | str | None = None,
    tensorboard: Path | str | None = None,
    resume: bool | Literal["previous"] = False,
    progress: bool = True,
    on_step: Callable[[Progress], None] | None = None,
    processes: Processes | None = None,
) -> Result:
    """Trains the task, in place, on one of three kinds of data.

    examples: from `task.prepare`, in epochs. stages: made as the training goes. stream: numbers (a tensor, say) read in
        contiguous lanes, with the states carried on from batch to batch.
    dev: items to measure the task on now and then and at the end, or a function from the task to its metrics by name.
    folder: where checkpoints and metrics.jsonl go; not the model's own, which `export.save` writes
        afterwards.
    tensorboard: a folder for the same figures as TensorBoard reads them; needs the extra of this name.
    resume: True goes on from the newest checkpoint, exactly: the end has the same bytes as if nothing had
        stopped it; from the start if there is none yet. "previous" takes the one before when the newest is
        damaged.
    progress: a bar on stderr, or lines if it is no terminal, once two seconds have passed.
    on_step: is told of every step, for a bar of one's own.
    processes: None asks who has started this program: under torchrun each process computes its rows of every batch,
        to what one process would have computed of all, and the first alone evaluates and writes; all end alike.

    With a folder, Ctrl-C or SIGTERM ends the step, saves, and raises KeyboardInterrupt that says how to go
    on. The generators of torch, numpy and Python and the number of threads are left as they were found.
    Raises SettingsError if the arguments do not go together or a checkpoint has other settings, BundleError
    if a checkpoint cannot be read or written, TrainingStopped when the loss or a gradient is NaN or infinite, or if the
    loss ends far above where it began.
    """
    place = Path(folder) if folder is not None else None
    with contextlib.ExitStack() as during:
        processes = processes or during.enter_context(joined(next(task.parameters()).device))
        batches = batches_for(task, config, examples=examples, stages=stages, stream=stream)
        if config.keep == "best" and dev is None:
            raise SettingsError(
                'keep is "best" and no dev is given, which says what is best; give one, or keep="last"'
            )
        log = MetricsLog(place / "metrics.jsonl" if place is not None and processes.first else None)
        during.enter_context(randomness.reproducible(config.seed, config.threads))
        state = TrainingState.start(task, config, batches.steps)
        store = during.enter_context(
            Checkpoints(place, lambda: describe(task, config, batches.describe()), processes=processes)
        )
        note = _begin(store, state, resume)
        state.follow_first(processes)
        log.go_back_to(state.step)
        if tensorboard is not None and processes.first:
            log.listener = during.enter_context(scalars(Path(tensorboard), state.step))
        bar = during.enter_context(
            ProgressBar(batches.steps, enabled=progress and processes.first, done=state.step)
        )
        bar.say(note)
        interrupt = during.enter_context(Interrupt(armed=place is not None, quiet=not processes.first))

        def tell(now: Progress) -> None:
            bar.update(now.step, name=now.name, loss=now.loss, metrics=now.metrics)
            if on_step is not None:
                on_step(now)

        task.train()
        _train(
            state, config, batches, during.enter_context(Prefetch(batches, task, processes)), dev,
            store=store, log=log, interrupt=interrupt, tell=tell, processes=processes,
        )  # fmt: skip
        loss = log.last("loss", math.nan)
        if state.first_loss is not None:
            nonfinite.refuse_divergence(config, state.step, state.first_loss, loss, store.last())
        state.finish(config, processes)
        log.records = processes.from_first(lambda: log.records)
    return Result(
        steps=state.step,
        seconds=state.seconds,
        cpu_seconds=state.cpu_seconds,
        loss=loss,
        metrics=log.last("best" if config.keep == "best" else "metrics", {}),
        history=log.records,
    )


def _train(
    state: TrainingState,
    config: TrainingConfig,
    batches: Batches,
    batch_of: Prefetch,
    dev: Dev | None,
    *,
    store: Checkpoints,
    log: MetricsLog,
    interrupt: Interrupt,
    tell: Callable[[Progress], None],
    processes: Processes,
) -> None:
    """From the state's step to the last one."""
    clock, task = Clock(state), state.task
    device = next(task.parameters()).device

    def due(every: int | None) -> bool:
        return state.step == batches.steps or (every is not None and state.step % every == 0)

    while state.step < batches.steps:
        name = batches.name(state.step)
        learning_rate = optimiser.learning_rate(config, state.step, batches.steps)
        if not batches.carries(state.step):
            state.carry = None
        with clock.loading():
            rows, batch = batch_of(state.step)
            batch = None if batch is None else batch.to(device)
        processes.seed_step(config.seed, state.step)
        loss = _step(state, config, batch, learning_rate, rows, store, processes)
        state.step += 1
        state.first_loss = loss if state.first_loss is None else state.first_loss
        state.unlogged_losses.append(loss)
        clock.tick()
        tell(
            Progress(
                step=state.step, steps=batches.steps, name=name, loss=loss, learning_rate=learning_rate,
                metrics=log.last("metrics", {}), seconds=state.seconds, cpu_seconds=state.cpu_seconds,
            )
        )  # fmt: skip
        if due(config.log_every):
            mean = math.fsum(state.unlogged_losses) / len(state.unlogged_losses)
            figures = {"loss": mean, "learning_rate": learning_rate, **clock.loaded(), **clock.tick()}
            log.add({"step": state.step, **figures})
            state.unlogged_losses.clear()
        if dev is not None and due(config.evaluate_every):
            measured = processes.from_first(lambda: evaluate(state, dev, keep_best=config.keep == "best"))
            log.add({"step": state.step, **measured, **clock.tick()})
        stopping = processes.any(interrupt.requested)
        if due(config.checkpoint_every) or stopping:
            nonfinite.refuse_weights(task, state.step, store.last())
            saved = store.save(state)
            if stopping and state.step < batches.steps:
                raise KeyboardInterrupt(
                    f"stopped at step {state.step} of {batches.steps}, saved in {saved}; the same call "
                    "with resume=True (the same command with --resume) goes on from there"
                )


def _step(
    state: TrainingState,
    config: TrainingConfig,
    batch: Any,
    learning_rate: float,
    rows: int,
    store: Checkpoints,
    processes: Processes,
) -> float:
    """One step of the optimiser; the loss before it. Raises TrainingStopped for what is not finite.

    batch: the rows of this process, None for none. rows: how many they are.
    """
    task, local_loss = state.task, None
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate
    state.optimiser.zero_grad(set_to_none=True)
    if batch is not None:
        kind = next(task.parameters()).device.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=config.autocast == "bfloat16"):
            local_loss, carry = task.loss(batch, state.carry)
        state.carry = None if carry is None else tuple(states.detach() for states in carry)
        if not torch.isfinite(local_loss):
            raise nonfinite.stopped(task, state.step, store.last(), batch=batch, loss=local_loss)
        torch.autograd.backward(local_loss)
    loss = processes.sum_gradients(task, local_loss, batch, rows)
    gradients = [parameter.grad for parameter in task.parameters() if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
    if not torch.isfinite(norm):
        raise nonfinite.stopped(task, state.step, store.last(), batch=batch, loss=loss)
    if config.max_grad_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(task.parameters(), config.max_grad_norm, norm, foreach=True)
    state.optimiser.step()
    if state.average is not None:
        state.average.update(task.state_dict(), state.step)
    return loss.item()


def _begin(store: Checkpoints, state: TrainingState, resume: bool | Literal["previous"]) -> str | None:
    """Takes up the newest checkpoint, or writes the first; what there is to say about it."""
    if resume and store.folder is None:
        raise SettingsError(
            f"resume is {resume!r} and no folder is given; give the folder of the checkpoints"
        )
    if not resume and store.newest_first():
        raise SettingsError(
            f"{store.folder} holds a training already: {store.last()}; go on with resume=True (--resume) "
            "or give another folder"
        )
    checkpoint = store.restore(state, previous=resume == "previous") if resume else None
    if checkpoint is not None:
        return f"going on from step {state.step}, {checkpoint}"
    store.save(state)
    return f"no checkpoint in {store.folder} yet: starting from the beginning" if resume else None
