"""TokenPairs: embeddings of tokens and of their pairs (bigrams) with the next one, and tokens hidden at random."""

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.bigrams import pairs_of
from ..data.item_file import FromItems
from ..data.token_counts import TokenCounts
from ..data.vocabulary import PAD, SPECIAL, UNKNOWN, Vocabulary
from ..data.word_vectors import WordVectors
from ..errors import SettingsError
from ..nn.length_mask import length_mask
from .ppmi import SPREAD, initialise_embeddings

# Words of a file of vectors that are no token of the training texts: so many of the commonest are read too.
OTHER_WORDS = 20_000
# Of texts in files: tokens that have an embedding of their own; different tokens, or pairs, that are counted before the
# rarest are forgotten; tokens that have vectors from counts, for which a table of so many rows is held; and characters
# of the texts that are looked at for these.
MOST_TOKENS, _COUNTED, _MOST_VECTORS, _SAMPLE = 100_000, 1_000_000, 8_000, 10_000_000

Texts = Sequence[Sequence[str]] | FromItems[list[str]]


class TokenPairs(nn.Module):
    """Embeddings of tokens and of pairs, side by side. tokens, pairs: how many; a pair_size of 0 leaves pairs out."""

    def __init__(self, tokens: int, pairs: int, token_size: int, pair_size: int) -> None:
        super().__init__()
        self.token = nn.Embedding(tokens, token_size, padding_idx=PAD)
        self.pair = nn.Embedding(pairs, pair_size, padding_idx=PAD) if pair_size else None

    def forward(self, ids: Int64[Tensor, "time batch 2"]) -> Float[Tensor, "time batch embedding"]:
        """The embedding of each token, and of its pair beside it."""
        tokens = self.token(ids[..., 0])
        return tokens if self.pair is None else torch.cat([tokens, self.pair(ids[..., 1])], -1)

    def initialise(
        self,
        texts: Texts,
        vocabulary: Vocabulary,
        pairs: Vocabulary,
        seed: int,
        vectors: Mapping[str, NDArray[np.float32]],
    ) -> None:
        """Gives the embeddings the vectors of the tokens and pairs of these texts, and tokens in `vectors` those.

        Of texts in files some are looked at, taken evenly, and only the commonest tokens get vectors from them; the
        others, and what does not occur in these texts, have the vector that was drawn, scaled to the same size.
        """
        most = _MOST_VECTORS if isinstance(texts, FromItems) else len(vocabulary)
        ids, pair_ids = [], []
        for text in texts.evenly(_SAMPLE) if isinstance(texts, FromItems) else texts:
            numbers = np.array(vocabulary.ids(text))
            ids.append(np.where(numbers < most, numbers, UNKNOWN))
            pair_ids.append(np.array(pairs.ids(pairs_of(text))))
        tables = [(self.token, ids), *([] if self.pair is None else [(self.pair, pair_ids)])]
        drawn = [table.weight.detach().clone() for table, _ in tables]
        initialise_embeddings(self.token, self.pair, ids, pair_ids, seed)
        for (table, occurring), vectors_drawn in zip(tables, drawn, strict=True):
            _fill(table, occurring, vectors_drawn)
        place_vectors(self.token, vocabulary, vectors)


@torch.no_grad()
def _fill(embedding: nn.Embedding, ids: Sequence[NDArray[np.int64]], drawn: Tensor) -> None:
    """Gives numbers that do not occur in these ids their drawn vector, at the standard deviation of those that do."""
    occurs, weight = torch.zeros(len(drawn), dtype=torch.bool), embedding.weight
    occurs[: len(SPECIAL)] = True
    for numbers in ids:
        occurs[torch.from_numpy(numbers).long()] = True
    if not occurs.all():
        weight[occurs] *= SPREAD / weight[occurs].std(correction=0).clamp_min(1e-9)
        weight[~occurs] = SPREAD * drawn[~occurs]


def vectors_of(
    file: WordVectors | None,
    tokens: Collection[str],
    settings: Any,
    can_occur: Callable[[str], bool] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """The vectors of these tokens of the training texts, from a file; none without one.

    can_occur: whether a word of the file can be a token of a new text: the commonest of these are taken too.
    Raises SettingsError where `embedding_size` is another size than the vectors', CorpusError as the file does.
    """
    if file is None:
        return {}
    if file.size != settings.embedding_size:
        raise SettingsError(
            f"embedding_size is {settings.embedding_size}, and the vectors in {file.path} have {file.size} numbers; "
            f"give embedding_size={file.size}"
        )
    return file.of(tokens) if can_occur is None else file.of(tokens, others=OTHER_WORDS, is_token=can_occur)


@torch.no_grad()
def place_vectors(
    embedding: nn.Embedding, vocabulary: Vocabulary, vectors: Mapping[str, NDArray[np.float32]]
) -> None:
    """Gives the tokens that have a vector theirs, all scaled to the standard deviation of the others (`SPREAD`)."""
    placed = [token for token in vectors if token in vocabulary]
    if not placed:
        return
    values = torch.from_numpy(np.stack([vectors[token] for token in placed]))
    scale = SPREAD / values.std(correction=0).clamp_min(1e-9)
    embedding.weight[vocabulary.ids(placed)] = (values * scale).to(embedding.weight)


def counts_in(texts: Texts, settings: Any) -> TokenCounts:
    """How often tokens and pairs occur in these texts. settings: with `pair_size`, whose 0 leaves pairs out."""
    counts = TokenCounts(
        pairs=settings.pair_size > 0, most=_COUNTED if isinstance(texts, FromItems) else None
    )
    lengths = array("i")
    for text in texts:
        counts.add(text)
        lengths.append(len(text))
    if isinstance(texts, FromItems):
        texts.items.tokens[:] = lengths
    return counts


def vocabularies(
    counts: TokenCounts, settings: Any, vectors: Mapping[str, Any]
) -> tuple[Vocabulary, Vocabulary]:
    """The vocabularies of the tokens and of the pairs of texts; of those in files, of no more than `MOST_TOKENS`.

    vectors: tokens that have a vector of their own, and are in the vocabulary however rare they are.
    settings: with `min_count` and `max_pairs`.
    """
    tokens, at_least = counts.tokens(), settings.min_count
    frequent = {token: count for token, count in tokens.items() if count >= at_least or token in vectors}
    unseen = dict.fromkeys((token for token in vectors if token not in tokens and token not in SPECIAL), 0)
    return (
        Vocabulary.most_frequent(Counter(unseen | frequent), 0, None if counts.most is None else MOST_TOKENS),
        Vocabulary.most_frequent(counts.pairs(at_least), at_least, settings.max_pairs),
    )


def hide_tokens(
    ids: Int64[Tensor, "time batch 2"], lengths: Int64[Tensor, " batch"], rate: float
) -> Int64[Tensor, "time batch 2"]:
    """The ids with this share of the tokens, at random, unknown, and with each the two pairs that it is part of."""
    real = length_mask(ids.shape[0], lengths, ids.device)
    token = (torch.rand(real.shape, device=real.device) < rate) & real
    pair = token.clone()
    pair[:-1] |= token[1:]
    return ids.masked_fill(torch.stack([token, pair], -1), UNKNOWN)
