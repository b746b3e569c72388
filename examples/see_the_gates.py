"""What one layer kept, wrote and showed, step by step; and its states, rebuilt from the gates."""

import torch

import keepgate

torch.manual_seed(0)
layer = keepgate.LSTM(1, 32, init="chrono", horizon=50)
x = torch.zeros(12, 1, 1)
x[0] = 3.0  # one loud step, then silence

seen = layer.trace(x).layer(0)
print("step  forget  input  output  |c|")
for t in range(len(x)):
    f, i, o, c = (float(seen[name][t].detach().abs().mean()) for name in ("f", "i", "o", "c"))
    print(f"{t:4}  {f:6.2f}  {i:5.2f}  {o:6.2f}  {c:.3f}")

torch.testing.assert_close(seen.rebuild()["c"], seen.c)  # c = f c_prev + i g
