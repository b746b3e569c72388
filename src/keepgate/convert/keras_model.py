"""KerasModel: the layers of a Keras file by name, and the whole where one layer reads the other."""

import os
from collections.abc import Callable, Mapping
from functools import partial

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn
from torch.nn import functional as f

from ..errors import ConversionError, ShapeError
from .keras_file import KerasFile, KerasLayer, read_keras
from .keras_layers import (
    RECURRENT,
    RecurrentLayers,
    activation_of,
    dense,
    embedding,
    guessed_kind,
    inner_layer,
    recurrent,
)  # fmt: skip
from .layers import flip_rows

# What does nothing at inference.
_NOTHING = (
    "InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "ActivityRegularization",
    "NotEqual",
)  # fmt: skip
# Activations of a Dense or Activation alone, beside those of cells.
_OVER_CLASSES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "softmax": partial(torch.softmax, dim=-1),
    "log_softmax": partial(torch.log_softmax, dim=-1),
    "gelu": f.gelu,
}

# x [batch, time, …] and the lengths of its rows → the same after a layer.
Stage = Callable[[Tensor, Tensor | None], tuple[Tensor, Tensor | None]]


class KerasModel(nn.Module):
    """A Keras file as a torch module. Keras calls batch first, and so are its layers here.

    layers: by Keras' names. LSTM, GRU, SimpleRNN and Bidirectional are a Recurrent each (a Bidirectional whose two
    directions differ is two, the second with "_reverse" behind its name), Embedding an nn.Embedding, Dense and
    TimeDistributed(Dense) an nn.Linear without their activation.

    A call is that of Keras' model at inference, where its layers are one after the other and all known: input [batch,
    time, features], or token numbers [batch, time]. Rows that an Embedding with mask_zero reads end in their zeros.
    A `stateful` layer begins every call from zeros.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        super().__init__()
        source = read_keras(file)
        self._layer_names: dict[str, str] = {}
        self._stages: list[Stage] = []
        self._no_call = source.no_chain
        for layer in source.layers:
            self._add(layer, source)
        if not self._layer_names:
            raise ConversionError(
                f"{source.path} has no layer that is read; known are {', '.join(RECURRENT)}, Bidirectional, Embedding, "
                "Dense and TimeDistributed"
            )
        self.eval()

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers by Keras' names."""
        return {name: getattr(self, own) for name, own in self._layer_names.items()}

    def forward(self, input: Tensor) -> Tensor:
        """What Keras' model gives. Raises ConversionError, with the reason, where the whole cannot be called."""
        if self._no_call is not None:
            raise ConversionError(
                f"this model of Keras cannot be called as a whole: {self._no_call}; call its layers, model.layers[…], "
                "and write down in torch what is between them"
            )
        x, lengths = input, None
        for stage in self._stages:
            x, lengths = stage(x, lengths)
        return x

    def _add(self, layer: KerasLayer, source: KerasFile) -> None:
        """Adds a layer's modules and what it does in a call."""
        kind = layer.kind or guessed_kind(layer)
        if kind in (*RECURRENT, "Bidirectional"):
            layers = recurrent(layer, source.version)
            for suffix, module in zip(("", "_reverse"), layers.layers, strict=False):
                self._register(layer.name + suffix, module)
            self._stages.append(_recurrent_stage(layer, layers))
        elif kind == "Embedding":
            self._add_embedding(layer)
        elif kind in ("Dense", "TimeDistributed"):
            self._add_dense(layer, source.version)
        elif kind == "Activation":
            self._stages.append(_on_values(_function(layer, source.version)))
        elif kind not in _NOTHING:
            self._no_call = (
                self._no_call or f"its layer {layer.name!r} is a {kind}, which has no counterpart here"
            )

    def _add_embedding(self, layer: KerasLayer) -> None:
        module = embedding(layer)
        self._register(layer.name, module)
        masked = bool(layer.config.get("mask_zero"))
        self._stages.append(lambda x, _: (module(_tokens(x)), _lengths_of(x) if masked else None))

    def _add_dense(self, layer: KerasLayer, version: int) -> None:
        inner = inner_layer(layer, "layer") if layer.kind == "TimeDistributed" else layer
        if inner is None or inner.kind not in ("Dense", None):
            raise ConversionError(
                f"the layer {layer.name!r} is a TimeDistributed of {inner and inner.kind}; that of Dense is known"
            )
        module = dense(layer)
        self._register(layer.name, module)
        function = _function(inner, version)
        self._stages.append(_on_values(lambda x: function(module(x))))

    def _register(self, name: str, module: nn.Module) -> None:
        attribute = name.replace(".", "_")
        if name in self._layer_names or hasattr(self, attribute):
            attribute = f"layer_{len(self._layer_names)}"
        if name in self._layer_names:
            raise ConversionError(f"two layers have the name {name!r}; save the model again")
        self._layer_names[name] = attribute
        self.add_module(attribute, module)


def _on_values(function: Callable[[Tensor], Tensor]) -> Stage:
    return lambda x, lengths: (function(x), lengths)


def _function(layer: KerasLayer, version: int) -> Callable[[Tensor], Tensor]:
    name = layer.config.get("activation", "linear")
    if isinstance(name, str) and name in _OVER_CLASSES:
        return _OVER_CLASSES[name]
    activation = activation_of(layer, "activation", "linear", version)
    return lambda x: activation(x)


def _tokens(x: Tensor) -> Tensor:
    return x if x.dtype in (torch.int32, torch.int64) else x.long()


def _lengths_of(tokens: Int[Tensor, "batch time"]) -> Int[Tensor, " batch"]:
    """How many tokens a row has before its zeros. Raises ShapeError where a zero stands before a token."""
    real: Bool[Tensor, "batch time"] = tokens != 0
    lengths = real.sum(1)
    if not torch.equal(real.long().cumprod(1).sum(1), lengths):
        raise ShapeError(
            "a row has a 0, which mask_zero takes for padding, before a token; put the padding behind the tokens"
        )
    return lengths


def _recurrent_stage(layer: KerasLayer, found: RecurrentLayers) -> Stage:
    """A recurrent layer in a call: Keras' outputs, of every step or the last, one or both directions."""
    settings = found.settings

    def run(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        for setting in ("return_state", "time_major"):
            if any(config.get(setting) for config in settings):
                raise ConversionError(
                    f"the layer {layer.name!r} has {setting}=True; call it as model.layers[{layer.name!r}]"
                )
        backwards = bool(settings[0].get("go_backwards"))
        outputs, last = _run_directions(found, x, lengths, first_backwards=backwards)
        if not settings[0].get("return_sequences", layer.kind is None):
            return _merged(layer, last), None
        if backwards:
            if lengths is not None:
                raise ConversionError(
                    f"the layer {layer.name!r} gives masked rows in reverse, and Keras does not reverse the mask; call "
                    f"it as model.layers[{layer.name!r}]"
                )
            return outputs[0].flip(1), None
        if lengths is not None and not settings[0].get("zero_output_for_mask"):
            outputs[0] = _repeat_last(outputs[0], lengths)
        return _merged(layer, outputs), lengths

    return run


def _run_directions(
    found: RecurrentLayers, x: Tensor, lengths: Tensor | None, *, first_backwards: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """The output of every step in the order of time, and after the last step read, of each direction."""
    both = len(found.settings) == 2
    if both and len(found.layers) == 1:
        output, final = found.layers[0](x, lengths=lengths)
        h = final[0] if isinstance(final, tuple) else final
        return list(output.chunk(2, -1)), list(h)
    outputs, last = [], []
    for index, layer in enumerate(found.layers):
        backwards = index == 1 or first_backwards
        rows = _flipped(x, lengths) if backwards else x
        output, final = layer(rows, lengths=lengths)
        outputs.append(_flipped(output, lengths) if backwards else output)
        last.append((final[0] if isinstance(final, tuple) else final)[0])
    return outputs, last


def _flipped(x: Tensor, lengths: Tensor | None) -> Tensor:
    return flip_rows(x.transpose(0, 1), lengths).transpose(0, 1)


def _merged(layer: KerasLayer, parts: list[Tensor]) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    mode = layer.config.get("merge_mode", "concat")
    match mode:
        case "concat":
            return torch.cat(parts, -1)
        case "sum":
            return parts[0] + parts[1]
        case "mul":
            return parts[0] * parts[1]
        case "ave":
            return (parts[0] + parts[1]) / 2
    raise ConversionError(
        f"the layer {layer.name!r} has merge_mode={mode!r}; known are concat, sum, mul and ave"
    )


def _repeat_last(output: Tensor, lengths: Tensor) -> Tensor:
    """With the last output of a row's own steps in the padding after it, as Keras has it; zeros in a row of none."""
    steps = torch.arange(output.shape[1], device=output.device)
    places = torch.minimum(steps, (lengths[:, None] - 1).clamp(min=0))
    return output.gather(1, places[:, :, None].expand_as(output))


def keras(file: str | os.PathLike[str]) -> KerasModel:
    """A .keras, .h5 or .weights.h5 file of Keras 2 or 3 as a torch module in evaluation mode, its layers by name.

    A file with weights alone does not say which activations its layers have: Keras' defaults are taken.
    Nothing is unpickled and no code of the file is run: a Lambda is refused.
    Raises ConversionError for what is no such file, is damaged, or, with its name, for a part without counterpart.
    Source: Keras 3 (keras.io), whose numbers these are.
    """
    return KerasModel(file)
