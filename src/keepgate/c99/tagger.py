"""A tagger as C: scores of the tags at each token, the best sequence of tags, and the label of the whole text."""

from typing import Any

from ..tasks.runtime_letters import MOST_LETTERS
from .interface import Interface, names_in_comment
from .layers import COPY, LINEAR, add_embedding, add_encode, add_layers, add_spelling, workspace_floats
from .readout import MAX, MEAN, add_readout
from .source import Source, filled

_TAGS = """
/* The scores of the tags at each step of a text, [steps, SCORES], and the most probable tags, one a step.<about> */
void @_run(@_state *s, const int32_t *ids, long steps, float *workspace, float *scores, int32_t *tags<label>);
"""
_LABEL = """
 * label_scores: of the whole text, one a label: <labels>."""
_RUN_TAGS = """
/* The tags by Viterbi's algorithm. */
void @_run(@_state *s, const int32_t *ids, long steps, float *workspace, float *scores, int32_t *tags<label>) {
  float *const origins = workspace + steps * <outputs>;
  long t, k, now, before, last = 0;
  (void)k;
  @_encode(s, ids, steps, workspace, workspace + steps * <width>);
  for (t = 0; t < steps; ++t) @_readout(s, workspace + t * <width>, scores + t * <labels>);
<pool>  for (now = 0; now < <labels>; ++now) s->best[now] = <start>[now] + scores[now];
  for (t = 1; t < steps; ++t) {
    for (now = 0; now < <labels>; ++now) {
      long from = 0;
      for (before = 1; before < <labels>; ++before)
        if (s->best[before] + <between>[before * <labels> + now] > s->best[from] + <between>[from * <labels> + now])
          from = before;
      origins[t * <labels> + now] = (float)from;
      s->next[now] = s->best[from] + <between>[from * <labels> + now] + scores[t * <labels> + now];
    }
    @_copy(s->next, <labels>, s->best);
  }
  for (now = 0; now < <labels>; ++now) {
    s->best[now] += <end>[now];
    if (s->best[now] > s->best[last]) last = now;
  }
  for (t = steps - 1; t >= 0; --t) {
    tags[t] = (int32_t)last;
    last = (long)origins[t * <labels> + last];
  }
}
"""


def add_tagger(source: Source, task: Any) -> Interface:
    """Prints the whole network, and the search for the best tags."""
    ids, reads = _add_inputs(source, task)
    add_layers(source, task.layer)
    labels, layer = add_readout(source, task.readout), task.layer
    source.member("best", labels), source.member("next", labels)
    add_encode(source, layer, ids)
    outputs, width = workspace_floats(layer), layer.output_size
    pool, label, about_label = "", "", ""
    if task.text_labels:
        source.member("pooled", 2 * width)
        add_readout(source, task.label_readout, name="label")
        pool = "\n".join(
            [MEAN, MAX.replace("<offset>", str(width)), "  @_label(s, s->pooled, label_scores);\n"]
        )
        label, about_label = (
            ", float *label_scores",
            filled(_LABEL, labels=names_in_comment(task.text_labels)),
        )
    moves = {
        name: source.constant(f"crf_{name}", values)
        for name, values in zip(("start", "between", "end"), task.crf.scores, strict=True)
    }
    source.add(
        _RUN_TAGS.replace("<pool>", pool), label=label, width=width, outputs=outputs, labels=labels, **moves
    )
    about = f"ids: of each token {reads};\n * a score for each tag at each step, and the best tags"
    run = filled(_TAGS, label=label, about=about_label)
    return Interface(ids, labels, outputs + labels, layer.directions == 1, about, run)


def _add_inputs(source: Source, task: Any) -> tuple[int, str]:
    """`NAME_embed`: how many numbers of a token it reads, and which."""
    tables = [table for table in (task.inputs.token, task.inputs.pair) if table is not None]
    source.add(LINEAR + COPY)
    reads, spelt, letters = "its number", 0, 0
    if len(tables) > 1:
        reads += ", of the pair that it makes with the next"
    if task.letters is not None:
        add_spelling(source, task.spelling.layer, task.spelling.letter, MOST_LETTERS)
        spelt, letters = 2 * task.spelling.letter.shape[1], MOST_LETTERS
        reads += (
            f", and those of its {letters} letters: the first and last half as many of a longer one, 0 after the "
            "last of a shorter one"
        )
    add_embedding(source, tables, spelt=spelt)
    return len(tables) + letters, reads
