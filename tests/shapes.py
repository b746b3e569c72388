"""The sizes worth trying: one step, odd, prime, one beside each vector width, and ragged lengths."""

# steps, batch, input size, hidden size
SHAPES = [(1, 1, 1, 1), (2, 3, 5, 7), (7, 1, 3, 16), (5, 4, 9, 15), (3, 2, 4, 17), (11, 6, 8, 33)]

# steps, lengths: any order, zeros, all the same, all zero, one row
RAGGED = [
    (6, [6, 2, 5, 1, 6, 3]),
    (5, [0, 5, 0, 3]),
    (4, [4, 4, 4]),
    (4, [2, 2, 2]),
    (3, [0, 0]),
    (7, [4]),
    (5, [1, 2, 3, 4, 5]),
    (5, [5, 4, 3, 2, 1]),
]
