"""A forecaster as C: from a window of series, in their own units, to their forecast."""

from collections.abc import Iterable
from typing import Any

from ..tasks.forecaster.settings import LEAST_VARIANCE
from .interface import Interface, names_in_comment
from .layers import LINEAR
from .places import add_places
from .source import Source, filled

_DEFINES = """\
#define <GUARD>_LOOK_BACK <back> /* steps that are read, the last ones of a series, without gaps */
#define <GUARD>_COLUMNS <columns>   /* numbers of each: <names> */
#define <GUARD>_AHEAD <ahead>     /* steps that are forecast */
#define <GUARD>_KNOWN <knowns>     /* numbers of each of these that are known: <known_names> */
#define <GUARD>_TARGETS <targets>
#define <GUARD>_LEVELS <levels>    /* numbers of each target that are forecast: <level_names> */"""
_RUN = """
/* The forecast [AHEAD, TARGETS, LEVELS] after a series, all in the data's own units.
 *
 * values: [LOOK_BACK, COLUMNS]. known: [AHEAD, KNOWN]. numbers: static numbers (<numbers>).
 * categories: one number a static text (<categories>), its place in vocabulary.json from 1, 0 for another.
 * moments: <moments>
 * What the model has none of may be null. */
void @_run(@_state *s, const double *values, const double *known, const double *numbers, const int32_t *categories,
           const double *moments, double *forecast);
"""
_CODE = """
void @_reset(@_state *s) {
  long i;
<resets>
}

static float @_standard(double value, double mean, double deviation) { return (float)((value - mean) / deviation); }

/* Reads the window of one target, whose value at a step less `level` over `size` is what the network sees. */
static void @_read(@_state *s, const double *values, long target, double mean, double deviation, float level,
                   float size) {
  long segment, i, k;
  @_reset(s);
  for (segment = 0; segment < <segments>; ++segment) {
    for (i = 0; i < <segment>; ++i) {
      const long step = segment * <segment> + i - <lacking>;
      const double *const row = values + (step < 0 ? 0 : step) * <columns>;
      float *const x = s->features + i * <features>;
      x[0] = (@_standard(row[target], mean, deviation) - level) / size;
      for (k = <targets>; k < <columns>; ++k)
        x[k - <targets> + 1] = @_standard(row[k], @_means[k], @_deviations[k]);
    }
    @_linear(<segments_weight>, <segments_bias>, s->features, <embedding>, <segment> * <features>, s->x);
    for (k = 0; k < <embedding>; ++k) s->x[k] = @_relu(s->x[k]);
<places>
  }
}

/* What is taken away from a target before the network, and what it is divided by. */
static void @_scale(const double *values, long target, double mean, double deviation, float *level, float *size) {
<scale>
}

/* What is added for the series itself: its static numbers and texts. */
static void @_item(@_state *s, const double *numbers, const int32_t *categories) {
  long i;
  (void)numbers, (void)categories;
  for (i = 0; i < <size>; ++i) s->item[i] = 0.0f;
<item>
}

/* The steps ahead of one target, in units of its window. */
static void @_decode(@_state *s, const double *known, long target, float *ahead) {
  long place, i, k;
  (void)known, (void)k;
  @_linear(<state_weight>, <state_bias>, s-><last>, <size>, <size>, s->decoded);
  for (i = 0; i < <size>; ++i) s->decoded[i] += <target>[target * <size> + i] + s->item[i];
  for (place = 0; place < <ahead_places>; ++place) {
<known>
    for (i = 0; i < <size>; ++i) s->unit[i] = @_gelu(s->decoded[i] + <place>[place * <size> + i]<plus>);
    @_linear(<out_weight>, <out_bias>, s->unit, <segment> * <levels>, <size>, ahead + place * <segment> * <levels>);
  }
}

void @_run(@_state *s, const double *values, const double *known, const double *numbers, const int32_t *categories,
           const double *moments, double *forecast) {
  const double *const mean = <mean>, *const deviation = <deviation>;
  long target, step, k, j;
  (void)moments;
  @_item(s, numbers, categories);
  for (target = 0; target < <targets>; ++target) {
    float level, size;
    @_scale(values, target, mean[target], deviation[target], &level, &size);
    @_read(s, values, target, mean[target], deviation[target], level, size);
    @_decode(s, known, target, s->ahead);
    for (step = 0; step < <ahead>; ++step) {
      double *const to = forecast + (step * <targets> + target) * <levels>;
      for (k = 0; k < <levels>; ++k)
        to[k] = (double)(s->ahead[step * <levels> + k] * size + level) * deviation[target] + mean[target];
      for (k = 1; k < <levels>; ++k) /* quantiles in their order */
        for (j = k; j > 1 && to[j] < to[j - 1]; --j) {
          const double other = to[j];
          to[j] = to[j - 1], to[j - 1] = other;
        }
    }
  }
}
"""
_LAST = """  *level = @_standard(values[(<back> - 1) * <columns> + target], mean, deviation);
  *size = 1.0f;"""
_STANDARD = """  float sum = 0.0f, squares = 0.0f;
  long t;
  for (t = 0; t < <back>; ++t) sum += @_standard(values[t * <columns> + target], mean, deviation);
  *level = sum / <back>.0f;
  for (t = 0; t < <back>; ++t) {
    const float away = @_standard(values[t * <columns> + target], mean, deviation) - *level;
    squares += away * away;
  }
  *size = @_sqrt(squares / <back>.0f + <least>f);"""
_NUMBERS = """  for (i = 0; i < <count>; ++i)
    s->numbers[i] = @_standard(numbers[i], @_means[<first> + i], @_deviations[<first> + i]);
  @_linear(<weight>, 0, s->numbers, <size>, <count>, s->item);"""
_CATEGORY = """  for (i = 0; i < <size>; ++i)
    s->item[i] += <table>[(categories[<k>] < 0 || categories[<k>] >= <count> ? 0 : categories[<k>]) * <size> + i];"""
_KNOWN = """    for (i = 0; i < <segment>; ++i) {
      const long step = place * <segment> + i < <ahead> ? place * <segment> + i : <ahead> - 1;
      for (k = 0; k < <knowns>; ++k)
        s->known[i * <knowns> + k] =
            @_standard(known[step * <knowns> + k], @_means[<first> + k], @_deviations[<first> + k]);
    }
    @_linear(<weight>, 0, s->known, <size>, <segment> * <knowns>, s->more);"""


def add_forecaster(source: Source, task: Any) -> Interface:
    """Prints the whole network, with the scaling around it. Raises ExportError for a layer that cannot be printed."""
    statistics, columns = task.statistics, task.statistics.columns
    targets, covariates, knowns = (
        len(columns.targets),
        len(columns.past) + len(columns.known),
        len(columns.known),
    )
    segment, ahead, back, size = task.segment, task.ahead, task.look_back, task.settings.hidden_size
    sizes = {
        "back": back, "columns": targets + covariates, "features": 1 + covariates, "ahead": ahead, "knowns": knowns,
        "targets": targets, "levels": task.levels, "segment": segment, "size": size, "lacking": -back % segment,
        "segments": -(-back // segment), "ahead_places": len(task.place), "embedding": len(task.segments[0]),
    }  # fmt: skip
    members = {
        "x": sizes["embedding"], "features": segment * (1 + covariates), "item": size, "decoded": size, "unit": size,
        "ahead": len(task.place) * segment * task.levels,
    }  # fmt: skip
    for name, floats in members.items():
        source.member(name, floats)
    source.add(LINEAR)
    states = add_places(source, task.layer)
    for name, values in (("means", statistics.means), ("deviations", statistics.deviations)):
        source.doubles(name, values)
    source.add(
        filled(
            _CODE, resets=_lines(f"  for (i = 0; i < {source.state[s]}; ++i) s->{s}[i] = 0.0f;" for s in states),
            places=_lines(f"    @_{s}(s, s->{below});" for s, below in zip(states, ["x", *states], strict=False)),
            last=states[-1], scale=_STANDARD if task.settings.scaling == "standard" else _LAST,
            item=_item(source, task), known=_known(source, task), plus=" + s->more[i]" if knowns else "",
            mean="moments" if statistics.alone else "@_means",
            deviation=f"moments + {targets}" if statistics.alone else "@_deviations",
        ),
        **sizes, least=LEAST_VARIANCE, **source.linear("segments", task.segments),
        **source.linear("state", task.state), **source.linear("out", task.out),
        target=source.constant("target", task.target), place=source.constant("ahead_place", task.place),
    )  # fmt: skip
    return _interface(task, sizes)


def _interface(task: Any, sizes: dict[str, int]) -> Interface:
    statistics, columns = task.statistics, task.statistics.columns
    texts = [
        (name, category is not None)
        for name, category in zip(columns.static, statistics.categories, strict=True)
    ]
    about = "A window of a series is read, and the steps after it come out, in the data's own units"
    run = filled(
        _RUN, numbers=names_in_comment(name for name, is_text in texts if not is_text),
        categories=names_in_comment(name for name, is_text in texts if is_text),
        moments="the means and then the deviations of the targets, TARGETS each, over the whole series."
        if statistics.alone else "null: they are the training's.",
    )  # fmt: skip
    defines = filled(
        _DEFINES, names=names_in_comment([*columns.targets, *columns.past, *columns.known]),
        known_names=names_in_comment(columns.known),
        level_names=names_in_comment(["the forecast", *(f"{level} quantile" for level in task.settings.quantiles)]),
        **{name: str(number) for name, number in sizes.items()},
    )  # fmt: skip
    return Interface(0, sizes["ahead"] * sizes["targets"] * sizes["levels"], 0, False, about, run, defines)


def _item(source: Source, task: Any) -> str:
    size, lines = task.settings.hidden_size, []
    if task.numbers is not None:
        source.member("numbers", count := task.numbers.shape[1])
        first = task.statistics.numbers_of["static"].start
        weight = source.constant("static_numbers", task.numbers)
        lines.append(filled(_NUMBERS, count=count, first=first, weight=weight, size=size))
    for k, table in enumerate(task.categories):
        name = source.constant(f"category{k}", table)
        lines.append(filled(_CATEGORY, k=k, count=len(table), table=name, size=size))
    return "\n".join(lines)


def _known(source: Source, task: Any) -> str:
    if task.known is None:
        return ""
    source.member("known", task.known.shape[1]), source.member("more", task.settings.hidden_size)
    first = task.statistics.numbers_of["known"].start
    return filled(_KNOWN, first=first, weight=source.constant("known_weight", task.known))


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
