"""The C++ of a step that mixes the units of a row: loops over the rows' vectors, with means over each row between them.

What a loop has computed and a later one needs is computed again where that is cheap, and else kept in scratch memory.
Products are fused with sums as in the step's programs, so that both have the same bits.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..equations import Expr, topological
from ..equations.expr import heads_of, row_constants
from .expression import write
from .program import lowered
from .step import step_body

# As many operations and loads are made again rather than a store and a load; slow operations never.
_CHEAP = 4
_SLOW = {"sigmoid", "tanh", "exp", "log", "softplus", "sqrt", "div"}
# The arrays that may be one: what is written to the first is not read from the second in a later loop.
_IN_PLACE = {"next": "prev", "d_prev": "d_next"}


@dataclass(kw_only=True)
class _Loop:
    """One pass over a row. means: the nodes whose sums it takes. kept: what it leaves to later loops.
    results: what it writes, by place. numbers: of the row, which are computed after it, by name."""

    means: list[Expr] = field(default_factory=list)
    kept: list[Expr] = field(default_factory=list)
    results: dict[str, Expr] = field(default_factory=dict)
    numbers: dict[str, Expr] = field(default_factory=dict)


class RowStep:
    """A step as loops. arrays: what is read of each array, by name. results: what is written to each array, in order.
    called: what to call a node."""

    def __init__(
        self,
        arrays: Mapping[str, Mapping[str, Expr]],
        results: Mapping[str, Iterable[Expr]],
        called: Mapping[Expr, str],
    ) -> None:
        self._arrays, self._called = arrays, called
        self._results = {(array, n): node for array, nodes in results.items() for n, node in enumerate(nodes)}
        self._inputs = {node for nodes in arrays.values() for node in nodes.values()}
        result_nodes = [*self._results.values()]
        self._lines = lowered(self._inputs, result_nodes)
        self._order = topological(result_nodes, stop=self._inputs)
        assert all(heads_of(node) == 1 for node in self._order if node.op == "row_mean"), (
            "no means over heads"
        )
        self._by_row = row_constants(self._order) - self._inputs
        uses = Counter(result_nodes)
        for node in self._order:
            uses.update(() if node in self._inputs else node.args)
        # Each has a name of its own wherever it is computed, so that no product is fused that is used elsewhere too.
        self._shared = {node for node, count in uses.items() if count > 1}
        self._levels = self._mean_levels()
        self.loops = [_Loop() for _ in range(1 + max(self._levels.values()))]
        for node, level in self._levels.items():
            if node.op == "row_mean":
                self.loops[level - 1].means.append(node)
        for (array, n), node in self._results.items():
            self.loops[self._levels[node]].results[_place(array, n)] = node
        self._name_numbers()
        while early := self._written_too_early(self._keep()):
            for loop, place, node in early:
                self.loops[loop].results[place] = node

    @property
    def kept(self) -> list[Expr]:
        """What loops leave to later ones, in order."""
        return [node for loop in self.loops for node in loop.kept]

    def _mean_levels(self) -> dict[Expr, int]:
        """Of each node, how many means lie below it, one after the other: the loop that can compute it."""
        levels: dict[Expr, int] = {}
        for node in self._order:
            below = 0 if node in self._inputs else max((levels[a] for a in node.args), default=0)
            levels[node] = below + (node.op == "row_mean" and node not in self._inputs)
        return levels

    def _name_numbers(self) -> None:
        """Names the numbers of the row that loops read, or later numbers."""
        users = defaultdict(list)
        for node, (_, arguments) in self._lines.items():
            for argument in arguments:
                users[argument].append(node)
        for node in self._lines:
            level = self._levels[node]
            later = (user not in self._by_row or self._levels[user] > level for user in users[node])
            if node in self._by_row and node.op != "row_mean" and (node in self._shared or any(later)):
                numbers = self.loops[level - 1].numbers
                numbers[f"row{sum(len(loop.numbers) for loop in self.loops) + 1}"] = node

    def _written_too_early(self, needed_in: Mapping[Expr, set[int]]) -> list[tuple[int, str, Expr]]:
        """Takes out the results that overwrite what later loops read, and says into which loops they belong."""
        early: list[tuple[int, str, Expr]] = []
        for array, overwritten in _IN_PLACE.items():
            for n, read in enumerate(self._arrays.get(overwritten, {}).values()):
                place, last = _place(array, n), max(needed_in[read], default=0)
                loops = (loop for loop in self.loops[:last] if place in loop.results)
                early += [(last, place, loop.results.pop(place)) for loop in loops]
        return early

    def _keep(self) -> dict[Expr, set[int]]:
        """Decides what each loop keeps; returns which loops need a node."""
        anywhere = self._needed_in(keep=())
        dear: set[Expr] = set()
        below: dict[Expr, set[Expr]] = {}  # what is computed or loaded for a node
        for node in self._order:
            is_leaf = node in self._inputs or node in self._by_row or not node.args
            below[node] = (
                set[Expr]() if is_leaf else set[Expr]().union(*(below[argument] for argument in node.args))
            )
            if node in self._inputs or (node in self._lines and node not in self._by_row):
                below[node].add(node)
            slow = any(other.op in _SLOW for other in below[node] - dear)
            if (slow or len(below[node]) > _CHEAP) and len(anywhere[node]) > 1 and node in self._lines:
                dear.add(node)
                below[node] = {node}
        needed_in = self._needed_in(keep=dear)
        for k, loop in enumerate(self.loops):
            loop.kept = [
                n for n in self._order if n in dear and len(needed_in[n]) > 1 and min(needed_in[n]) == k
            ]
        return needed_in

    def _needed_in(self, keep: Collection[Expr]) -> dict[Expr, set[int]]:
        """The loops that compute a node or load it, if only the first of them computes those of `keep`."""
        needed_in: dict[Expr, set[int]] = defaultdict(set)
        for k, loop in enumerate(self.loops):
            for node in (*loop.results.values(), *(mean.args[0] for mean in loop.means)):
                needed_in[node].add(k)
        for node in reversed(self._order):
            if needed_in[node] and node not in self._inputs and node not in self._by_row:
                computed_in = {min(needed_in[node])} if node in keep else needed_in[node]
                for argument in node.args:
                    needed_in[argument] |= computed_in
        return needed_in

    def lines(self) -> Iterator[str]:
        """The body of a function of `rows`."""
        there: dict[str, Expr] = {}  # numbers of the row, by name
        temporaries: dict[str, Expr] = {}
        for k, loop in enumerate(self.loops):
            places = dict(loop.results)
            places |= {_place("kept", len(temporaries) + n): node for n, node in enumerate(loop.kept)}
            places |= {f"sum[{n}]": mean.args[0] for n, mean in enumerate(loop.means)}
            body = step_body(
                {
                    **self._arrays,
                    "kept": temporaries,
                    "": {f"{name}[at]": node for name, node in there.items()},
                },
                places,
                called=self._called,
                always=self._shared,
                words=["V", "at", "rows", "sum", *there],
                declare="const V ",
                write=write,
                place=lambda array, n, numbers=tuple(there): (
                    _place(array, n) if array else f"{numbers[n]}[at]"
                ),
            )
            temporaries |= {
                self._called.get(node, f"kept{len(temporaries) + n}"): node
                for n, node in enumerate(loop.kept)
            }
            means = f"mean{k + 1}"
            if loop.means:
                yield f"typename Rows::Numbers {means}[{len(loop.means)}];"
                yield f"rows.means({means}, [&](auto at, V* sum) KEEPGATE_LAMBDA {{"
            else:
                yield "rows.each([&](auto at) KEEPGATE_LAMBDA {"
            yield from (f"  {line}" for line in body)
            yield "});"
            there |= {f"{means}[{n}]": mean for n, mean in enumerate(loop.means)}
            for name, node in loop.numbers.items():
                text = write(node, {other: f"{there_name}[r]" for there_name, other in there.items()})
                yield f"const auto {name} = rows.numbers([&](long r) KEEPGATE_LAMBDA {{ return {text}; }});"
                there[name] = node


def _place(array: str, n: int) -> str:
    return f"at.{array}({n})"
