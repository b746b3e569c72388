"""Schemes are told apart, forbid what they forbid, and entities are those that seqeval finds."""

import pytest

from keepgate.errors import CorpusError
from keepgate.tasks.tagger.schemes import Entity, detect_scheme, entities, moves_of


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("BIO", ["B-X I-X O B-Y", "O O"]),
        ("IOB1", ["I-X I-X B-X O", "O I-Y"]),
        ("IOBES", ["B-X I-X E-X S-Y O"]),
        ("BMES", ["B-X M-X E-X S-Y O"]),
        ("BMES", ["B M E S B E"]),
        ("BILOU", ["B-X I-X L-X U-Y O"]),
        ("plain", ["NOUN VERB S"]),
        ("plain", ["O O"]),
        ("plain", ["B-X NOUN"]),
    ],
)
def test_a_scheme_is_told_from_its_tags(scheme: str, tags: list[str]) -> None:
    sequences = [sequence.split() for sequence in tags]
    assert detect_scheme({tag for sequence in sequences for tag in sequence}, iter(sequences)) == scheme


def test_prefixes_of_two_schemes_are_refused() -> None:
    with pytest.raises(CorpusError, match="begin with B, I, M, which is none of the schemes"):
        detect_scheme(["B-X", "I-X", "M-X"], [["B-X", "I-X"], ["B-X", "M-X"]])


@pytest.mark.parametrize(
    ("scheme", "legal", "illegal"),
    [
        ("BIO", ["B-X I-X O", "B-X B-X", "B-X"], ["I-X", "O I-X", "B-Y I-X"]),
        ("IOB1", ["I-X I-Y", "I-X B-X", "O I-X"], ["B-X", "O B-X", "I-Y B-X"]),
        ("BMES", ["B-X M-X E-X S-Y O", "B-X E-X"], ["B-X", "E-X", "B-X O", "B-X E-Y", "S-X M-X", "M-X E-X"]),
        ("BILOU", ["B-X I-X L-X U-Y"], ["B-X U-X", "U-X L-X", "B-X I-X"]),
        ("plain", ["E-X B-X"], []),
    ],
)
def test_moves_are_those_of_the_scheme(scheme: str, legal: list[str], illegal: list[str]) -> None:
    labels = sorted({tag for tags in (*legal, *illegal) for tag in tags.split()})
    moves = moves_of(scheme, labels)
    for tags in legal:
        assert moves.fault([labels.index(tag) for tag in tags.split()]) is None, tags
    for tags in illegal:
        assert moves.fault([labels.index(tag) for tag in tags.split()]) is not None, tags


def test_entities_are_found_in_illegal_sequences_too() -> None:
    # seqeval 1.2.2, get_entities (its ends are inclusive).
    tags = ["I-X", "I-Y", "B-Y", "I-X", "E-X", "E-X", "O", "S-Z", "I-Z", "B-Z"]
    found = [(entity.type, entity.start, entity.end - 1) for entity in entities(tags)]
    assert found == [
        ("X", 0, 0),
        ("Y", 1, 1),
        ("Y", 2, 2),
        ("X", 3, 4),
        ("X", 5, 5),
        ("Z", 7, 7),
        ("Z", 8, 8),
        ("Z", 9, 9),
    ]
    assert entities(["B", "M", "E", "S"]) == [Entity("", 0, 3), Entity("", 3, 4)]
    assert entities([]) == []
