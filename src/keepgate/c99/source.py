"""Source: the text of a C file as it grows: weights as constants, the members of the state, functions."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_WIDTH = 120
_DOUBLES = "static const double @_<name>[<count>] = {<values>};"


class Source:
    """What is printed for one model. name: what every name in it begins with.

    state: the arrays of the state, by name, with their numbers of floats. code: functions, each after what it calls.
    read: the C type of the numbers that a step is given, of tokens or of a series.
    """

    def __init__(self, name: str) -> None:
        self.name, self.read = name, "int32_t"
        self.state: dict[str, int] = {}
        self.code: list[str] = []
        self._arrays: dict[str, Array] = {}
        self._double_bytes = 0

    @property
    def weight_bytes(self) -> int:
        """Bytes of all constants."""
        return self._double_bytes + sum(4 * array.size for array in self._arrays.values())

    @property
    def state_bytes(self) -> int:
        """Bytes of the state, all of it floats."""
        return 4 * sum(self.state.values())

    def constant(self, name: str, values: Array | None) -> str:
        """The C name of an array of weights; "0", the null pointer, for None."""
        if values is None:
            return "0"
        for constant, array in self._arrays.items():
            if array is values:
                return f"{self.name}_{constant}"
        self._arrays[name] = values
        return f"{self.name}_{name}"

    def linear(self, name: str, parts: tuple[Array, Array | None]) -> dict[str, str]:
        """The C names of a linear layer's weight and bias, by `NAME_weight` and `NAME_bias`."""
        weight, bias = parts
        return {
            f"{name}_{end}": self.constant(f"{name}_{end}", array)
            for end, array in (("weight", weight), ("bias", bias))
        }

    def doubles(self, name: str, values: Sequence[float]) -> None:
        """The definition of an array in double precision, `NAME_name`."""
        numbers = [float(value) for value in values]
        self._double_bytes += 8 * len(numbers)
        self.add(_DOUBLES, name=name, count=len(numbers), values=", ".join(map(repr, numbers)))

    def member(self, name: str, floats: int) -> str:
        """The expression of an array of the state; one that is asked for twice is as large as the larger."""
        self.state[name] = max(self.state.get(name, 0), floats)
        return f"s->{name}"

    def add(self, text: str, **values: object) -> None:
        """A function. In it @ stands for the model's name, <read> for its type, and <name> for a value of that name."""
        self.code.append(filled(text, read=self.read, **values).strip("\n").replace("@", self.name))

    def constants(self) -> Iterator[str]:
        """The definitions of the weights, each number as the shortest text that gives it back."""
        for name, values in self._arrays.items():
            yield f"static const float {self.name}_{name}[{values.size}] = {{"
            line = " "
            for number in values.ravel():
                text = f" {_literal(number)},"
                if len(line) + len(text) > _WIDTH:
                    yield line
                    line = " "
                line += text
            yield line
            yield "};"


def filled(text: str, /, **values: object) -> str:
    """A text of C with each <name> replaced by the value of that name, in their order."""
    for name, value in values.items():
        text = text.replace(f"<{name}>", str(value))
    return text


def _literal(number: np.floating) -> str:
    text = str(np.float32(number))
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
