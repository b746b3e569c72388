"""Cells that the package does not have yet: the form must allow them."""

from keepgate.equations import Cell, Named, Step, cell, exp, log, maximum, relu, sigmoid, tanh


@cell(gates="i g o", states="h c")
def coupled(wx: Named, uh: Named, s: Named) -> Step:
    """Greff et al. (2015), arXiv:1503.04069: what is written is what is erased."""
    i = sigmoid(wx.i + uh.i)
    f = 1 - i
    g = tanh(wx.g + uh.g)
    o = sigmoid(wx.o + uh.o)
    c = f * s.c + i * g
    return Step(h=o * tanh(c), c=c, i=i, f=f, g=g, o=o)


@cell(gates="f i n", recurrent="none")
def minlstm(wx: Named, uh: Named, s: Named) -> Step:
    """Feng et al. (2024), arXiv:2410.01201, section 3.2."""
    open_f = sigmoid(wx.f)
    open_i = sigmoid(wx.i)
    f = open_f / (open_f + open_i)
    i = open_i / (open_f + open_i)
    h = f * s.h + i * wx.n
    return Step(h=h, f=f, i=i)


@cell(gates="i f z o", states="h c n m")
def slstm(wx: Named, uh: Named, s: Named) -> Step:
    """Beck et al. (2024), arXiv:2405.04517, equations 8 to 17, with the paper's letters."""
    f_log = log(sigmoid(wx.f + uh.f)) + s.m
    i_raw = wx.i + uh.i
    m = maximum(f_log, i_raw)
    i = exp(i_raw - m)
    f = exp(f_log - m)
    z = tanh(wx.z + uh.z)
    o = sigmoid(wx.o + uh.o)
    c = f * s.c + i * z
    n = f * s.n + i
    return Step(h=o * c / n, c=c, n=n, m=m, i=i, f=f, z=z, o=o)


@cell(gates="a", recurrent="diagonal")
def indrnn(wx: Named, uh: Named, s: Named) -> Step:
    """Li et al. (2018), arXiv:1803.04831: each unit sees only itself."""
    return Step(h=relu(wx.a + uh.a))


@cell(gates="a b e", states="h")
def made_up(wx: Named, uh: Named, s: Named) -> Step:
    """Uses every operation, and names nothing that its backward pass needs."""
    inner = log(exp(wx.a) + 1) * relu(uh.a)
    outer = maximum(tanh(wx.b * uh.b), -sigmoid(wx.e)) / (exp(uh.e) + 2)
    return Step(h=inner - outer + 0.5 * s.h)


LATER: tuple[Cell, ...] = (coupled, minlstm, slstm, indrnn, made_up)
