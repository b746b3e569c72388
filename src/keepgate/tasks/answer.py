"""What a reader answers with."""

from dataclasses import asdict, dataclass

# So many of the most probable answers are kept.
CANDIDATES = 5


@dataclass(frozen=True)
class Answer:
    """One answer with its score, and where it stands.

    probability: the model's own, 0 to 1.
    start, end: characters of the question's text that spell this answer; None if it points nowhere.
    sentence: the sentence around it; None if it points nowhere.
    candidates: at most five answers with their probabilities, best first; this one is the first of them.
    """

    text: str
    probability: float
    start: int | None = None
    end: int | None = None
    sentence: str | None = None
    candidates: tuple[tuple[str, float], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The same as plain values, for JSON."""
        plain = asdict(self)
        plain["candidates"] = [{"text": text, "probability": share} for text, share in self.candidates]
        return plain
