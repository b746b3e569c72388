"""Minimal gated recurrent unit: Feng et al. (2024), "Were RNNs all we needed?", arXiv:2410.01201, section 3.1.

    z   = sigmoid(W x_t + b)          update gate
    n   = W x_t + b                   candidate, with weights of its own
    h_t = (1 - z) h_{t-1} + z n

An open update gate (z near 1) writes, as in the paper; in gru an open z keeps. The paper's h with a tilde
is n. Gates and candidate do not see h_{t-1}, so that h_t is linear in it and all steps can be computed at
once, by a scan.

Ours differs from the paper's training code, which computes in logarithms and therefore makes the candidate
positive (appendix B): here it is the plain recurrence of section 3.1. Gate order: z n.
"""

from ..equations import Named, Step, cell, sigmoid


@cell(
    gates="z n",
    states="h",
    recurrent="none",
    letters={"z": "update gate", "n": "candidate", "h": "hidden state"},
)
def mingru(wx: Named, uh: Named, s: Named) -> Step:
    z = sigmoid(wx.z)
    n = wx.n
    h = (1 - z) * s.h + z * n
    return Step(h=h, z=z, n=n)
