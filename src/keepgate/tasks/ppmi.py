"""Embeddings of words and bigrams from co-occurrence counts in the training texts: PPMI, then a truncated SVD.

Levy, Goldberg & Dagan (2015), "Improving distributional similarity with lessons learned from word embeddings", TACL 3:
positive pointwise mutual information with context counts to the power 0.75, and singular values to the power 0.5.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

WINDOW = 4  # words to either side, weighted by 1 / distance
CONTEXTS, PAIR_CONTEXTS = 8000, 3000  # the commonest words, beside which a word or a pair is placed
SPREAD = 0.3  # standard deviation of the vectors: that of the network's other inputs
_OVERSAMPLE, _ROUNDS = 16, 2  # Halko et al. (2011), arXiv:0909.4061


def vectors(
    texts: Sequence[NDArray[np.int64]],
    pairs: Sequence[NDArray[np.int64]],
    *,
    words: int,
    pair_count: int,
    word_size: int,
    pair_size: int,
    seed: int,
) -> tuple[Float[Tensor, "words word"], Float[Tensor, "pairs pair"]]:
    """(words, pairs): a vector for each number; number 0 has zeros, and so has what never occurs.

    texts: ids below `words` of the words of each text; pairs: of each word, the id below `pair_count` of the pair that
    it makes with the next.
    """
    generator = torch.Generator().manual_seed(seed)
    # One table after the other: each takes hundreds of megabytes.
    beside_word = _table(_neighbours(texts, texts, gap=0), words, min(words, CONTEXTS))
    word_vectors = _factors(beside_word, word_size, generator)
    del beside_word
    beside_pair = _table(_neighbours(pairs, texts, gap=1), pair_count, min(words, PAIR_CONTEXTS))
    return word_vectors, _factors(beside_pair, pair_size, generator)


@torch.no_grad()
def initialise_embeddings(
    word: nn.Embedding,
    pair: nn.Embedding | None,
    texts: Sequence[NDArray[np.int64]],
    pairs: Sequence[NDArray[np.int64]],
    seed: int,
) -> None:
    """Gives both embeddings the vectors of these texts, as ids; pair is None where pairs have none.

    What never occurs in the texts keeps the vector that it has.
    """
    words = 1 + max((int(text.max()) for text in texts if len(text)), default=0)
    word_vectors, pair_vectors = vectors(
        texts,
        pairs if pair is not None else [np.zeros_like(text) for text in texts],
        words=words,
        pair_count=1 if pair is None else pair.num_embeddings,
        word_size=word.embedding_dim,
        pair_size=2 if pair is None else pair.embedding_dim,
        seed=seed,
    )
    word.weight[:words] = word_vectors
    if pair is not None:
        pair.weight.copy_(pair_vectors)


def _neighbours(
    targets: Sequence[NDArray[np.int64]], texts: Sequence[NDArray[np.int64]], gap: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool, float]]:
    """(target, context, context stands after it, weight). A target covers 1 + gap words, which are not its context."""
    for distance in range(1, WINDOW + 1):
        after = distance + gap
        yield _join(t[:-after] for t in targets), _join(t[after:] for t in texts), True, 1 / distance
        yield _join(t[distance:] for t in targets), _join(t[:-distance] for t in texts), False, 1 / distance


def _join(parts: Iterator[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(list(parts))


def _table(
    neighbours: Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool, float]],
    targets: int,
    contexts: int,
) -> Float[Tensor, "targets contexts"]:
    """Weighted counts of contexts before (left half) and after (right half) each target, but not of the number 0."""
    table = torch.zeros(targets, 2 * contexts)
    flat = table.view(-1)
    for target, context, stands_after, weight in neighbours:
        counted = (target > 0) & (context < contexts)
        place = target[counted] * (2 * contexts) + context[counted] + stands_after * contexts
        flat.index_add_(0, torch.from_numpy(place), torch.full((len(place),), weight))
    return table


def _factors(
    counts: Float[Tensor, "targets contexts"], size: int, generator: torch.Generator
) -> Float[Tensor, "targets size"]:
    """The `size` strongest directions of the positive PMI of these counts, computed in place of them."""
    of_target = counts.sum(1, keepdim=True)
    of_context = counts.sum(0, keepdim=True) ** 0.75
    of_context = of_context / of_context.sum().clamp_min(1e-9)
    pmi = counts.div_(of_target.clamp_min(1e-6)).div_(of_context.clamp_min(1e-9)).clamp_min_(1).log_()
    width = min(size + _OVERSAMPLE, *pmi.shape)
    basis = torch.randn(pmi.shape[1], width, generator=generator)
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(pmi.T @ (pmi @ basis)).Q
    directions, strength, _ = torch.linalg.svd(pmi @ basis, full_matrices=False)
    factors = torch.zeros(len(pmi), size)
    rank = min(size, width)
    factors[:, :rank] = directions[:, :rank] * strength[:rank].sqrt()
    factors[0] = 0
    return factors / factors.std().clamp_min(1e-9) * SPREAD
