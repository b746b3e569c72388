"""A cell of nobody's: the form must allow it."""

from keepgate.equations import Cell, Named, Step, cell, exp, log, maximum, relu, sigmoid, tanh


@cell(gates="a b e", states="h")
def made_up(wx: Named, uh: Named, s: Named) -> Step:
    """Uses every operation, and names nothing that its backward pass needs."""
    inner = log(exp(wx.a) + 1) * relu(uh.a)
    outer = maximum(tanh(wx.b * uh.b), -sigmoid(wx.e)) / (exp(uh.e) + 2)
    return Step(h=inner - outer + 0.5 * s.h)


LATER: tuple[Cell, ...] = (made_up,)
