"""torch.nn's layer of the same cell with the same parameters: the way back, `layer.to_torch()`."""

from typing import Any

from torch import nn

from .. import cells
from ..equations import Cell
from ..errors import CellError, SettingsError

# By the cell itself, not by its name: a user's own cell may be called "lstm" and mean something else.
_LAYERS: tuple[tuple[Cell, type[nn.RNNBase], type[nn.RNNCellBase], dict[str, str]], ...] = (
    (cells.rnn_tanh, nn.RNN, nn.RNNCell, {"nonlinearity": "tanh"}),
    (cells.rnn_relu, nn.RNN, nn.RNNCell, {"nonlinearity": "relu"}),
    (cells.lstm, nn.LSTM, nn.LSTMCell, {}),
    (cells.gru, nn.GRU, nn.GRUCell, {}),
)


def to_torch(module: nn.RNNBase | nn.RNNCellBase, cell: Cell) -> Any:
    """torch.nn's layer with the very same Parameter objects, mode and settings.

    Raises CellError for a cell that torch.nn lacks, SettingsError where a weight is computed from others.
    """
    if getattr(module, "regularisation", None) is not None:
        raise SettingsError(
            "torch.nn has no zoneout, recurrent_dropout or weight_drop; build a layer without"
        )
    narrow = next((place.narrow for place in module.__dict__.get("_places", ()) if place.narrow), None)
    if narrow is not None:
        raise SettingsError(
            f"the weights of this {type(module).__name__} are quantized to {narrow}, which torch.nn's layers do not "
            "read; take the model as it was before keepgate.quantize"
        )
    layer = without_weights(module, cell)
    parameters = dict(module.named_parameters(recurse=False))
    for name, _ in [*layer.named_parameters()]:
        if name not in parameters:
            raise SettingsError(
                f"{name} of this {type(module).__name__} is computed (parametrised, normed or pruned), and a layer of "
                "torch.nn would not compute it again; make it a parameter first, as by "
                f"torch.nn.utils.parametrize.remove_parametrizations(layer, {name!r})"
            )
        setattr(layer, name, parameters[name])
    return layer


def without_weights(module: nn.RNNBase | nn.RNNCellBase, cell: Cell) -> nn.RNNBase | nn.RNNCellBase:
    """torch.nn's layer with the same settings, its parameters without numbers. Raises CellError where it has none."""
    for candidate, stack, step, options in _LAYERS:
        if candidate is cell:
            make: Any = step
            theirs: nn.RNNBase | nn.RNNCellBase = (
                _stack(module, stack, options)
                if isinstance(module, nn.RNNBase)
                else make(module.input_size, module.hidden_size, module.bias, device="meta", **options)
            )
            return theirs.train(module.training)
    names = ", ".join(candidate.name for candidate, *_ in _LAYERS)
    raise CellError(f"torch.nn has no layer of the cell {cell.name}; it has {names}")


def _stack(module: nn.RNNBase, kind: type[nn.RNNBase], options: dict[str, str]) -> nn.RNNBase:
    make: Any = kind
    theirs: nn.RNNBase = make(
        module.input_size, module.hidden_size, module.num_layers, bias=module.bias, batch_first=module.batch_first,
        bidirectional=module.bidirectional, device="meta", **options,
        **({"proj_size": module.proj_size} if module.proj_size else {}),
    )  # fmt: skip
    theirs.dropout = module.dropout  # given to the constructor, one layer would warn again
    return theirs
