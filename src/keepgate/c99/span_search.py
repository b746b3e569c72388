"""The search for the answer among the scores of spans as C, and the choice between it and no answer."""

from ..tasks.span.decode import CONSIDERED
from .source import Source, filled

_SEARCH = """
/* How much two spans have in common, 0 to 1: F1 of their tokens. */
static float @_f1(long first, long end, long other_first, long other_end) {
  const long from = first > other_first ? first : other_first, to = end < other_end ? end : other_end;
  return to > from ? 2.0f * (float)(to - from) / (float)(end - first + (other_end - other_first)) : 0.0f;
}

/* The span that is worth most: (1 - w) its probability + w its expected F1, of the <considered> most likely. */
static void @_decode(const float *scores, long steps, const float *none, int32_t answer[2]) {
  long place[<considered>], count = 0, i, k;
  float share[<considered>], sum = 0.0f, most = scores[0], best = -1.0f;
  (void)none;
  answer[0] = answer[1] = -1;
  for (i = 0; i < steps * <spans>; ++i) {
    if (scores[i] > most) most = scores[i];
    if (count == <considered> && !(scores[i] > share[count - 1])) continue;
    for (k = count < <considered> ? count++ : count - 1; k > 0 && scores[i] > share[k - 1]; --k)
      share[k] = share[k - 1], place[k] = place[k - 1];
    share[k] = scores[i], place[k] = i;
  }
<decide>
  for (i = 0; i < steps; ++i) {
    float part = 0.0f;
    for (k = 0; k < <spans>; ++k) part += @_exp(scores[i * <spans> + k] - most);
    sum += part;
  }
  for (k = 0; k < count; ++k) share[k] = @_exp(share[k] - most) / sum;
  for (i = 0; i < count; ++i) {
    const long first = place[i] / <spans>, end = first + place[i] % <spans> + 1;
    float worth = 0.0f;
    for (k = 0; k < count; ++k) {
      const long other = place[k] / <spans>;
      worth += @_f1(first, end, other, other + place[k] % <spans> + 1) * share[k];
    }
    worth = <alone>f * share[i] + <shared>f * worth;
    if (end <= steps && share[i] > 0.0f && worth > best) {
      best = worth;
      answer[0] = (int32_t)first, answer[1] = (int32_t)(end - 1);
    }
  }
}
"""
_DECIDE = "  if (!(*none - most <= <threshold>f)) return;"


def add_span_search(source: Source, spans: int, *, f1_weight: float, threshold: float | None) -> None:
    """`NAME_decode`. spans: the longest in tokens. threshold: of no answer; None of a reader that always answers."""
    decide = "" if threshold is None else filled(_DECIDE, threshold=f"{float(threshold):.9e}")
    source.add(
        _SEARCH, decide=decide, spans=spans, considered=CONSIDERED,
        shared=f"{float(f1_weight):.9}", alone=f"{1 - float(f1_weight):.9}",
    )  # fmt: skip
