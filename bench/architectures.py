"""Nets of speech and text packages, written down from their definitions, with random weights; an example for each.

pyannote.audio's segmentation net, stanza's tagger, EasyOCR's recogniser and Kokoro's duration net. Only their shapes
and what they compute count here: weights are torch's initial ones. Layers and sizes were compared with the packages'
sources on GitHub and the released configurations, as each class says.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class PyanNet(nn.Module):
    """Who speaks when: [windows, 1, samples at 16 kHz] → [windows, frames, 7].

    Source: pyannote/pyannote-audio, pyannote/audio/models/segmentation/PyanNet.py and blocks/sincnet.py; four layers
    and seven classes from the configuration of segmentation-3.0, which k2-fsa/sherpa-onnx prints in
    scripts/pyannote/segmentation/notes.md. The 80 filters, which follow from 40 pairs of frequencies, are a convolution
    here.
    """

    def __init__(self) -> None:
        super().__init__()
        sizes = [(1, 80, 251, 10), (80, 60, 5, 1), (60, 60, 5, 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(i, o, width, stride, bias=i > 1) for i, o, width, stride in sizes
        )
        self.norms = nn.ModuleList(nn.InstanceNorm1d(size, affine=True) for size in (1, 80, 60, 60))
        self.lstm = nn.LSTM(60, 128, 4, batch_first=True, bidirectional=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, 7)

    def forward(self, sound: Tensor) -> Tensor:
        x = self.norms[0](sound)
        for number, convolution in enumerate(self.convolutions):
            x = convolution(x)
            x = functional.max_pool1d(x if number else x.abs(), 3)
            x = functional.leaky_relu(self.norms[number + 1](x))
        x = self.lstm(x.transpose(1, 2))[0]
        for linear in self.linear:
            x = functional.leaky_relu(linear(x))
        return self.classifier(x).log_softmax(-1)


class StanzaTagger(nn.Module):
    """Words, their pretrained vectors and their letters → [words of all sentences, 18] scores of parts of speech.

    Source: stanfordnlp/stanza, stanza/models/pos/model.py, models/common/hlstm.py and char_model.py, with the defaults
    of models/tagger.py, letters read by the tagger's own layer, and the head of universal tags alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.word, self.letter = nn.Embedding(20_000, 75), nn.Embedding(100, 100)
        self.letters, self.letter_share = nn.LSTM(100, 400, batch_first=True), nn.Linear(400, 1, bias=False)
        self.from_letters, self.from_vectors = (
            nn.Linear(400, 125, bias=False),
            nn.Linear(100, 125, bias=False),
        )
        sizes = (325, 400)
        self.lstm = nn.ModuleList(nn.LSTM(size, 200, batch_first=True, bidirectional=True) for size in sizes)
        self.highway, self.gate = (nn.ModuleList(nn.Linear(size, 400) for size in sizes) for _ in range(2))
        self.hidden, self.scores = nn.Linear(400, 400), nn.Linear(400, 18)

    def forward(
        self, words: Tensor, vectors: Tensor, lengths: Tensor, letters: Tensor, spelt: Tensor
    ) -> Tensor:
        """words, vectors: [sentences, longest, …], the longest first. letters, spelt: each word's, and how many."""
        packed = pack_padded_sequence(self.word(words), lengths, batch_first=True)
        read = self.letters(
            pack_padded_sequence(self.letter(letters), spelt, batch_first=True, enforce_sorted=False)
        )[0]
        states, _ = pad_packed_sequence(read, batch_first=True)
        of_letters = (states * self.letter_share(states).sigmoid()).sum(1)
        parts = [
            packed.data, self.from_vectors(pack_padded_sequence(vectors, lengths, batch_first=True).data),
            self.from_letters(of_letters),
        ]  # fmt: skip
        x = packed._replace(data=torch.cat(parts, 1))
        for lstm, highway, gate in zip(self.lstm, self.highway, self.gate, strict=True):
            output: PackedSequence = lstm(x)[0]
            x = output._replace(data=output.data + gate(x.data).sigmoid() * highway(x.data).tanh())
        return self.scores(self.hidden(x.data).relu())


class EasyOcr(nn.Module):
    """The text of a line: [1, 1, 64, width] → [1, places, 97] scores of signs.

    Source: JaidedAI/EasyOCR, easyocr/model/vgg_model.py and modules.py, with the sizes that easyocr.py gives its second
    generation; 96 English signs and none.
    """

    def __init__(self) -> None:
        super().__init__()
        widths, layers, before = (32, 64, 128, 128, 256, 256), list[nn.Module](), 1
        pools = {0: (2, 2), 1: (2, 2), 3: (2, 1), 5: (2, 1)}
        for number, width in enumerate(widths):
            layers += [nn.Conv2d(before, width, 3, 1, 1, bias=number < 4)]
            layers += [nn.BatchNorm2d(width)] if number > 3 else []
            layers += [nn.ReLU()]
            layers += [nn.MaxPool2d(pools[number], pools[number])] if number in pools else []
            before = width
        self.features = nn.Sequential(*layers, nn.Conv2d(256, 256, 2), nn.ReLU())
        self.lstm = nn.ModuleList(nn.LSTM(256, 256, batch_first=True, bidirectional=True) for _ in range(2))
        self.linear, self.prediction = (
            nn.ModuleList(nn.Linear(512, 256) for _ in range(2)),
            nn.Linear(256, 97),
        )

    def forward(self, picture: Tensor) -> Tensor:
        x = self.features(picture).mean(2).transpose(1, 2)
        for lstm, linear in zip(self.lstm, self.linear, strict=True):
            x = linear(lstm(x)[0])
        return self.prediction(x)


class KokoroDurations(nn.Module):
    """How long each sound of a sentence lasts: [1, sounds, 512] and a style [1, 128] → [1, sounds] frames.

    Source: hexgrad/kokoro, kokoro/models.py, DurationEncoder and what ProsodyPredictor does for durations, which are
    StyleTTS2's (Li et al. 2023, arXiv:2306.07691), with hidden_dim 512, style_dim 128, n_layer 3 and max_dur 50. It
    packs its rows, which changes nothing for one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(self._lstm() for _ in range(3))
        self.norms = nn.ModuleList(nn.Linear(128, 2 * 512) for _ in range(3))
        self.lstm, self.durations = self._lstm(), nn.Linear(512, 50)

    @staticmethod
    def _lstm() -> nn.LSTM:
        return nn.LSTM(512 + 128, 256, batch_first=True, bidirectional=True)

    def forward(self, sounds: Tensor, style: Tensor) -> Tensor:
        spread = style[:, None].expand(-1, sounds.shape[1], -1)
        x = torch.cat([sounds, spread], 2)
        for lstm, norm in zip(self.encoder, self.norms, strict=True):
            size, shift = norm(style)[:, None].chunk(2, 2)
            x = (1 + size) * functional.layer_norm(lstm(x)[0], (512,)) + shift
            x = torch.cat([x, spread], 2)
        return self.durations(self.lstm(x)[0]).sigmoid().sum(-1)


def pyannote() -> tuple[nn.Module, Tensor]:
    """Eight windows of ten seconds."""
    return PyanNet(), 0.1 * torch.randn(8, 1, 160_000)


def stanza() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Sixteen sentences of 35 to 5 words, of 1 to 12 letters."""
    lengths = torch.arange(35, 3, -2)
    words, longest = int(lengths.sum()), int(lengths[0])
    example = (
        torch.randint(1, 20_000, (len(lengths), longest)), torch.randn(len(lengths), longest, 100), lengths,
        torch.randint(1, 100, (words, 12)), torch.randint(1, 13, (words,)),
    )  # fmt: skip
    return StanzaTagger(), example


def easyocr() -> tuple[nn.Module, Tensor]:
    """A line of text, 400 wide."""
    return EasyOcr(), torch.rand(1, 1, 64, 400)


def kokoro() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A sentence of 80 sounds."""
    return KokoroDurations(), (torch.randn(1, 80, 512), 0.1 * torch.randn(1, 128))
