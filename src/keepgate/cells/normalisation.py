"""Layer normalisation inside a step: Ba, Kiros & Hinton (2016), arXiv:1607.06450."""

from typing import Any

from ..equations import row_mean, sqrt

EPSILON = 1e-5  # added to the variance, as in torch.nn.LayerNorm and in haste


def normalised(*blocks: Any) -> list[Any]:
    """The blocks with mean 0 and variance 1 over all their units together, row by row."""
    mean = row_mean(sum(blocks[1:], blocks[0])) * (1 / len(blocks))
    centred = [block - mean for block in blocks]
    squares = [block * block for block in centred]
    variance = row_mean(sum(squares[1:], squares[0])) * (1 / len(blocks))
    inverse = 1.0 / sqrt(variance + EPSILON)
    return [block * inverse for block in centred]
