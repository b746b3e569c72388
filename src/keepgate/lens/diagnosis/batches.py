"""Batches as a user has them, (inputs, targets), with lengths, packed or in a dict, as the rows of a sample."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ...errors import SettingsError, ShapeError
from ...nn.eval_mode import eval_mode
from ...nn.input_format import check_lengths
from .model_io import as_tensors, leaves, lengths_of, mapped, mask_of, refuse_not_finite
from .samples import Loss, Rows
from .usual_loss import labelled

# (inputs, targets), (inputs, lengths, targets), or a dict that names its targets.
Batch = Sequence[Any] | Mapping[str, Any]
# What libraries call the targets in a batch that is a dict.
TARGET_NAMES = ("labels", "label", "targets", "target", "y")


def labelled_rows(samples: list[Rows]) -> list[Rows]:
    """The same rows; targets 0.0 and 1.0 of a model that gives logits as classes."""
    if samples[0].loss is not None or not all(sample.targets.dtype.is_floating_point for sample in samples):
        return samples
    with torch.no_grad():
        results = torch.cat([sample.answered()[0].flatten() for sample in samples])
    targets = labelled(results, torch.cat([sample.targets for sample in samples]))
    if targets.dtype.is_floating_point:
        return samples
    parts = torch.split(targets, [len(sample.targets) for sample in samples])
    return [replace(sample, targets=part) for sample, part in zip(samples, parts, strict=True)]


def _pair(batch: Mapping[str, Any], model: nn.Module) -> Sequence[Any]:
    """A batch in one dict, as libraries give it, as (inputs, targets); nothing where it names no targets."""
    name = next((name for name in TARGET_NAMES if name in batch), None)
    inputs = {key: value for key, value in batch.items() if key != name}
    if name is None or not inputs:
        return ()
    only = next(iter(inputs))
    single = len(inputs) == 1 and only in inspect.signature(model.forward).parameters
    return inputs[only] if single else inputs, batch[name]


def _with_ends(rows: Rows) -> Rows:
    """The same rows with the lengths, or the mask, that are among the inputs, if the answers are the same whatever
    stands after them."""
    mask, split = mask_of(rows.inputs, rows.shape, rows.time), lengths_of(rows.inputs, rows.time)
    if mask is not None:
        bounded = replace(rows, ends=mask, masked=True)
    elif split is not None:
        bounded = replace(rows, inputs=split[0], ends=split[1])
    else:
        return rows
    place = torch.arange(rows.steps)
    real = (place < bounded.lengths[:, None]) if rows.time else (place[:, None] < bounded.lengths)

    def others_after(leaf: Tensor) -> Tensor:
        """Another row's steps after a row's end."""
        inside = real.to(leaf.device)
        if not bounded.runs(leaf) or (leaf.dim() == 2 and bool(((leaf != 0) == inside).all())):
            return leaf
        return leaf.where(inside.reshape(*inside.shape, *[1] * (leaf.dim() - 2)), leaf.roll(1, 1 - rows.time))

    with torch.no_grad(), eval_mode(rows.model):
        answers, exchanged_answers = (
            each.answered()[0] if rows.loss is None else each.losses()
            for each in (bounded, replace(bounded, inputs=mapped(bounded.inputs, others_after)))
        )
    return bounded if torch.allclose(answers, exchanged_answers, rtol=1e-3, atol=1e-5) else rows


def batch_sample(
    model: nn.Module,
    batch: Batch,
    *,
    loss: Loss | None = None,
    time: int = 0,
    output: str | int | None = None,
) -> Rows:
    """One batch as rows: (inputs, targets), the inputs as the model takes them, or (inputs, lengths, targets).

    inputs: tensors or arrays, one, or a tuple or dict of them; or a PackedSequence. time: their dimension of time.
    loss: None takes cross entropy for whole numbers, half the squared error else. output: see `prediction`.
    Raises SettingsError for a batch that is none of these or holds NaN, ShapeError for lengths that do not fit.
    """
    parts: Sequence[Any] = _pair(batch, model) if isinstance(batch, Mapping) else batch
    targets: Any = parts[-1] if isinstance(parts, Sequence) and len(parts) in (2, 3) else None
    targets = torch.from_numpy(targets) if isinstance(targets, numpy.ndarray) else targets
    if not isinstance(targets, Tensor):
        raise SettingsError(
            "a batch is (inputs, targets), (inputs, lengths, targets) or a dict with its targets as 'labels' or "
            f"'targets', these as a tensor; questions are for readers of ours, and this is a {type(model).__name__}"
        )
    inputs: Any = parts[0]
    ends: Tensor | None = None
    packed = isinstance(inputs, PackedSequence)
    ordered = packed and inputs.sorted_indices is None
    if packed:
        if len(parts) == 3:
            raise SettingsError("a PackedSequence has its lengths inside; give (packed, targets)")
        time, (inputs, ends) = 0, pad_packed_sequence(inputs)
    else:
        inputs = as_tensors(inputs)
    if time not in (0, 1) or not any(leaf.dim() > 1 for leaf in leaves(inputs)):
        shapes = [list(leaf.shape) for leaf in leaves(inputs)]
        raise SettingsError(
            f"inputs are [time, batch, …] or [batch, time, …]; these are {shapes}, and time is {time}"
        )
    rows = Rows(
        model=model, inputs=inputs, targets=targets, loss=loss, time=time, output=output, ends=ends, packed=packed,
        ordered=ordered,
    )  # fmt: skip
    refuse_not_finite(inputs, time, targets)
    if len(parts) == 2:
        return rows if packed else _with_ends(rows)
    lengths: Any = parts[1]
    ends = check_lengths(lengths, steps=rows.steps, rows=rows.shape[1 - time])
    if len(ends) and int(ends.min()) < 1:
        raise ShapeError(
            f"row {int(ends.argmin())} has length 0; leave out rows in which there is nothing to read"
        )
    # As they were given, for the model may want them on its own device.
    return replace(rows, ends=torch.as_tensor(lengths).to(ends.dtype))
