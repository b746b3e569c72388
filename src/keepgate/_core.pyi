"""The C++ core as Python sees it (csrc/bindings.cc): one layer, one direction, given as addresses and sizes.

Sizes are (steps, rows, input, hidden, projected); an array of three dimensions is (address, step, row), its strides
counted in numbers; types are 0 for float32 and 1 for float64; an address of 0 stands for no array. What an address
holds is not checked.
"""

_Addresses = tuple[int, ...]
_Strided = tuple[int, int, int]
_Program = tuple[tuple[float, ...], int, int, tuple[tuple[int, ...], ...]]
_Sizes = tuple[int, int, int, int, int]

def isa() -> str: ...
def isas() -> tuple[str, ...]: ...
def cells() -> tuple[str, ...]: ...
def operations() -> tuple[str, ...]: ...
def add_program(
    shape: tuple[int, int, int, int, int, bool, bool, int, int, int],
    wx_gates: tuple[int, ...],
    uh_gates: tuple[int, ...],
    infer: _Program,
    forward: _Program,
    backward: _Program,
    operand: _Program,
    d_inside: _Program,
    /,
) -> int: ...
def random_mask(
    type: int,
    array: _Strided,
    shape: tuple[int, int, int],
    threads: int,
    seed: int,
    stream: int,
    probability: float,
    below: float,
    otherwise: float,
    first_row: int,
    /,
) -> None: ...
def padded(units: int, type: int, /) -> int: ...
def borrow_threads(parallel: int, /) -> None: ...
def packed_bytes(cell: int, type: int, sizes: _Sizes, /) -> int: ...

class Forward:
    def __init__(
        self,
        cell: int,
        type: int,
        sizes: _Sizes,
        threads: int,
        reverse: bool,
        zero_tails: bool,
        x: _Strided,
        unit_inputs: tuple[_Strided, ...],
        lengths: int,
        resets: int,
        initial_states: _Addresses,
        final_states: _Addresses,
        weights: _Addresses,
        packed: int,
        output: _Strided,
        planes: _Addresses,
        /,
    ) -> None: ...
    def run(self) -> None: ...
    def run_on(self, threads: int, x: int, output: int, /, *initial_and_final_states: int) -> None: ...

class Backward:
    def __init__(
        self,
        forward: Forward,
        d_output: _Strided,
        d_final_states: _Addresses,
        d_x: _Strided,
        d_initial_states: _Addresses,
        d_weight_ih: int,
        d_weight_hh: int,
        d_bias_ih: int,
        d_bias_hh: int,
        d_weight_hr: int,
        d_vectors: _Addresses,
        d_states: tuple[_Strided, ...],
        /,
    ) -> None: ...
    def run(self) -> None: ...
