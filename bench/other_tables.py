"""The tables about other people's models, and about formal languages, in the guide and in bench/README.md."""

import statistics
from collections.abc import Callable

from bench.markdown import result, spread, table
from keepgate.wording import count_of


def polyphones(k: int) -> str:
    """g2pM's package, torch and keepgate on the same sentences."""
    found = result("polyphones")
    count, seconds = found["sentences"], found["seconds"]
    names = (
        ("the package, in numpy", "套件本身，用 numpy"),
        ("torch.nn.LSTM", "torch.nn.LSTM"),
        ("keepgate, swapped and frozen", "換成 keepgate，凍結權重"),
    )
    rows = [
        [name[k], f"{1000 * seconds[key] / count:.2f}"]
        for name, key in zip(names, ("g2pM", "torch.nn", "keepgate"), strict=True)
    ]
    note = (
        "{equal} of {count} answers are the package's own; {right:.2%} are right. One sentence a call, one thread, {machine} "
        "(`python -m bench.polyphones`).",
        "{count} 個答案裡 {equal} 個和套件相同；{right:.2%} 答對。每次一句，一個執行緒，{machine}（`python -m bench.polyphones`）。",
    )[k].format(
        equal=f"{found['equal']:,}",
        count=f"{count:,}",
        right=found["right"] / count,
        machine=found["machine"]["processor"],
    )
    return table([("", "ms a sentence"), ("", "每句毫秒")][k], rows) + "\n\n" + note


def polyphones_reasons(k: int) -> str:
    """Ten answers, right and wrong, and the character that decided most."""
    head = [
        ("", "sentence", "reading", "answer", "left out", "answer then"),
        ("", "句子", "標準", "網路", "拿掉", "再問一次"),
    ][k]
    rows = []
    for number, answer in enumerate(result("polyphones")["explained"], 1):
        text, place, effect = answer["text"], answer["place"], answer["effects"][0]
        rows.append(
            [
                f"{number}",
                f"{text[:place]}**{text[place]}**{text[place + 1 :]}",
                answer["reading"],
                f"{answer['answer']} ({answer['probability']:.2f})",
                effect["token"],
                f"{effect['without']} ({effect['probability']:.2f})",
            ]
        )
    return table([*head], rows)


LANGUAGES = {
    "parity": ("parity", "奇偶"),
    "flip_flop": ("three-bit flip-flop", "三位元正反器"),
}


def automata(k: int) -> str:
    """In how many seeds the automaton of a language came out of a trained layer."""
    rows = result("automata")["rows"]
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    lines = []
    for language, name in LANGUAGES.items():
        cells = []
        for kind in kinds:
            runs = [row for row in rows if (row["language"], row["kind"]) == (language, kind)]
            cells.append(("{} of {}", "{} / {}")[k].format(sum(row["right"] for row in runs), len(runs)))
        lines.append([name[k], *cells])
    note = (
        "In so many seeds the automaton found is the language's, state for state (`python -m bench.automata`).",
        "這麼多個種子裡，找到的自動機和語言的一模一樣（`python -m bench.automata`）。",
    )[k]
    return table([("language", "語言")[k], *kinds], lines) + "\n\n" + note


def formal(k: int) -> str:
    """Formal languages: right answers at three lengths, and the automata found."""
    found = result("formal")
    lengths = ("40", "100", "500")
    head = [
        *[("language", "network", "weights", "seeds"), ("語言", "網路", "參數", "種子")][k],
        *[("{} symbols", "{} 個符號")[k].format(length) for length in lengths],
        *[("automaton", "processor s"), ("自動機", "處理器秒數")][k],
    ]
    rows = []
    for trained in found["trained"]:
        runs = trained["runs"]
        automata = [run["automaton"]["right"] for run in runs if run["automaton"]]
        rows.append(
            [
                trained["language"],
                trained["network"] if trained["network"] == "transformer" else trained["network"].upper(),
                f"{trained['parameters']:,}",
                f"{len(runs)}",
                *[spread([run["accuracy"][length] for run in runs]) for length in lengths],
                f"{sum(automata)} of {len(automata)}" if automata else "–",
                f"{statistics.mean(run['cpu_seconds'] for run in runs):.0f}",
            ]
        )
    note = (
        "Right symbols in the answers to {strings} new strings of each length, mean (range) of the seeds; trained on 1 to {longest} symbols. Automaton: "
        "in how many seeds the stable points make the language's own. {machine}, one thread.",
        "每種長度 {strings} 個新字串的答案裡對的符號所佔比率，種子的平均（範圍）；訓練用 1 到 {longest} 個符號。自動機：多少個種子的穩定點構成語言自己的自動機。{machine}，一個執行緒。",
    )[k]
    processors = {run["processor"] for trained in found["trained"] for run in trained["runs"]}
    note = note.format(**found | {"machine": ", ".join(sorted(processors, reverse=True))})
    return table(head, rows) + "\n\n" + note


def models(k: int) -> str:
    """Other people's models before and after the swap."""
    head = [
        (
            "model",
            "threads",
            "recurrent share",
            "recurrent layers faster",
            "whole model faster",
            "difference",
        ),
        ("模型", "執行緒", "循環層佔的時間", "循環層快幾倍", "整個模型快幾倍", "差異"),
    ][k]
    rows = [
        [
            row["model"] + ("", ", frozen")[row["frozen"]], f"{row['threads']}", f"{row['recurrent_share']:.0%}",
            f"{row['recurrent_before'] / row['recurrent_after']:.2f}" if row["swapped"] else "–",
            f"{row['seconds_before'] / row['seconds_after']:.2f}", f"{row['difference']:.0e}",
        ]
        for row in result("models")["rows"]
    ]  # fmt: skip
    return table([*head], rows) + _products(k)


def _products(k: int) -> str:
    """What the matrix products of Resemblyzer alone take, beside its layers before and after."""
    rows = [row for row in result("models")["rows"] if "products" in row and row["frozen"]]
    each = (
        "{before:.0f} ms before, {after:.0f} after and {products:.0f} for the products on {threads} thread{s}",
        "{threads} 個執行緒時，換之前 {before:.0f} 毫秒、之後 {after:.0f} 毫秒、只算矩陣乘法 {products:.0f} 毫秒",
    )[k]
    parts = [
        each.format(
            **{name: 1000 * row[of] for name, of in _PRODUCTS.items()},
            threads=row["threads"], s="s" * (row["threads"] > 1),
        )
        for row in rows
    ]  # fmt: skip
    note = (
        "Resemblyzer's layers are matrix products and little else. Beside their times, what torch.mm takes for the products "
        "alone: {}.",
        "Resemblyzer 的層幾乎全是矩陣乘法。層的時間旁邊是單單用 torch.mm 算這些乘法的時間：{}。",
    )[k].format(("; ", "；")[k].join(parts))
    return f"\n\n{note}" if rows else ""


_PRODUCTS = {"before": "recurrent_before", "after": "recurrent_after", "products": "products"}


def cart_pole(k: int) -> str:
    """CartPole without velocities: what each seed reaches, and frames a second of both policies in turns."""
    run = result("cart_pole")
    head = [
        ("seed", "frames of training", "mean reward", "worst", "processor minutes", "looks back, steps"),
        ("種子", "訓練幀數", "平均獎勵", "最差", "處理器分鐘", "往回看幾步"),
    ][k]
    rows = [
        [
            seed,
            f"{s['steps']:,}",
            f"{s['reward']:.1f}",
            f"{s['worst']:.0f}",
            f"{s['cpu_minutes']:.1f}",
            "{} ({}–{})".format(s["horizon"], *s["interval"]),
        ]
        for seed, s in run["seeds"].items()
    ]
    speed = run["speed"]
    ratios = [a / b for a, b in zip(*speed["frames_a_second"].values(), strict=True)]
    note = (
        "100 episodes of 500 steps at most. Frames a second while training, in turns: {ratios} times those with "
        "sb3-contrib's own recurrent policy; the loss of one rollout differs by {loss:.0e} of it. One thread, {machine}.",
        "100 局，每局最多 500 步。訓練時每秒的幀數，逐輪是 sb3-contrib 自己的循環策略的 {ratios} 倍；同一批經驗的損失相對相差 {loss:.0e}。一個執行緒，{machine}。",
    )[k].format(
        ratios=", ".join(f"{ratio:.1f}" for ratio in ratios),
        loss=speed["loss_difference"],
        machine=run["machine"]["processor"],
    )
    return table([*head], rows) + "\n\n" + note


FORMATS = {
    "layers": ("ONNX out: layers of any cell with random options", "匯出 ONNX：任何 cell、選項隨機的層"),
    "models": ("ONNX out: whole models", "匯出 ONNX：整個模型"),
    "nodes": (
        "ONNX in: its own node tests of LSTM, GRU and RNN",
        "讀入 ONNX：它自己的 LSTM、GRU、RNN 節點測試",
    ),
    "graphs": ("ONNX in: random graphs", "讀入 ONNX：隨機的圖"),
    "keras": ("Keras in: random models", "讀入 Keras：隨機的模型"),
    "flax": ("Flax in: random cells", "讀入 Flax：隨機的 cell"),
}


def formats(k: int) -> str:
    """How closely what goes out and comes in agrees, and what became of damaged files."""
    found = result("formats")
    head = [
        ("", "cases", "largest difference", "processor s"),
        ("", "件數", "最大差異", "處理器秒數"),
    ][k]
    rows = [
        [
            name[k],
            f"{found[key]['cases']:,}",
            f"{found[key]['largest']:.0e}",
            f"{found[key]['processor_seconds']:,}",
        ]
        for key, name in FORMATS.items()
    ]
    fuzz, rounded = found["fuzz"], found["layers"]["rounded"].values()
    outside = (
        ", but {}, with layer normalisation, which makes rounding larger: from the numbers in float64 the layer itself is up to "
        "{:.0e} away, and ONNX Runtime up to {:.0e}",
        "，只有 {} 個帶層正規化的層例外，正規化放大了捨入誤差：和 float64 的數字相比，層自己最多差 {:.0e}，ONNX Runtime 最多差 {:.0e}",
    )[k].format(
        (count_of(len(rounded), "layers") + " out", str(len(rounded)))[k],
        *(max(each[of] for each in rounded) for of in ("layer", "file")),
    )
    read = sum(outcomes.get("read", 0) for outcomes in fuzz["outcomes"].values())
    note = (
        "Every case agrees to 1e-5, of a number's size where that is above 1{outside}. Of {cases:,} damaged files ({onnx}) "
        "{read:,} were still read and the others refused by an error of ours: none crashed, took a second, or ran anything "
        "(`python -m bench.formats`).",
        "每一件都相符到 1e-5，數的大小超過 1 時以它為準{outside}。{cases:,} 個損壞的檔案（{onnx}）裡，{read:,} 個仍然讀得出來，其餘由我們的錯誤拒絕："
        "沒有一個當掉、超過一秒，或執行了什麼（`python -m bench.formats`）。",
    )[k].format(
        cases=fuzz["cases"],
        outside=outside,
        read=read,
        onnx=", ".join(f"{name} {sum(counts.values()):,}" for name, counts in fuzz["outcomes"].items()),
    )
    return table([*head], rows) + "\n\n" + note


def bare_debian(k: int) -> str:
    """What a Debian without torch and compiler needs: sizes and times."""
    found = result("bare_debian")
    sizes, seconds = found["installed_MB"], found["install_seconds"]
    both = sizes["numpy"] + sizes["safetensors"]
    rows = [
        (("wheel", "wheel"), f"{found['wheel_MB']:.1f} MB"),
        (("installed", "裝好"), f"{sizes['keepgate']:.1f} MB"),
        (("numpy and safetensors beside it", "旁邊的 numpy 與 safetensors"), f"{both:.1f} MB"),
        (("installing the wheel", "安裝 wheel"), f"{seconds['keepgate']:.1f} s"),
        (("import", "匯入"), f"{found['import, processor ms']:.0f} ms"),
        (
            ("a model and its first answer", "載入模型並回答第一題"),
            f"{found['load and first answer, ms']:.1f} ms",
        ),
        (("each further answer", "之後每次回答"), f"{found['answer, ms']:.2f} ms"),
        (
            ("memory over numpy's", "比 numpy 多用的記憶體"),
            "{:.1f} MB".format(found["memory over numpy's, MB"]),
        ),
    ]
    note = (
        "Debian {release}, made by debootstrap, without a compiler and torch; all {networks} networks that come with the package "
        "answer there and are written in C. {machine} (`python -m bench.bare_debian`).",
        "由 debootstrap 做成的 Debian {release}，沒有編譯器與 torch；套件附的 {networks} 個網路都在那裡回答，也都寫成 C。{machine}"
        "（`python -m bench.bare_debian`）。",
    )[k].format(
        release=found["release"],
        networks=len(found["answers"]) - 1,
        machine=found["machine"]["processor"],
    )
    return table(["", ("median", "中位數")[k]], [[name[k], value] for name, value in rows]) + "\n\n" + note


TABLES: dict[str, Callable[[int], str]] = {
    "automata": automata,
    "formal": formal,
    "bare_debian": bare_debian,
    "cart_pole": cart_pole,
    "formats": formats,
    "models": models,
    "polyphones": polyphones,
    "polyphones_reasons": polyphones_reasons,
}
