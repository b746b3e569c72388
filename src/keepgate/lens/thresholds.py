"""Thresholds of the lens: from where on a measured number is called by a word, for report, page and terminal alike."""

# A gradient below this share of what it is at the row's end has vanished; above its inverse it has exploded.
VANISHED = 0.01
EXPLODED = 1 / VANISHED
# An ablation by which an answer's probability falls by less than this share of it shows nothing worth naming.
NEGLIGIBLE_DROP = 0.01
# An answer is a guess if the next candidate has more than this share of its probability, or if its odds are less than
# so many times those of blind chance among the choices.
RUNNER_UP, TIMES_CHANCE = 0.7, 2
# So many sentences that each decide an answer: it came from none of them alone.
SEVERAL = 3
