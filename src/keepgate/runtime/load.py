"""A model folder → a model that answers, with every check that `keepgate.export.load` makes."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from ..arrays.memory import thread_count
from ..arrays.recurrent import Recurrent
from ..arrays.weight_table import WeightTable
from ..errors import BundleError, SettingsError
from ..export.content import REMEDY, Content, read_content, refuse_misfits, refuse_not_finite
from ..export.parsing import TensorForm
from ..tasks.runtime_task import RUNTIMES, RuntimeTask, runtime_of


def load(folder: Path | str, *, threads: int | None = None) -> RuntimeTask:
    """The model that `keepgate train` or `keepgate.export.save` wrote, without torch.

    threads: on how many the core computes one call; None for all processors that this process may use.
    Raises BundleError for anything wrong with the folder, as `keepgate.export.load` does, SettingsError for a kind of
    task that has no runtime without torch.
    """
    content = read_content(Path(folder), None)
    if content.kind not in RUNTIMES:
        raise SettingsError(
            f"{folder} is of kind {content.kind!r}, which keepgate.runtime does not answer with; it has "
            f"{', '.join(RUNTIMES)}. Load it with keepgate.export.load, which needs pip install 'keepgate[torch]'"
        )
    task_type = runtime_of(content.kind)
    # Built once without memory: settings that ask for more than the weights are is refused before it is taken.
    empty = WeightTable()
    _build(task_type, content, empty)
    expected = {name: TensorForm(*form) for name, form in empty.forms.items()}
    refuse_misfits(expected, content.header, content.weights_path, REMEDY)
    task = _build(task_type, content, WeightTable(_arrays(content)))
    for layer in vars(task).values():
        if isinstance(layer, Recurrent):
            layer.threads = thread_count(threads)
    return task


def _build(task_type: type[RuntimeTask], content: Content, table: WeightTable) -> RuntimeTask:
    task: RuntimeTask = content.build(task_type.settings_type, partial(task_type, table=table))
    return task


def _arrays(content: Content) -> dict[str, NDArray[Any]]:
    try:
        arrays = load_arrays(content.read_weights())
    except (SafetensorError, ValueError, KeyError) as fault:
        raise BundleError(f"{content.weights_path} cannot be read as tensors: {fault}; {REMEDY}") from fault
    for name, array in arrays.items():
        refuse_not_finite(content.weights_path, name, bool(np.isfinite(array).all()), REMEDY)
    return arrays
