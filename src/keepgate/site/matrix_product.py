"""The product of a matrix and a vector as WebAssembly: most of what a network in the browser computes.

JavaScript has no instruction that multiplies two numbers at once. The result is that of JavaScript's own products, bit
for bit: two rows' sums lie in a register, and each adds its products in the order of the columns.
"""

import base64
from collections.abc import Callable, Iterable

BLOCK = 16  # rows whose sums stay in registers, two in each
_NUMBER = 8  # bytes
_SUMS = BLOCK // 2

# The types and instructions of the core specification that are used here.
_I32, _V128 = 0x7F, 0x7B
_LOOP, _NO_RESULT, _BRANCH_IF, _END = 0x03, 0x40, 0x0D, 0x0B
_GET, _SET, _TEE, _CONSTANT, _ADD, _LESS = 0x20, 0x21, 0x22, 0x41, 0x6A, 0x49
_LOAD, _LOAD_BOTH, _STORE, _MULTIPLY_TWO, _ADD_TWO = 0x00, 0x0A, 0x0B, 0xF2, 0xF0

# The function's parameters, addresses and bytes, then its variables.
_MATRIX, _VECTOR, _SUM, _COLUMN_BYTES, _VECTOR_END, _SUM_END, _AT, _COLUMN, _FACTOR, _FIRST = range(10)


def matrix_product() -> str:
    """A module in base 85: its `memory` and `multiply(matrix, vector, sum, columnBytes, vectorEnd, sumEnd)`.

    It adds matrix · vector to the sum. The matrix lies column by column, of whole blocks of rows.
    """
    parameters = [_I32] * 6
    function = [2, 2, _I32, 1 + _SUMS, _V128, *_blocks(), _END]
    sections = {
        1: [1, 0x60, len(parameters), *parameters, 0],
        3: [1, 0],
        5: [1, 0, 1],
        7: [2, *_export("memory", 2), *_export("multiply", 0)],
        10: [1, *_sized(function)],
    }
    content = [byte for number, section in sections.items() for byte in (number, *_sized(section))]
    return base64.b85encode(b"\0asm\1\0\0\0" + bytes(content)).decode()


def _blocks() -> list[int]:
    """Each block of rows: its sums are loaded, added to, and stored."""
    return [
        _LOOP, _NO_RESULT,
        *_each(lambda k: [_GET, _SUM, *_at(_LOAD, 4, 16 * k), _SET, _FIRST + k]),
        _GET, _VECTOR, _SET, _AT, _GET, _MATRIX, _SET, _COLUMN,
        *_columns(),
        *_each(lambda k: [_GET, _SUM, _GET, _FIRST + k, *_at(_STORE, 4, 16 * k)]),
        *_advance(_MATRIX, BLOCK * _NUMBER), _SET, _MATRIX,
        *_advance(_SUM, BLOCK * _NUMBER), _TEE, _SUM, _GET, _SUM_END, _LESS, _BRANCH_IF, 0,
        _END,
    ]  # fmt: skip


def _columns() -> list[int]:
    """Each column of a block, times its number of the vector."""
    product = [*_vector(_MULTIPLY_TWO), *_vector(_ADD_TWO)]
    return [
        _LOOP, _NO_RESULT,
        _GET, _AT, *_at(_LOAD_BOTH, 3, 0), _SET, _FACTOR,
        *_each(
            lambda k: [
                _GET, _FIRST + k, _GET, _COLUMN, *_at(_LOAD, 4, 16 * k), _GET, _FACTOR, *product, _SET, _FIRST + k,
            ]
        ),
        _GET, _COLUMN, _GET, _COLUMN_BYTES, _ADD, _SET, _COLUMN,
        *_advance(_AT, _NUMBER), _TEE, _AT, _GET, _VECTOR_END, _LESS, _BRANCH_IF, 0,
        _END,
    ]  # fmt: skip


def _each(code: Callable[[int], list[int]]) -> list[int]:
    return [byte for k in range(_SUMS) for byte in code(k)]


def _advance(variable: int, count: int) -> list[int]:
    """A variable and a constant, added."""
    return [_GET, variable, _CONSTANT, *_signed(count), _ADD]


def _vector(operation: int) -> list[int]:
    return [0xFD, *_unsigned(operation)]


def _at(operation: int, alignment: int, offset: int) -> list[int]:
    return [*_vector(operation), alignment, *_unsigned(offset)]


def _export(name: str, kind: int) -> list[int]:
    return [*_sized(name.encode()), kind, 0]


def _sized(content: Iterable[int]) -> list[int]:
    content = list(content)
    return [*_unsigned(len(content)), *content]


def _unsigned(number: int) -> list[int]:
    """LEB128."""
    return [number] if number < 0x80 else [number & 0x7F | 0x80, *_unsigned(number >> 7)]


def _signed(number: int) -> list[int]:
    """LEB128 of a number that is not negative, whose last bit says so."""
    return [number] if number < 0x40 else [number & 0x7F | 0x80, *_signed(number >> 7)]
