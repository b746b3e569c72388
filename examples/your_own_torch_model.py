"""A torch.nn.LSTM inside a model of your own: which symbol decides its answer, and how far back it remembers."""

import torch
from torch import nn

from keepgate import lens


class First(nn.Module):  # says which of four symbols came first
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(6, 8), nn.Linear(16, 4)
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.lstm.bias_hh_l0.data[16:32] = torch.empty(16).uniform_(1, 39).log()  # keeps 40 steps

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.embedding(ids))[0][:, -1])


def batch(rows: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    first, rest = torch.randint(0, 4, (rows, 1)), torch.randint(4, 6, (rows, steps - 1))
    return torch.cat([first, rest], 1), first[:, 0]


torch.manual_seed(0)
model = First()
optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
for step in range(300):  # short rows first, and at last those that it is examined on
    ids, targets = batch(32, min(8 + step // 5, 40))
    optimiser.zero_grad()
    nn.functional.cross_entropy(model(ids), targets).backward()
    optimiser.step()

ids, _ = batch(1, 8)
with torch.no_grad():
    with lens.attach(model) as seen:
        answer = model(ids).argmax()
    with lens.interventions.patched(model.lstm, lens.interventions.remove_tokens(seen["lstm"], range(8))):
        print("without each symbol:", model(ids.expand(8, -1)).softmax(1)[:, answer])
print(lens.examine(model, [batch(100, 40)]))
