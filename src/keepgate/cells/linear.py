"""Linear layer as a cell: no recurrence, and an output that no state of before reaches. `quantize` multiplies by it.

h_t = W x_t + b
"""

from ..equations import Named, Step, cell


@cell(gates="y", states="h", recurrent="none")
def linear(wx: Named, uh: Named, s: Named) -> Step:
    return Step(h=wx.y)
