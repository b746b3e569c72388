"""The tables about other people's models and environments, in the guide and in bench/README.md."""

from collections.abc import Callable

from bench.markdown import result, table


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


TABLES: dict[str, Callable[[int], str]] = {
    "polyphones": polyphones,
    "polyphones_reasons": polyphones_reasons,
}
