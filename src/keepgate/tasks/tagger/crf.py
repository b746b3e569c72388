"""LinearChainCRF: scores of whole sequences of labels, with moves that are forbidden, computed in log space."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ...nn.length_mask import length_mask
from ..batched import numbers_of
from . import chain
from .chain import best_path, marginals
from .schemes import Moves

# Of a batch with more steps than so many a row, each row is decoded by itself, in numpy.
_STEPS_A_ROW = 32


class LinearChainCRF(nn.Module):
    """p(labels | text) = exp(score) / Z: emissions of each step, and learnt scores of moves from label to label.

    moves: those that are allowed; any other is as good as impossible.
    Source: Lafferty, McCallum & Pereira (2001), "Conditional random fields"; Lample et al. (2016), arXiv:1603.01360.
    """

    def __init__(self, moves: Moves) -> None:
        super().__init__()
        labels = len(moves.start)
        self.start = nn.Parameter(torch.zeros(labels))
        self.between = nn.Parameter(torch.empty(labels, labels).uniform_(-0.1, 0.1))
        self.end = nn.Parameter(torch.zeros(labels))
        # No buffers: they follow from the labels, and a model's file holds what was learnt.
        self._penalties = moves.penalties

    def forward(
        self,
        emissions: Float[Tensor, "time batch labels"],
        labels: Int64[Tensor, "time batch"],
        lengths: Int64[Tensor, " batch"],
    ) -> Float[Tensor, " batch"]:
        """-log p of each row's labels, in nats. Every row has a step or more."""
        emissions = emissions.to(self.between.dtype)
        return self.log_partition(emissions, lengths) - self.score(emissions, labels, lengths)

    def score(
        self,
        emissions: Float[Tensor, "time batch labels"],
        labels: Int64[Tensor, "time batch"],
        lengths: Int64[Tensor, " batch"],
    ) -> Float[Tensor, " batch"]:
        """The score of each row's labels: their emissions and moves, added up."""
        start, between, end = self.transitions()
        real = length_mask(len(emissions), lengths, emissions.device)
        own = emissions.gather(2, labels.unsqueeze(2)).squeeze(2).masked_fill(~real, 0).sum(0)
        moves = between[labels[:-1], labels[1:]].masked_fill(~real[1:], 0).sum(0)
        last = labels.gather(0, (lengths.to(labels.device) - 1).unsqueeze(0))[0]
        return start[labels[0]] + own + moves + end[last]

    def log_partition(
        self, emissions: Float[Tensor, "time batch labels"], lengths: Int64[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """log Z: the log of the sum of exp(score) over all sequences of labels (forward algorithm)."""
        start, _, end = self.transitions()
        return (self._forward_messages(emissions, lengths, start)[-1] + end).logsumexp(1)

    def log_marginals(
        self,
        emissions: Float[Tensor, "time batch labels"],
        lengths: Int64[Tensor, " batch"],
        *,
        bounded: bool = True,
    ) -> Float[Tensor, "time batch labels"]:
        """log p(label at the step | text), by the forward-backward algorithm; beyond a row's length it means nothing.

        bounded: whether the steps are a whole text; of a part of one, any label may come first and last.
        """
        emissions = emissions.to(self.between.dtype)
        start, between, end = self.transitions()
        if not bounded:
            start, end = torch.zeros_like(start), torch.zeros_like(end)
        if len(emissions) > chain.LONG and not torch.is_grad_enabled():
            return self._marginals_of_long(start, between, end, emissions, lengths)
        last = lengths.to(emissions.device).unsqueeze(1) - 1
        beta = end.expand_as(emissions[0])
        betas = [beta]
        for step in range(len(emissions) - 2, -1, -1):
            following = (emissions[step + 1] + beta).unsqueeze(1)
            beta = torch.where(step >= last, end, (between + following).logsumexp(2))
            betas.append(beta)
        scores = self._forward_messages(emissions, lengths, start) + torch.stack(betas[::-1])
        return scores.log_softmax(2)

    def _marginals_of_long(
        self, start: Tensor, between: Tensor, end: Tensor, emissions: Tensor, lengths: Tensor
    ) -> Float[Tensor, "time batch labels"]:
        """The same without a gradient, row by row in numpy, where 1e-300 stands for what is less probable."""
        logs = torch.zeros_like(emissions)
        scores, rows = [*map(numbers_of, (start, between, end))], numbers_of(emissions)
        for row, count in enumerate(lengths.tolist()):
            shares = torch.from_numpy(marginals(scores, rows[:count, row]))
            logs[:count, row] = shares.double().clamp(min=1e-300).log().to(logs)
        return logs

    @torch.no_grad()
    def decode(
        self, emissions: Float[Tensor, "time batch labels"], lengths: Int64[Tensor, " batch"]
    ) -> list[list[int]]:
        """The most probable sequence of labels of each row (Viterbi algorithm)."""
        start, between, end = self.transitions()
        if len(emissions) > len(lengths) * _STEPS_A_ROW:
            scores, rows = [*map(numbers_of, (start, between, end))], numbers_of(emissions)
            return [best_path(scores, rows[:count, row]) for row, count in enumerate(lengths.tolist())]
        counts = lengths.to(emissions.device).unsqueeze(1)
        best, origins = start + emissions[0], []
        for step in range(1, len(emissions)):
            values, origin = (best.unsqueeze(2) + between).max(1)
            best = torch.where(step < counts, values + emissions[step], best)
            origins.append(origin)
        last = (best + end).argmax(1).tolist()
        back = torch.stack(origins).tolist() if origins else []
        paths = []
        for row, (label, length) in enumerate(zip(last, lengths.tolist(), strict=True)):
            path = [label]
            for step in range(length - 2, -1, -1):
                path.append(back[step][row][path[-1]])
            paths.append(path[::-1])
        return paths

    def _forward_messages(
        self, emissions: Tensor, lengths: Tensor, start: Tensor
    ) -> Float[Tensor, "time batch labels"]:
        """At each step the log of the summed scores of all ways to a label; beyond a row's length those of its end."""
        between = self.transitions()[1]
        counts = lengths.to(emissions.device).unsqueeze(1)
        alpha = start + emissions[0]
        messages = [alpha]
        for step in range(1, len(emissions)):
            following = (alpha.unsqueeze(2) + between).logsumexp(1) + emissions[step]
            alpha = torch.where(step < counts, following, alpha)
            messages.append(alpha)
        return torch.stack(messages)

    def transitions(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of starting with a label, of moving ([from, to]), and of ending with one."""
        learnt = (self.start, self.between, self.end)
        start, between, end = (
            weight + torch.from_numpy(penalty).to(weight)
            for weight, penalty in zip(learnt, self._penalties, strict=True)
        )
        return start, between, end
