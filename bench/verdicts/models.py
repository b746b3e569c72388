"""Models as people write them in plain torch; each takes `(x)` or, with the rows' lengths, `(x, lengths)`."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bench.verdicts.problems import VOCABULARY

CELLS: dict[str, type[nn.RNNBase]] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
HIDDEN, EMBEDDING = 20, 12


def real(states: Tensor, lengths: Tensor) -> Tensor:
    """`[N, T, 1]`: 1 at the rows' own steps."""
    return (torch.arange(states.shape[1]) < lengths[:, None]).unsqueeze(-1).to(states.dtype)


class LastStep(nn.Module):
    """Reads the last step of the padded rows; with lengths, packs them."""

    def __init__(self, outputs: int = 4, cell: str = "LSTM", hidden: int = HIDDEN) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        self.rnn = CELLS[cell](EMBEDDING, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Any:
        embedded: Any = self.embedding(x)
        if lengths is not None:
            embedded = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            _, final = self.rnn(embedded)
            return self.fc(final[0][-1] if isinstance(final, tuple) else final[-1])
        output, _ = self.rnn(embedded)
        return self.fc(output[:, -1])


class Gathered(nn.Module):
    """Runs the padded rows and picks each row's own last step."""

    def __init__(self, outputs: int = 4, cell: str = "GRU") -> None:
        super().__init__()
        self.emb = nn.Embedding(VOCABULARY, EMBEDDING, padding_idx=0)
        self.gru = CELLS[cell](EMBEDDING, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        states = self.gru(self.emb(x))[0]
        if lengths is None:
            return self.out(states[:, -1])
        return self.out(states[torch.arange(len(x)), lengths - 1])


class MeanPool(nn.Module):
    """Averages the states; with lengths, those of the rows' own steps."""

    def __init__(self, outputs: int = 4, cell: str = "LSTM", bidirectional: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.lstm = CELLS[cell](EMBEDDING, HIDDEN, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(HIDDEN * (1 + bidirectional), outputs)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        states = self.lstm(self.embed(x))[0]
        if lengths is None:
            return self.head(states.mean(1))
        mask = real(states, lengths)
        return self.head((states * mask).sum(1) / mask.sum(1))


class MaxPool(nn.Module):
    """The maximum of the states; with lengths, over the rows' own steps."""

    def __init__(self, outputs: int = 4, cell: str = "LSTM", bidirectional: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.encoder = CELLS[cell](EMBEDDING, HIDDEN, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(HIDDEN * (1 + bidirectional), outputs))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        states = self.encoder(self.embed(x))[0]
        if lengths is not None:
            states = states.masked_fill(real(states, lengths) == 0, -1e9)
        return self.head(states.max(1).values)


class Attention(nn.Module):
    """Additive attention over the states."""

    def __init__(self, outputs: int = 4, cell: str = "GRU", bidirectional: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.rnn = CELLS[cell](EMBEDDING, HIDDEN, batch_first=True, bidirectional=bidirectional)
        width = HIDDEN * (1 + bidirectional)
        self.score = nn.Linear(width, 1)
        self.classify = nn.Linear(width, outputs)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        states = self.rnn(self.embed(x))[0]
        score = self.score(states.tanh())
        if lengths is not None:
            score = score.masked_fill(real(states, lengths) == 0, float("-inf"))
        return self.classify((score.softmax(1) * states).sum(1))


class Both(nn.Module):
    """Both directions' last states, in two layers if wanted; with lengths, packed."""

    def __init__(self, outputs: int = 4, cell: str = "LSTM", layers: int = 1, both: bool = True) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        dropout = 0.1 if layers > 1 else 0.0
        self.rnn = CELLS[cell](
            EMBEDDING, HIDDEN, layers, batch_first=True, bidirectional=both, dropout=dropout
        )
        self.both, self.fc = both, nn.Linear(HIDDEN * (1 + both), outputs)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        inputs: Any = self.embed(x)
        if lengths is not None:
            inputs = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        _, final = self.rnn(inputs)
        h_n = final[0] if isinstance(final, tuple) else final
        return self.fc(torch.cat([h_n[-2], h_n[-1]], 1) if self.both else h_n[-1])


class Convolved(nn.Module):
    """A convolution in front, that halves the steps if wanted; the last state, or the mean of all."""

    def __init__(self, outputs: int = 4, cell: str = "LSTM", stride: int = 1, pool: str = "last") -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.conv = nn.Conv1d(EMBEDDING, 16, 3, stride=stride, padding=1)
        self.rnn = CELLS[cell](16, HIDDEN, batch_first=True)
        self.fc, self.pool = nn.Linear(HIDDEN, outputs), pool

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        features = self.conv(self.embed(x).transpose(1, 2)).relu().transpose(1, 2)
        states = self.rnn(features)[0]
        if lengths is not None:
            return self.fc(states[torch.arange(len(x)), lengths - 1])
        return self.fc(states[:, -1] if self.pool == "last" else states.mean(1))


class TimeFirst(nn.Module):
    """A layer without batch_first; the model turns its input, drops out, and gives logits with the states."""

    def __init__(self, outputs: int = 4, cell: str = "LSTM") -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.drop = nn.Dropout(0.2)
        self.rnn = CELLS[cell](EMBEDDING, HIDDEN)
        self.fc = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor) -> dict[str, Any]:
        output, state = self.rnn(self.drop(self.embed(x.t())))
        return {"logits": self.fc(output[-1]), "state": state}


class Numbers(nn.Module):
    """Reads numbers: batch norm over the features if wanted, and a head on the last state."""

    def __init__(
        self,
        features: int = 2,
        outputs: int = 1,
        cell: str = "LSTM",
        norm: bool = False,
        squeeze: bool = False,
        layers: int = 1,
        pool: str = "last",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features) if norm else nn.Identity()
        self.rnn = CELLS[cell](features, HIDDEN, layers, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.fc, self.squeeze, self.pool = nn.Linear(HIDDEN, outputs), squeeze, pool

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        states = self.rnn(x)[0]
        if lengths is not None:
            taken = states[torch.arange(len(x)), lengths - 1]
        else:
            taken = states[:, -1] if self.pool == "last" else states.mean(1)
        result = self.fc(self.drop(taken))
        return result.squeeze(-1) if self.squeeze else result


class Tagger(nn.Module):
    """Scores at each step, `[N, T, K]`; a language model with as many outputs as tokens."""

    def __init__(
        self, outputs: int = 4, cell: str = "LSTM", bidirectional: bool = False, layers: int = 1
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.rnn = CELLS[cell](EMBEDDING, HIDDEN, layers, batch_first=True, bidirectional=bidirectional)
        self.fc = nn.Linear(HIDDEN * (1 + bidirectional), outputs)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        inputs: Any = self.embed(x)
        if lengths is not None:
            packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
            states = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=x.shape[1])[0]
        else:
            states = self.rnn(inputs)[0]
        return self.fc(states)
