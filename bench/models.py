"""Other people's models before and after `keepgate.swap`: times, recurrent share, difference.

    pip install --no-deps silero-vad Resemblyzer g2pM
    python -m bench.models

The nets are written down from their packages, which hold the weights; one that is not installed is left out by name.
Each is run as its package runs it: silero-vad 32 ms of sound a call with its states carried on, Resemblyzer 1.6 seconds
for each of a minute's windows, g2pM one sentence of 40 characters a call. Of pyannote, stanza, EasyOCR and Kokoro the
architectures are measured, with random weights (architectures.py).
"""

import argparse
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

import keepgate
from bench import architectures
from bench.machine import THREADS, machine

RESULTS = Path(__file__).parent / "results" / "models.json"


class SileroVad(nn.Module):
    """Voice activity: 512 samples at 16 kHz, after 64 of context → the probability of speech."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1, self.conv2 = nn.Conv1d(129, 128, 3, padding=1), nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3, self.conv4 = nn.Conv1d(64, 64, 3, stride=2, padding=1), nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell, self.final_conv = nn.LSTMCell(128, 128), nn.Conv1d(128, 1, 1)

    def forward(self, sound: Tensor) -> Tensor:
        """sound: [calls, 576], the pieces of one stream. [calls] probabilities."""
        states, speech = None, []
        for piece in sound:
            x = self.stft_conv(nn.functional.pad(piece[None], (0, 64), "reflect")[:, None])
            x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
            for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
                x = layer(x).relu()
            states = self.lstm_cell(x.squeeze(-1), states)
            speech.append(self.final_conv(states[0].unsqueeze(-1).relu()).sigmoid().mean())
        return torch.stack(speech)


class Resemblyzer(nn.Module):
    """Speaker embedding: [windows, 160, 40] mel bands → [windows, 256], of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.linear = nn.LSTM(40, 256, 3, batch_first=True), nn.Linear(256, 256)

    def forward(self, mels: Tensor) -> Tensor:
        raw = self.linear(self.lstm(mels)[1][0][-1]).relu()
        return raw / raw.norm(dim=1, keepdim=True)


class G2pM(nn.Module):
    """Chinese polyphones: [1, characters] → [1, characters, pronunciations] scores."""

    def __init__(self, weights: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(*weights.embeddings.shape)
        self.lstm = nn.LSTM(
            self.embedding.embedding_dim, weights.weight_hh.shape[1], bidirectional=True, batch_first=True
        )
        hidden, scores = weights.hidden_weight_l0.shape[0], weights.hidden_weight_l1.shape[0]
        self.first, self.second = nn.Linear(2 * self.lstm.hidden_size, hidden), nn.Linear(hidden, scores)

    def forward(self, characters: Tensor) -> Tensor:
        return self.second(self.first(self.lstm(self.embedding(characters))[0]).relu())


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(f"{package} is not installed")
    return Path(spec.origin).parent


def silero() -> tuple[nn.Module, Tensor]:
    model = SileroVad()
    scripted = torch.jit.load(_folder("silero_vad") / "data" / "silero_vad.jit")._model  # 16 kHz
    model.load_state_dict(dict(zip(model.state_dict(), scripted.state_dict().values(), strict=True)))
    sound = 0.1 * torch.randn(300, 576)
    with torch.no_grad():
        speech, states = [], torch.zeros(2, 1, 128)
        for piece in sound[:5]:
            probability, states = scripted(piece[None], states)
            speech.append(probability.mean())
        torch.testing.assert_close(model(sound[:5]), torch.stack(speech))  # this is the package's own net
    return model, sound


def resemblyzer() -> tuple[nn.Module, Tensor]:
    model = Resemblyzer()
    weights = torch.load(_folder("resemblyzer") / "pretrained.pt", map_location="cpu", weights_only=True)
    model.load_state_dict(weights["model_state"], strict=False)
    return model, torch.rand(47, 160, 40)


def g2pm() -> tuple[nn.Module, Tensor]:
    _folder("g2pM")
    from g2pM import G2pM as Package

    package = Package()
    model = G2pM(package)
    names = {"embedding.weight": "embeddings"}
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        names |= {f"lstm.{name}_l0": name, f"lstm.{name}_l0_reverse": f"{name}_reverse"}
    for layer, place in (("first", 0), ("second", 1)):
        names |= {f"{layer}.weight": f"hidden_weight_l{place}", f"{layer}.bias": f"hidden_bias_l{place}"}
    model.load_state_dict(
        {name: torch.from_numpy(getattr(package, theirs)).float() for name, theirs in names.items()}
    )
    return model, torch.randint(1, len(package.char2idx), (1, 40))


def resemblyzer_products() -> Callable[[], None]:
    """The matrix products of Resemblyzer's layers alone, by torch.mm: of all inputs at once, then step by step."""
    steps, rows, hidden = 160, 47, 256
    widths = (40, hidden, hidden)
    inputs = [torch.rand(steps * rows, width) for width in widths]
    weights = [torch.randn(4 * hidden, width) for width in widths]
    states, recurrent = torch.rand(rows, hidden), torch.randn(4 * hidden, hidden)

    def run() -> None:
        for x, weight in zip(inputs, weights, strict=True):
            torch.mm(x, weight.T)
            for _ in range(steps):
                torch.mm(states, recurrent.T)

    return run


def shortest(run: Callable[[], None], repeats: int = 9) -> float:
    """Seconds of the shortest of some runs, after one that is not counted."""
    run()
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        run()
        times.append(perf_counter() - begin)
    return min(times)


MODELS: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "silero-vad": silero, "Resemblyzer": resemblyzer, "g2pM": g2pm, "pyannote segmentation": architectures.pyannote,
    "stanza tagger": architectures.stanza, "EasyOCR recogniser": architectures.easyocr,
    "Kokoro durations": architectures.kokoro,
}  # fmt: skip


def measured(name: str, threads: int, *, frozen: bool) -> dict[str, Any]:
    """One model on so many threads: seconds before and after, of the whole and of its recurrent layers."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    model, example = MODELS[name]()
    model.eval()
    report = keepgate.swap(model, example=example, frozen=frozen)
    before = sum(layer.seconds_before or 0.0 for layer in report.layers)
    after = sum(
        (layer.seconds_after if layer.swapped else layer.seconds_before) or 0.0 for layer in report.layers
    )
    products = {"products": shortest(resemblyzer_products())} if name == "Resemblyzer" else {}
    return {
        **products, "model": name, "threads": threads, "frozen": frozen, "swapped": list(report.swapped),
        "recurrent_share": report.recurrent_share, "seconds_before": report.seconds_before,
        "seconds_after": report.seconds_after, "recurrent_before": before, "recurrent_after": after,
        "difference": report.difference,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| model | threads | recurrent share | recurrent before | after | faster | whole before | after | difference |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        name = f"{row['model']}{', frozen' if row['frozen'] else ''}"
        lines.append(
            f"| {name} | {row['threads']} | {row['recurrent_share']:.0%} | {1000 * row['recurrent_before']:.3g} ms "
            f"| {1000 * row['recurrent_after']:.3g} ms | {row['recurrent_before'] / row['recurrent_after']:.2f} "
            f"| {1000 * row['seconds_before']:.3g} ms | {1000 * row['seconds_after']:.3g} ms "
            f"| {row['difference']:.1g} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures all, writes the results and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows, missing = [], {}
    for name in options.only:
        for frozen in (False, True):
            for threads in THREADS:
                try:
                    rows.append(measured(name, threads, frozen=frozen))
                except ImportError as error:
                    missing[name] = str(error)
    options.out.write_text(
        json.dumps({"machine": machine(), "rows": rows, "missing": missing}, indent=1) + "\n",
        encoding="utf-8",
    )
    print(table(rows))
    for name, reason in missing.items():
        print(f"left out: {name}: {reason}")


if __name__ == "__main__":
    main()
