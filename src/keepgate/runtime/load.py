"""A model folder → a model that answers, with every check that `keepgate.export.load` makes."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from ..arrays.memory import thread_count
from ..arrays.narrow import NarrowMatrix, narrow_names
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
    narrow = narrow_names(content.header)
    empty = WeightTable(narrow=narrow)
    _build(task_type, content, empty)
    expected = {name: TensorForm(*form) for name, form in empty.forms.items()}
    refuse_misfits(expected, content.header, content.weights_path, REMEDY)
    task = _build(task_type, content, WeightTable(_arrays(content), narrow=narrow))
    for layer in vars(task).values():
        if isinstance(layer, Recurrent):
            layer.threads = thread_count(threads)
    return task


def _build(task_type: type[RuntimeTask], content: Content, table: WeightTable) -> RuntimeTask:
    task: RuntimeTask = content.build(task_type.settings_type, partial(task_type, table=table))
    return task


def _arrays(content: Content) -> dict[str, NDArray[Any]]:
    try:
        views = dict(deserialize(content.read_weights()))  # type: ignore[no-untyped-call]
        # bfloat16, which numpy lacks, as its bits.
        kinds = {
            name: "uint16" if form.dtype == "bfloat16" else form.dtype
            for name, form in content.header.items()
        }
        arrays = {
            name: np.frombuffer(views[name]["data"], kind).reshape(views[name]["shape"])
            for name, kind in kinds.items()
        }
    except (SafetensorError, ValueError, KeyError) as fault:
        raise BundleError(f"{content.weights_path} cannot be read as tensors: {fault}; {REMEDY}") from fault
    for name, array in arrays.items():
        numbers = NarrowMatrix(array).widened() if content.header[name].dtype == "bfloat16" else array
        refuse_not_finite(content.weights_path, name, bool(np.isfinite(numbers).all()), REMEDY)
    return arrays
