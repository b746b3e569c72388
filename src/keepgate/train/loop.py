"""The training loop, to be read from top to bottom: a batch, its loss, a step; log, evaluate, save; stop."""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from ..errors import SettingsError
from ..tasks.task import Task
from . import finite, optimiser, randomness
from .checkpoint import Checkpoints, State, describe
from .evaluation import Dev, evaluate
from .logbook import Bar, Clock, Logbook, Progress
from .plan import Plan, Stage, plan
from .settings import Run
from .stop import Stop


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a training came to. The task that was trained is left in eval mode with the weights to keep.

    loss: mean over the last steps logged, in nats. metrics: the last evaluation's.
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
    task: Task,
    run: Run,
    *,
    examples: Sequence[Any] | None = None,
    stages: Sequence[Stage] | None = None,
    dev: Dev | None = None,
    folder: Path | str | None = None,
    resume: bool | Literal["previous"] = False,
    progress: bool = True,
    on_step: Callable[[Progress], None] | None = None,
) -> Result:
    """Trains the task, in place, on `examples` from `task.prepare` in epochs or on `stages` made as it goes.

    dev: questions to answer now and then and at the end, or a function from the task to its metrics by name.
    folder: where checkpoints and metrics.jsonl go; not the model's own, which `export.save` writes
        afterwards.
    resume: True goes on from the newest checkpoint, exactly: the end has the same bytes as if nothing had
        stopped it; from the start if there is none yet. "previous" takes the one before when the newest is
        damaged.
    progress: a bar on stderr, or lines if it is no terminal, once two seconds have passed.
    on_step: is told of every step, for a bar of one's own.

    With a folder, Ctrl-C or SIGTERM ends the step, saves, and raises KeyboardInterrupt that says how to go
    on. The generators of torch, numpy and Python and the number of threads are left as they were found.
    Raises SettingsError if the arguments do not go together or a checkpoint has other settings, BundleError
    if a checkpoint cannot be read or written, TrainingStopped when the loss or a gradient is NaN or
    infinite.
    """
    batches = plan(task, run, examples, stages)
    place = Path(folder) if folder is not None else None
    log = Logbook(place / "metrics.jsonl" if place is not None else None)
    with contextlib.ExitStack() as during:
        during.enter_context(randomness.reproducible(run.seed, run.threads))
        state = State.start(task, run)
        store = during.enter_context(Checkpoints(place, lambda: describe(task, run, batches.describe())))
        note = _begin(store, state, resume)
        log.go_back_to(state.step)
        bar = during.enter_context(Bar(batches.steps, shown=progress, done=state.step))
        bar.say(note)
        stop = during.enter_context(Stop(armed=place is not None))

        def tell(now: Progress) -> None:
            bar.update(now.step, name=now.name, loss=now.loss, metrics=now.metrics)
            if on_step is not None:
                on_step(now)

        task.train()
        _train(state, run, batches, dev, store=store, log=log, stop=stop, tell=tell)
        state.keep_average()
        task.eval()
    return Result(
        steps=state.step,
        seconds=state.seconds,
        cpu_seconds=state.cpu_seconds,
        loss=log.last("loss", math.nan),
        metrics=log.last("metrics", {}),
        history=log.records,
    )


def _train(
    state: State,
    run: Run,
    batches: Plan,
    dev: Dev | None,
    *,
    store: Checkpoints,
    log: Logbook,
    stop: Stop,
    tell: Callable[[Progress], None],
) -> None:
    """From the state's step to the last one."""
    clock = Clock(state)

    def due(every: int | None) -> bool:
        return state.step == batches.steps or (every is not None and state.step % every == 0)

    while state.step < batches.steps:
        name = batches.name(state.step)
        learning_rate = optimiser.rate(run, state.step, batches.steps)
        loss = _step(state, run, batches.batch(state.step), learning_rate, store)
        state.step += 1
        state.pending.append(loss)
        clock.tick()
        tell(
            Progress(
                step=state.step,
                steps=batches.steps,
                name=name,
                loss=loss,
                learning_rate=learning_rate,
                metrics=log.last("metrics", {}),
                seconds=state.seconds,
                cpu_seconds=state.cpu_seconds,
            )
        )
        if due(run.log_every):
            mean = math.fsum(state.pending) / len(state.pending)
            log.add({"step": state.step, "loss": mean, "learning_rate": learning_rate, **clock.tick()})
            state.pending.clear()
        if dev is not None and due(run.evaluate_every):
            log.add({"step": state.step, "metrics": evaluate(state, dev), **clock.tick()})
        if due(run.checkpoint_every) or stop.asked:
            finite.refuse_weights(state.task, state.step, store.last())
            saved = store.save(state)
            if stop.asked and state.step < batches.steps:
                raise KeyboardInterrupt(
                    f"stopped at step {state.step} of {batches.steps}, saved in {saved}; the same call "
                    "with resume=True (the same command with --resume) goes on from there"
                )


def _step(state: State, run: Run, examples: Sequence[Any], learning_rate: float, store: Checkpoints) -> float:
    """One step of the optimiser; the loss before it. Raises TrainingStopped for what is not finite."""
    task, device = state.task, next(state.task.parameters()).device
    batch = task.collate(examples).to(device)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate
    state.optimiser.zero_grad(set_to_none=True)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=run.autocast == "bfloat16"):
        loss = task.loss(batch)
    if not torch.isfinite(loss):
        raise finite.stopped(task, state.step, store.last(), batch=batch, loss=loss)
    torch.autograd.backward(loss)
    gradients = [parameter.grad for parameter in task.parameters() if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
    if not torch.isfinite(norm):
        raise finite.stopped(task, state.step, store.last(), batch=batch, loss=loss)
    if run.clip is not None:
        torch.nn.utils.clip_grads_with_norm_(task.parameters(), run.clip, norm, foreach=True)
    state.optimiser.step()
    if state.average is not None:
        state.average.update(task.state_dict(), state.step)
    return loss.item()


def _begin(store: Checkpoints, state: State, resume: bool | Literal["previous"]) -> str | None:
    """Takes up the newest checkpoint, or writes the first; what there is to say about it."""
    if resume and store.folder is None:
        raise SettingsError(
            f"resume is {resume!r} and no folder is given; give the folder of the checkpoints"
        )
    if not resume and store.found():
        raise SettingsError(
            f"{store.folder} holds a training already: {store.last()}; go on with resume=True (--resume) "
            "or give another folder"
        )
    taken = store.restore(state, previous=resume == "previous") if resume else None
    if taken is not None:
        return f"going on from step {state.step}, {taken}"
    store.save(state)
    return f"no checkpoint in {store.folder} yet: starting from the beginning" if resume else None
