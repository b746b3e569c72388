"""Random models of Keras: every layer that is read with its settings, one after the other."""

import random

import numpy as np

_ACTIVATIONS = [
    "tanh", "sigmoid", "relu", "linear", "elu", "selu", "softplus", "softsign", "hard_sigmoid", "silu", "relu6",
    "leaky_relu",
]  # fmt: skip


def random_model(seed: int):
    """A Sequential or a Functional model, its weights drawn, and an input for it."""
    import keras

    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    rows, steps = chance.randint(1, 4), chance.randint(1, 7)
    layers, given = _start(keras, chance, numbers, rows, steps)
    for index in range(chance.randint(1, 2)):
        last = index == 1 or chance.random() < 0.4
        layers.append(_recurrent(keras, chance, sequences=not last))
        if not last and chance.random() < 0.5:
            layers.append(
                keras.layers.TimeDistributed(
                    keras.layers.Dense(chance.randint(1, 4), activation=_activation(chance))
                )
            )
        if chance.random() < 0.3:
            layers.append(keras.layers.Dropout(0.4))
        if last:
            break
    if chance.random() < 0.7:
        activation = chance.choice([*_ACTIVATIONS, "softmax", "gelu"])
        layers.append(
            keras.layers.Dense(chance.randint(2, 4), activation=activation, use_bias=chance.random() < 0.8)
        )
    model = _joined(keras, chance, layers)
    model.set_weights(
        [numbers.uniform(-0.8, 0.8, weight.shape).astype(np.float32) for weight in model.get_weights()]
    )
    return model, given


def _joined(keras, chance, layers):
    if chance.random() < 0.5:
        return keras.Sequential(layers)
    value = first = layers[0] if keras.backend.is_keras_tensor(layers[0]) else layers[0].output
    for layer in layers[1:]:
        value = layer(value)
    return keras.Model(first, value)


def _start(keras, chance, numbers, rows, steps):
    """The first layers, and an input: numbers, or tokens with their padding at the end."""
    if chance.random() < 0.5:
        width = chance.randint(1, 5)
        values = numbers.normal(size=(rows, steps, width)).astype(np.float32)
        return [keras.layers.InputLayer(shape=(None, width))], values
    masked = chance.random() < 0.6
    tokens = numbers.integers(1, 9, (rows, steps)).astype(np.int32)
    if masked:
        tokens *= np.arange(steps) < numbers.integers(1, steps + 1, rows)[:, None]
    embedding = keras.layers.Embedding(9, chance.randint(1, 4), mask_zero=masked)
    return [keras.layers.InputLayer(shape=(None,), dtype="int32"), embedding], tokens


def _recurrent(keras, chance, *, sequences):
    kind = chance.choice(["LSTM", "GRU", "SimpleRNN"])
    options = {"return_sequences": sequences, "use_bias": chance.random() < 0.8}
    if chance.random() < 0.5:
        options["activation"] = _activation(chance)
        if kind != "SimpleRNN":
            options["recurrent_activation"] = chance.choice(["sigmoid", "hard_sigmoid", "tanh", "softsign"])
    if kind == "GRU":
        options["reset_after"] = chance.random() < 0.5
    both = chance.random() < 0.4
    if not both and not sequences and chance.random() < 0.3:
        options["go_backwards"] = True
    layer = getattr(keras.layers, kind)(chance.randint(1, 5), **options)
    if not both:
        return layer
    return keras.layers.Bidirectional(layer, merge_mode=chance.choice(["concat", "sum", "mul", "ave"]))


def _activation(chance):
    return chance.choice(_ACTIVATIONS)
