"""Networks that remember the first of many steps, or do not, for a reason that was planted."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import keepgate

SYMBOLS, DISTRACTORS = 6, 3


class Recall(nn.Module):
    """Which symbol came first? Read from the last output; others follow that say nothing."""

    def __init__(
        self, kind: str = "LSTM", hidden: int = 24, bias: float | None = None, horizon: int | None = None
    ):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + DISTRACTORS, 8)
        self.layer = getattr(nn, kind)(8, hidden, batch_first=True)
        options = {"init": "chrono", "horizon": horizon} if horizon else {"forget_bias": bias} if bias else {}
        ours = getattr(keepgate, kind)(8, hidden, **options)
        self.layer.load_state_dict(ours.state_dict())
        self.head = nn.Linear(hidden, SYMBOLS)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.layer(self.embedding(ids))[0][:, -1])


def questions(rows: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A symbol that is asked for, then distractors."""
    targets = torch.randint(0, SYMBOLS, (rows,), generator=generator)
    ids = torch.randint(0, DISTRACTORS, (rows, steps), generator=generator)
    ids[:, 0] = targets + DISTRACTORS
    return ids, targets


def train(model: Recall, steps: int, updates: int, seed: int = 0) -> float:
    """Share of right answers at the end."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(updates):
        ids, targets = questions(32, steps, generator)
        optimiser.zero_grad()
        cross_entropy(model(ids), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    ids, targets = questions(200, steps, generator)
    with torch.no_grad():
        return float((model(ids).argmax(1) == targets).double().mean())


def planted(fault: str, steps: int, seed: int) -> Recall:
    """A network with a fault, made on purpose."""
    torch.manual_seed(seed)
    kind = "LSTM" if seed % 2 else "GRU"
    if fault == "none":
        model = Recall(kind, horizon=steps)
        for _ in range(6):
            if train(model, steps, 100, seed) == 1.0:
                break
        train(model, steps, 60, seed + 1)
    elif fault == "forgets":
        model = Recall(kind, bias=-3.0)
        train(model, steps, 30, seed)
    elif fault == "untrained":
        model = Recall(kind, horizon=4 * steps)
    elif fault == "saturated":
        model = Recall(kind)
        with torch.no_grad():
            model.embedding.weight.mul_(60)
    else:
        model = Recall(("RNN", "LSTM", "GRU")[seed % 3])
        with torch.no_grad():
            model.layer.weight_hh_l0.mul_((4, 12, 12)[seed % 3])
    return model
