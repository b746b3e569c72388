"""The training loop, to be read from top to bottom: a batch, its loss, a step; log, evaluate, save; stop."""

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..data.questions import Question
from ..errors import SettingsError, TrainingStopped
from ..export.bundle import plain
from ..tasks.metrics import score
from ..tasks.task import Task
from . import optimiser as optimisers
from . import randomness
from .checkpoint import Checkpoints, State
from .logbook import Bar, Logbook, Progress
from .plan import Stage, plan
from .settings import Run
from .stop import Stop

Dev = Sequence[Question] | Callable[[Task], Mapping[str, float]]


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
    with contextlib.ExitStack() as closing:
        closing.enter_context(_reproducible(run))
        average = optimisers.Average(task.state_dict(), run.average) if run.average is not None else None
        state = State(task, optimisers.build(run, task.parameters()), average)
        log = Logbook(Path(folder) / "metrics.jsonl" if folder is not None else None)
        store = None
        if folder is not None:
            store = closing.enter_context(Checkpoints(Path(folder), _settings(task, run, batches.describe())))
            note = _begin(store, state, resume)
            log.go_back_to(state.step)
        bar = closing.enter_context(Bar(batches.steps, shown=progress, done=state.step))
        if folder is not None and note:
            bar.say(note)
        stop = closing.enter_context(Stop(armed=store is not None))
        clock = _Clock(state)

        task.train()
        while state.step < batches.steps:
            learning_rate = optimisers.rate(run, state.step, batches.steps)
            loss = _step(state, run, batches.batch(state.step), learning_rate, store)
            state.step += 1
            last = state.step == batches.steps
            clock.tick()

            metrics = _last_metrics(log)
            now = Progress(
                step=state.step,
                steps=batches.steps,
                name=batches.name(state.step - 1),
                loss=loss,
                learning_rate=learning_rate,
                metrics=metrics,
                seconds=state.seconds,
                cpu_seconds=state.cpu_seconds,
            )
            bar.update(state.step, name=now.name, loss=loss, metrics=metrics)
            if on_step is not None:
                on_step(now)

            state.pending.append(loss)
            if last or state.step % run.log_every == 0:
                mean = math.fsum(state.pending) / len(state.pending)
                log.add({"step": state.step, "loss": mean, "learning_rate": learning_rate, **clock.read()})
                state.pending.clear()
            if dev is not None and (last or (run.evaluate_every and state.step % run.evaluate_every == 0)):
                log.add({"step": state.step, "metrics": _evaluate(state, dev), **clock.tick()})
            if store is not None and (last or stop.asked or state.step % run.checkpoint_every == 0):
                saved = store.save(state)
                if stop.asked and not last:
                    raise KeyboardInterrupt(
                        f"stopped at step {state.step} of {batches.steps}, saved in {saved}; the same call "
                        "with resume=True (the same command with --resume) goes on from there"
                    )

        _keep_average(state)
        task.eval()
        return Result(
            steps=state.step,
            seconds=state.seconds,
            cpu_seconds=state.cpu_seconds,
            loss=next((record["loss"] for record in reversed(log.records) if "loss" in record), math.nan),
            metrics=_last_metrics(log),
            history=log.records,
        )


def measure(task: Task, questions: Sequence[Question]) -> dict[str, float]:
    """Means of exact match and both F1 over the questions, 0 to 1. Raises SettingsError if there are none."""
    if not questions:
        raise SettingsError("there are no questions to evaluate on; give at least one, or none at all")
    answers = task.answer(questions)
    scores = [
        asdict(score(answer.text, question.answers))
        for answer, question in zip(answers, questions, strict=True)
    ]
    return {name: math.fsum(each[name] for each in scores) / len(scores) for name in scores[0]}


def _step(
    state: State, run: Run, examples: Sequence[Any], learning_rate: float, store: Checkpoints | None
) -> float:
    """One step of the optimiser; the loss before it. Raises TrainingStopped for what is not finite."""
    task, device = state.task, next(state.task.parameters()).device
    batch = task.collate(examples).to(device)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate
    state.optimiser.zero_grad(set_to_none=True)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=run.autocast == "bfloat16"):
        loss = task.loss(batch)
    if not torch.isfinite(loss):
        raise _stopped(state, batch, loss, store)
    torch.autograd.backward(loss)
    gradients = [parameter.grad for parameter in task.parameters() if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
    if not torch.isfinite(norm):
        raise _stopped(state, batch, loss, store)
    if run.clip is not None:
        torch.nn.utils.clip_grads_with_norm_(task.parameters(), run.clip, norm, foreach=True)
    state.optimiser.step()
    if state.average is not None:
        state.average.update(task.state_dict(), state.step)
    return loss.item()


def _stopped(state: State, batch: Any, loss: Tensor, store: Checkpoints | None) -> TrainingStopped:
    """The error that names step and first tensor that is not finite: input, weight, loss or gradient."""
    named: list[tuple[str, Any]] = []
    if is_dataclass(batch):
        named += [(f"input {field.name}", getattr(batch, field.name)) for field in fields(batch)]
    named += [(f"weight {name}", parameter) for name, parameter in state.task.named_parameters()]
    named += [("loss", loss)]
    named += [(f"gradient of {name}", parameter.grad) for name, parameter in state.task.named_parameters()]
    tensors = [
        (name, tensor) for name, tensor in named if isinstance(tensor, Tensor) and tensor.is_floating_point()
    ]
    broken = next(
        ((name, tensor) for name, tensor in tensors if not torch.isfinite(tensor).all()),
        # Each is finite, and the squares of all gradients together are not.
        ("norm of all gradients", torch.tensor(math.inf)),
    )
    count = int((~torch.isfinite(broken[1])).sum())
    return TrainingStopped(
        f"step {state.step}: {broken[0]} is NaN or infinite ({count} of {broken[1].numel()} values); "
        f"{store.last() if store is not None else 'no folder was given, so there is no checkpoint'}. "
        "Try a lower learning_rate, a lower clip or a longer warmup, and look at the data of that step"
    )


def _begin(store: Checkpoints, state: State, resume: bool | Literal["previous"]) -> str | None:
    """Takes up the newest checkpoint, or writes the first; what there is to say about it."""
    if not resume:
        if store.found():
            raise SettingsError(
                f"{store.folder} holds a training already: {store.last()}; go on with resume=True (--resume) "
                "or give another folder"
            )
        store.save(state)
        return None
    taken = store.restore(state, previous=resume == "previous")
    if taken is None:
        store.save(state)
        return f"there is no checkpoint in {store.folder} yet: starting from the beginning"
    return f"going on from step {state.step}, {taken}"


def _evaluate(state: State, dev: Dev) -> dict[str, float]:
    """The metrics of the weights that would be kept now; training goes on as if it had not been asked."""
    weights = {name: tensor.clone() for name, tensor in state.task.state_dict().items()}
    with randomness.untouched(), torch.no_grad():
        try:
            _keep_average(state)
            state.task.eval()
            metrics = dev(state.task) if callable(dev) else measure(state.task, dev)
        finally:
            state.task.load_state_dict(weights)
            state.task.train()
    return {name: float(value) for name, value in metrics.items()}


def _keep_average(state: State) -> None:
    if state.average is not None:
        state.task.load_state_dict(state.average.weights)


def _last_metrics(log: Logbook) -> dict[str, float]:
    return next((record["metrics"] for record in reversed(log.records) if "metrics" in record), {})


def _settings(task: Task, run: Run, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint holds so that it is never taken up by another run, as a table that TOML can hold."""
    vocabulary = json.dumps(task.vocabulary_json(), sort_keys=True).encode()
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "run": plain(run),
        "task": {
            "kind": task.kind,
            "vocabulary": hashlib.sha256(vocabulary).hexdigest(),
            **plain(task.settings),
        },
        "data": dict(data),
    }


@contextlib.contextmanager
def _reproducible(run: Run) -> Iterator[None]:
    """Seeds all generators and sets the threads; afterwards both are as they were."""
    threads = torch.get_num_threads()
    with randomness.untouched():
        try:
            if run.threads is not None:
                torch.set_num_threads(run.threads)
            randomness.start(run.seed)
            yield
        finally:
            torch.set_num_threads(threads)


class _Clock:
    """Adds what has passed to the state's seconds."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def tick(self) -> dict[str, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        self.state.seconds += wall - self._wall
        self.state.cpu_seconds += cpu - self._cpu
        self._wall, self._cpu = wall, cpu
        return self.read()

    def read(self) -> dict[str, float]:
        return {"seconds": round(self.state.seconds, 3), "cpu_seconds": round(self.state.cpu_seconds, 3)}
