// Forward pass of a sequence, for any cell: the input projection (gemm) of a block of steps, then for each step the
// recurrent product (gemm) and the cell's elementwise equations, `apply_cell`. The hot loop is Tile::run in gemm.h.
#pragma once
#include "sequence.h"

namespace keepgate::KEEPGATE_SET {

template <class Cell, class T>
class ForwardMember : Member<Cell, T> {
  using Base = Member<Cell, T>;
  using Base::cell, Base::block, Base::planes, Base::lanes, Base::part, Base::from, Base::to, Base::plane, Base::before;
  using Base::f, Base::s, Base::rows, Base::zeros, Base::team, Base::member, Base::members, Base::units_split;
  using Base::saves_planes, Base::output, Base::blocks, Base::first_block, Base::end_block, Base::share;
  using typename Base::V;

  const Packed<Cell, T> packed{block, s};
  const bool nontemporal;  // whether saved values exceed the caches, and are written past them
  long span;  // slots, (step, row) pairs whose inputs are projected at once; members with their own rows share them
  long own_slots;  // how many are this member's
  T* pre;  // [blocks][span][width]: pre-activations
  Step* steps;  // [span], as the next two
  const T **x, **h_before;
  T *inner, *projected;  // with a projection: h before it [rows][hidden] and after it [rows][output], padded
  StepRunner<Cell, T> runner;
  T* passing;  // [members][kept][a runner's tile]: what is kept on its way past the caches

 public:
  ForwardMember(const Forward&, const Base& base, Memory& memory)
      : Base(base),
        nontemporal(saves_planes &&
                    s.steps * s.rows * padded_width<T>(s.hidden) * (cell.kept + 1) * long(sizeof(T)) > 2 << 20),
        runner(cell, saves_planes ? &CellProgram::forward : &CellProgram::infer, s.hidden,
               block.vectors > 1 ? block.vectors : blocks, s.rows, memory, member, members) {
    // Pre-activations of about 512 KiB, which stay in a core's L2 beside the weights that it reads.
    const long own = units_split ? (blocks + members - 1) / members : blocks;
    span = (512 << 10) / (own * block.width * long(sizeof(T)));
    span = span < 32 ? 32 : span > 128 ? 128 : span;
    if (!units_split) span *= members;
    if (span < s.rows + members) span = s.rows + members;
    const long first = units_split ? 0 : part(span, member);
    own_slots = units_split ? span : part(span, member + 1) - first;
    memory.take(pre, blocks * span * block.width);
    memory.take(steps, members * span);
    memory.take(x, members * span);
    memory.take(h_before, members * span);
    memory.take(inner, s.projected ? s.rows * padded_width<T>(s.hidden) : 0);
    memory.take(projected, s.rows * padded_width<T>(s.projected));
    memory.take(passing, nontemporal ? members * cell.kept * runner.room : 0);
    passing += nontemporal ? member * cell.kept * runner.room : 0;
    pre += first * block.width, steps += member * span, x += member * span, h_before += member * span;
  }

  void run() {
    runner.prepare();
    for (long step = 0, active = share.count; step < rows.longest();) {
      const long end = project(step, active);
      for (long slot = 0; step < end; step++, slot += active) {
        active = share.active(step, active);
        if (cell.dense) multiply_states(slot, active);
        if constexpr (is_program<Cell>)
          for (long i = 0, count; i < active; i += count) {
            count = alike(steps + slot + i, 1, active - i < runner.rows ? active - i : runner.rows);
            interpret_rows(slot + i, count);
          }
        else
          for (long i = slot; i < slot + active; i++) apply_cell(i);
        if (s.projected) project_output(slot, active);
        if (units_split && cell.dense) team.barrier(member);
      }
    }
    finish();
  }

 private:
  const T* weights(long part) const { return as<T>(f.packed) + part; }

  // Input projection of as many steps from `step` on as fit; returns the step after them.
  long project(long step, long active) {
    long slots = 0;
    for (const long start = step; step < rows.longest(); step++) {
      active = share.active(step, active);
      if (step > start && slots + active > own_slots) break;
      for (long q = 0; q < active; q++, slots++) {
        const Step& now = steps[slots] = step_of(f, step, share.row(q), share.length(q));
        x[slots] = Base::at(f.x, now);
        h_before[slots] = before(0, now);
      }
    }
    for (long u = first_block; u < end_block; u++) {
      const T *const bias = weights(packed.bias) + u * block.width, *const panel =
                                                                        weights(u * block.gate_width * s.input);
      T* const to = pre + u * span * block.width;
      multiply<T>({.a = x,
                   .length = s.input,
                   .weights = panel,
                   .start = bias,
                   .sum = to,
                   .sum_row = block.width,
                   .prefetch = panel + block.gate_width * s.input},
                  block.gates * block.vectors, 0, slots, 1);
      for (long slot = 0; slot < slots; slot++)
        for (long j = block.gate_width; j < block.width; j += lanes)
          V::load(bias + j).store(to + slot * block.width + j);
    }
    return step;
  }

  void multiply_states(long slot, long active) {
    const long next = span * block.width, next_weights = block.gate_width * output;
    T* const sums = pre + first_block * next + slot * block.width + block.split * block.units;
    const T* const panel = weights(packed.hh) + first_block * next_weights;
    multiply<T>({.a = h_before + slot,
                 .length = output,
                 .weights = panel,
                 .sum = sums,
                 .sum_row = block.width,
                 .next_sum = next},
                block.gates * block.vectors, 0, active, end_block - first_block);
  }

  // A compiled cell's equations for this member's units of one row, whose numbers lie side by side in all but pre.
  void apply_cell(long slot) const {
    const Step& step = steps[slot];
    const bool projects = s.projected;
    T *plane[Cell::states + Cell::kept] = {}, *after[Cell::states];
    const T *before[Cell::states], *const h_before = this->h_before[slot];
    for (int n = 0; saves_planes && n < this->planes + projects; n++) plane[n] = Base::plane(n, step);
    for (int n = 1; n < Cell::states; n++) {
      before[n] = Base::before(n, step);
      after[n] = saves_planes ? plane[n - 1] : as<T>(f.last[n]) + step.row * s.hidden;
    }
    T* const output_row = projects ? inner + step.row * padded_width<T>(s.hidden) : Base::at(f.output, step);
    for (long unit = from(), end = to(s.hidden); unit < end; unit += lanes) {
      const long u = unit / block.units, inside = unit % block.units, left = s.hidden - unit;
      const T* const in = pre + (u * span + slot) * block.width + inside;
      V sum[Block<Cell, T>::columns], prev[Cell::states], next[Cell::states], kept[Cell::kept + 1],
          weight[Cell::vectors + 1];
      for (int column = 0; column < block.columns; column++) sum[column] = V::load(in + column * block.units);
      if constexpr (Cell::reads_output) prev[0] = V::load(h_before + unit, left);
      for (int n = 0; n < Cell::vectors; n++)
        weight[n] = V::load(weights(packed.vectors) + n * blocks * block.units + unit);
      for (int n = 1; n < Cell::states; n++) prev[n] = V::load(before[n] + unit, left);
      Cell::forward(sum, prev, weight, next, kept);
      for (int n = 1; n < Cell::states; n++) next[n].store(after[n] + unit, saves_planes ? lanes : left);
      next[0].store(output_row + unit, projects ? lanes : left);
      if (!saves_planes) continue;
      for (int k = 0; k < Cell::kept; k++) {
        T* const to = plane[Cell::states - 1 + k] + unit;
        nontemporal ? store_nontemporal(kept[k], to) : kept[k].store(to);
      }
      if (projects) next[0].store(plane[this->planes] + unit);
    }
  }

  // A program's equations for this member's units of `rows` rows that are alike.
  void interpret_rows(long slot, long rows) {
    const Step& step = steps[slot];
    const bool projects = s.projected;
    const long row_step = rows > 1 ? steps[slot + 1].row - step.row : 0,
               plane_row = padded(s.hidden, f.type) * row_step;
    Base::in_tiles(runner, [&](long unit, long vectors, long units) {
      int reg = 0;
      const T* const in = pre + (unit / block.units * span + slot) * block.width;
      for (int column = 0; column < block.columns; column++)
        runner.bind(reg++, in + column * block.units, block.width, Base::vector_step(span * block.width));
      for (int n = 0; n < cell.states; n++, reg++)
        if (runner.reads(reg))
          runner.bind_units(reg, before(n, step) + unit, Base::before_row(n, step) * row_step, false);
      for (int n = 0; n < cell.vectors; n++)
        runner.bind(reg++, weights(packed.vectors) + n * blocks * block.units + unit, 0, lanes);
      T* const output_row =
          projects ? inner + step.row * padded_width<T>(s.hidden) + unit : Base::at(f.output, step) + unit;
      const long output_stride = (projects ? padded_width<T>(s.hidden) : f.output.row) * row_step;
      projects ? runner.bind(reg++, output_row, output_stride, lanes)
               : runner.bind_units(reg++, output_row, output_stride, true);
      for (int n = 1; n < cell.states; n++)
        saves_planes
            ? runner.bind(reg++, plane(n - 1, step) + unit, plane_row, lanes)
            : runner.bind_units(reg++, as<T>(f.last[n]) + step.row * s.hidden + unit, s.hidden * row_step, true);
      const auto kept = [&](int k) { return plane(cell.states - 1 + k, step) + unit; };
      for (int k = 0; saves_planes && k < cell.kept; k++)
        nontemporal ? runner.bind_nothing(reg++, passing + k * runner.room)
                    : runner.bind(reg++, kept(k), plane_row, lanes);
      runner.run(rows, vectors, units);
      for (int k = 0; nontemporal && k < cell.kept; k++)
        runner.stream_rows(passing + k * runner.room, kept(k), plane_row, rows, vectors);
      for (long row = 0; saves_planes && projects && row < rows; row++)
        std::memcpy(plane(planes, step) + unit + row * plane_row, output_row + row * output_stride,
                    size_t(vectors * lanes) * sizeof(T));
    });
  }

  void project_output(long slot, long active) {
    const T** const products = h_before + slot;  // which nothing reads any more
    for (long i = 0; i < active; i++) products[i] = inner + steps[slot + i].row * padded_width<T>(s.hidden);
    const long row = padded_width<T>(output) * share.stride, next = padded_width<T>(1);
    T* const sums = projected + share.first * padded_width<T>(output);
    const T* const panel = weights(packed.hr);
    multiply<T>({.a = products,
                 .length = s.hidden,
                 .weights = panel,
                 .start = zeros,
                 .sum = sums,
                 .sum_row = row,
                 .next_sum = next},
                panel_vectors, 0, active, padded_width<T>(output) / next);
    for (long i = 0; i < active; i++) {
      const Step& step = steps[slot + i];
      std::memcpy(Base::at(f.output, step), sums + i * row, size_t(output) * sizeof(T));
    }
  }

  // Final states, and zeros beyond each row's length.
  void finish() {
    for (long q = 0; q < share.count; q++) {
      const long row = share.row(q), length = share.length(q), last = f.reverse ? 0 : length - 1;
      const long hidden = to(s.hidden), end = s.projected ? output : hidden;
      for (int n = 0; n < cell.states; n++) {
        const long units = n ? s.hidden : output, first = from(), until = n ? hidden : end;
        T* const target = as<T>(f.last[n]) + row * units;
        const T* const source = before(n, {row, length, length ? last : at_start});
        if (source != target && until > first)
          std::memcpy(target + first, source + first, size_t(until - first) * sizeof(T));
      }
      for (long time = length; time < s.steps; time++) {
        clear(Base::at(f.output, {row, time, 0}), end);
        for (int n = 0; f.zero_tails && saves_planes && n < planes + (s.projected > 0); n++)
          clear(plane(n, {row, time, 0}), hidden);
      }
    }
    store_fence();
  }

  void clear(T* numbers, long end) const {
    if (end > from()) std::memset(numbers + from(), 0, size_t(end - from()) * sizeof(T));
  }
};

}  // namespace keepgate::KEEPGATE_SET
