"""FlatModel: any model as a function of named tensors to named tensors, as ONNX has it; with the states for streams."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..errors import SettingsError
from ..nn import Recurrent
from ..swapping.tensors import Named, flatten, has_names, rebuild, unique

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class FlatModel(nn.Module):
    """Calls a model with tensors in the place of those of an example, and gives the tensors of its result.

    streaming: the states of every recurrent layer are inputs after the others, and outputs after the others.
    """

    def __init__(self, model: nn.Module, example: Any, *, streaming: bool) -> None:
        super().__init__()
        self.model, self.streamed = model, _streamed_layers(model) if streaming else {}
        self.arguments = _bound(model, example)
        # What is given as one batch has names of its own.
        single = len(self.arguments) == 1
        inputs = [
            pair
            for name, value in self.arguments.items()
            for pair in flatten(value, "" if single and has_names(value) else name)
        ]
        if isinstance(model, Recurrent):
            inputs = [(_state_name(name, model.cell.states), tensor) for name, tensor in inputs]
        if not inputs:
            raise SettingsError("the example has no tensor; give what the model is called with")
        _check_numbers(inputs)
        self.own_inputs = len(inputs)
        with torch.no_grad():
            outputs = self._named_outputs([tensor for _, tensor in inputs], None)
        if not outputs[0]:
            raise SettingsError(
                f"{type(model).__name__} gives no tensor for the example; export what computes one"
            )
        states = self._state_tensors(outputs[1])
        names = unique([*[name for name, _ in inputs], *[f"{name}_0" for name, _ in states]])
        self.inputs: Named = list(zip(names, [t for _, t in (*inputs, *states)], strict=True))
        self.output_names = unique([*[name for name, _ in outputs[0]], *[f"{name}_n" for name, _ in states]])

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The output tensors, and after them, streaming, the final states."""
        states = (
            list(zip(self._state_names(), tensors[self.own_inputs :], strict=True)) if self.streamed else None
        )
        outputs, final = self._named_outputs(list(tensors[: self.own_inputs]), states)
        return tuple(tensor for _, tensor in (*outputs, *(final if self.streamed else [])))

    def _named_outputs(self, tensors: list[Tensor], states: Named | None) -> tuple[Named, Named]:
        waiting = iter(tensors)
        arguments = {name: rebuild(value, waiting) for name, value in self.arguments.items()}
        positional, keywords = _as_call(self.model, arguments)
        with _states_injected(self.streamed, states) as final:
            result = self.model(*positional, **keywords)
        if isinstance(self.model, Recurrent):
            output, last = result
            last = last if isinstance(last, tuple) else (last,)
            outputs = [
                ("output", output),
                *[(f"{s}_n", t) for s, t in zip(self.model.cell.states, last, strict=True)],
            ]
            return outputs[:1] if self.streamed else outputs, final
        return flatten(result, "" if has_names(result) else "output"), final

    def _state_names(self) -> list[str]:
        return [
            f"{path}.{state}" if path else state
            for path, layer in self.streamed.items()
            for state in layer.cell.states
        ]

    def _state_tensors(self, final: Named) -> Named:
        missing = set(self._state_names()) - {name for name, _ in final}
        if missing:
            raise SettingsError(
                f"the example does not run the layers of {', '.join(sorted(missing))}, so that they have no states; "
                "give an example that runs them, or leave out streaming=True"
            )
        return final


def _check_numbers(inputs: Named) -> None:
    """Raises SettingsError for an example from which no other inputs can be drawn."""
    for name, tensor in inputs:
        if tensor.numel() == 0:
            raise SettingsError(
                f"the example's {name} has the shape {list(tensor.shape)} and no number; give one with two rows and "
                "three steps or more"
            )
        if tensor.isnan().any():
            raise SettingsError(
                f"the example's {name} has NaN among its numbers, and no check could tell the file's answers from the "
                "model's by it; give one without"
            )


def _streamed_layers(model: nn.Module) -> dict[str, Recurrent]:
    layers = {path: layer for path, layer in model.named_modules() if isinstance(layer, Recurrent)}
    if not layers:
        raise SettingsError(
            "the model has no recurrent layer, so there are no states to stream; leave out streaming=True"
        )
    for path, layer in layers.items():
        if layer.bidirectional:
            raise SettingsError(
                f"the layer {path or 'itself'} reads in both directions, and a stream has no end to start from; leave "
                "out streaming=True, or build the model with bidirectional=False"
            )
    return layers


@contextmanager
def _states_injected(layers: Mapping[str, Recurrent], states: Named | None) -> Iterator[Named]:
    """While it lasts, each layer begins from these states (zeros if None); its final ones are put into the result."""
    final: Named = []
    begin = dict(states or [])
    for path, layer in layers.items():
        layer.__dict__["forward"] = _streaming_forward(path, layer, begin, final)
    try:
        yield final
    finally:
        for layer in layers.values():
            layer.__dict__.pop("forward", None)


def _streaming_forward(path: str, layer: Recurrent, begin: Mapping[str, Tensor], final: Named) -> Any:
    names = [f"{path}.{state}" if path else state for state in layer.cell.states]

    def forward(input: Any, hx: Any = None, **options: Any) -> Any:
        if hx is not None or any(name in dict(final) for name in names):
            raise SettingsError(
                f"the model {'gives states to' if hx is not None else 'calls twice'} its layer {path or 'itself'}, so "
                "that its states are no stream's; leave out streaming=True, and give the states in the example"
            )
        states = tuple(begin[name] for name in names if name in begin)
        output, last = type(layer).forward(layer, input, states or None, **options)
        final.extend(zip(names, last if isinstance(last, tuple) else (last,), strict=True))
        return output, last

    return forward


def _bound(model: nn.Module, example: Any) -> dict[str, Any]:
    """The example's arguments by the names of `forward`. Raises SettingsError where they do not fit it."""
    if isinstance(example, dict):
        positional, keywords = (), example
    else:
        positional, keywords = (example if type(example) is tuple else (example,)), {}
    try:
        bound = inspect.signature(model.forward).bind(*positional, **keywords)
    except TypeError as error:
        raise SettingsError(
            f"the example does not fit {type(model).__name__}.forward: {error}; give a tensor, a tuple of the "
            "arguments or a dict of keywords"
        ) from error
    for name, value in bound.arguments.items():
        if isinstance(value, PackedSequence):
            raise SettingsError(
                f"{name} is a PackedSequence, whose rows ONNX has no form for; give the padded tensor, and its lengths="
            )
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            arguments |= value
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            arguments |= {f"*{name}": tuple(value)}
        else:
            arguments[name] = value
    return arguments


def _as_call(model: nn.Module, arguments: Mapping[str, Any]) -> Arguments:
    """Positional and keyword arguments of `forward`, in its order."""
    positional: list[Any] = []
    keywords = dict(arguments)
    for name, parameter in inspect.signature(model.forward).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            positional += keywords.pop(f"*{name}", ())
        elif parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
            if name not in keywords:
                break
            positional.append(keywords.pop(name))
    return tuple(positional), keywords


def _state_name(name: str, states: tuple[str, ...]) -> str:
    """hx → h_0; hx_1 → c_0: torch's own names."""
    if name.partition("_")[0] != "hx":
        return name
    place = name.partition("_")[2]
    return f"{states[int(place or 0)]}_0"
