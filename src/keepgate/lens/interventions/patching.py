"""Activation patching: memories exchanged between rows, and a layer's results replaced inside a user's model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ...errors import ShapeError
from ...nn.input_format import batch_layout
from ..capture.layer_run import LayerRun, as_hidden
from .rerun import Rerun, check_steps, rerun_from


def patch_memories(
    layer_run: LayerRun, step: int, row: int, other_row: int, *, other_step: int | None = None,
    layer: int = -1, reverse: bool = False,
) -> Rerun:  # fmt: skip
    """Reruns of two rows whose memories after a step are exchanged: first `row`, then `other_row`.

    other_step: the step of the other row; None is the same. A plain RNN, whose memory is h, is taken too.
    Raises ShapeError for a step or row out of range, SettingsError for a run with resets.
    """
    part = layer_run.trace.layer(layer, reverse=reverse)
    steps = torch.tensor([step, step if other_step is None else other_step])
    rows = torch.tensor([row, other_row])
    check_steps(part, steps, rows)
    memories = part[part.cell.memory_state][steps.flip(0), rows.flip(0)]
    return rerun_from(layer_run, memories, steps, rows, layer_run.place(layer, reverse=reverse))


@contextmanager
def patched(module: nn.Module, rerun: Rerun) -> Iterator[None]:
    """Replaces, inside the block, the results of a layer in a user's model by those of a rerun.

    Call the model with one row for each variant, each as long as the row that was changed:

        with patched(model.lstm, rerun):
            answers = model(x.expand(rerun.variants, -1))

    Raises ShapeError, in the model's call, for another number of rows or steps.
    """

    def replace(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> Any:
        arguments = dict(zip(("input", "hx"), args, strict=False)) | kwargs
        layout = batch_layout(
            arguments["input"], arguments.get("lengths"), module.batch_first, type(module).__name__
        )
        output, final = rerun.output, rerun.final
        if layout.x.shape[:2] != output.shape[:2]:
            raise ShapeError(
                f"the layer was given {list(layout.x.shape[:2])} steps and rows, but {list(output.shape[:2])} were "
                "run again; call the model with one row for each variant"
            )
        if not layout.batched:
            final = tuple(state.squeeze(1) for state in final)
        return layout.output(output), as_hidden(final)

    hook = module.register_forward_hook(replace, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
