"""torch.nn.LSTM replaced: the weights carry over, the numbers stay, and now the gates can be seen."""

import torch

import keepgate

theirs = torch.nn.LSTM(8, 16, num_layers=2, bidirectional=True)
ours = keepgate.LSTM(8, 16, num_layers=2, bidirectional=True)
ours.load_state_dict(theirs.state_dict())

x = torch.randn(20, 4, 8)
output, (h_n, c_n) = ours(x)
expected, _ = theirs(x)
print(f"largest difference from torch.nn.LSTM: {(output - expected).abs().max():.1e}")

forget = ours.trace(x).layer(0).f
print(f"the forget gates of the first layer, {list(forget.shape)}: {forget.mean():.2f} open on average")
