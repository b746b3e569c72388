// A whole sequence forward, for any cell: project the inputs of a few steps, then step by step multiply and let the
// cell act. The hot loop is Tile::run in gemm.h; `run` below calls it for every step, and `act` runs the cell's
// equations.
#pragma once
#include "sequence.h"

namespace keepgate::KEEPGATE_SET {

template <class Cell, class T>
class ForwardMember : Member<Cell, T> {
  using Base = Member<Cell, T>;
  using Base::dense, Base::planes, Base::lanes, Base::part, Base::from, Base::to, Base::plane, Base::before;
  using Base::f, Base::s, Base::rows, Base::zeros, Base::team, Base::member, Base::members, Base::units_split;
  using Base::keeps, Base::output, Base::blocks, Base::first_block, Base::end_block, Base::share;
  using typename Base::B, typename Base::V;

  const Packed<Cell, T> packed{s};
  const bool streams;  // whether what is kept is more than the caches hold until it is read
  long span;  // slots: rows of steps whose inputs are projected at once. Members with their own rows share them
  long room;  // how many are this member's
  T* pre;  // [blocks][span][width]: what goes into the cell's equations
  Step* steps;  // [span], as the next two
  const T **x, **h_before;
  T *inner, *projected;  // with a projection, [rows][hidden] and [rows][output], wide

 public:
  ForwardMember(const Forward&, const Base& base, Memory& memory)
      : Base(base), streams(s.steps * s.rows * wide<T>(s.hidden) * (Cell::kept + 1) * long(sizeof(T)) > 2 << 20) {
    // About 512 KiB, which a core's cache holds beside the weights that it is reading.
    const long own = units_split ? (blocks + members - 1) / members : blocks;
    span = (512 << 10) / (own * B::width * long(sizeof(T)));
    span = span < 32 ? 32 : span > 128 ? 128 : span;
    if (!units_split) span *= members;
    if (span < s.rows + members) span = s.rows + members;
    const long first = units_split ? 0 : part(span, member);
    room = units_split ? span : part(span, member + 1) - first;
    memory.take(pre, blocks * span * B::width);
    memory.take(steps, members * span);
    memory.take(x, members * span);
    memory.take(h_before, members * span);
    memory.take(inner, s.projected ? s.rows * wide<T>(s.hidden) : 0);
    memory.take(projected, s.rows * wide<T>(s.projected));
    pre += first * B::width, steps += member * span, x += member * span, h_before += member * span;
  }

  void run() {
    for (long step = 0, active = share.count; step < rows.longest();) {
      const long end = project(step, active);
      for (long slot = 0; step < end; step++, slot += active) {
        active = share.active(step, active);
        if (dense) multiply_states(slot, active);
        for (long i = slot; i < slot + active; i++) act(i);
        if (s.projected) project_output(slot, active);
        if (units_split && dense) team.barrier(member);
      }
    }
    finish();
  }

 private:
  const T* weights(long part) const { return of<T>(f.packed) + part; }

  // Projects the inputs of as many steps as fit from `step` on; returns the step after them.
  long project(long step, long active) {
    long slots = 0;
    for (const long start = step; step < rows.longest(); step++) {
      active = share.active(step, active);
      if (step > start && slots + active > room) break;
      for (long q = 0; q < active; q++, slots++) {
        const Step& now = steps[slots] = step_of(f, step, share.row(q), share.length(q));
        x[slots] = Base::at(f.x, now);
        h_before[slots] = before(0, now);
      }
    }
    for (long u = first_block; u < end_block; u++) {
      const T *const bias = weights(packed.bias) + u * B::width, *const panel = weights(u * B::gate_width * s.input);
      T* const to = pre + u * span * B::width;
      multiply<T>({.a = x,
                   .length = s.input,
                   .weights = panel,
                   .start = bias,
                   .sum = to,
                   .sum_row = B::width,
                   .prefetch = panel + B::gate_width * s.input},
                  B::gates * B::vectors, 0, slots, 1);
      for (long slot = 0; slot < slots; slot++)
        for (long j = B::gate_width; j < B::width; j += lanes) V::load(bias + j).store(to + slot * B::width + j);
    }
    return step;
  }

  void multiply_states(long slot, long active) {
    const long next = span * B::width, next_weights = B::gate_width * output;
    T* const sums = pre + first_block * next + slot * B::width + B::apart * B::units;
    const T* const panel = weights(packed.hh) + first_block * next_weights;
    multiply<T>({.a = h_before + slot,
                 .length = output,
                 .weights = panel,
                 .start = sums,
                 .start_row = B::width,
                 .sum = sums,
                 .sum_row = B::width,
                 .next_weights = next_weights,
                 .next_start = next,
                 .next_sum = next,
                 .prefetch = panel},
                B::gates * B::vectors, 0, active, end_block - first_block);
  }

  // The cell's equations for this member's units of one row, whose numbers lie side by side in all but pre.
  void act(long slot) const {
    const Step& step = steps[slot];
    const bool projects = s.projected;
    T *plane[planes + 1] = {}, *after[Cell::states];
    const T *before[Cell::states], *const h_before = this->h_before[slot];
    for (int n = 0; keeps && n < planes + projects; n++) plane[n] = Base::plane(n, step);
    for (int n = 1; n < Cell::states; n++) {
      before[n] = Base::before(n, step);
      after[n] = keeps ? plane[n - 1] : of<T>(f.last[n]) + step.row * s.hidden;
    }
    T* const shown = projects ? inner + step.row * wide<T>(s.hidden) : Base::at(f.output, step);
    for (long unit = from(), end = to(s.hidden); unit < end; unit += lanes) {
      const long u = unit / B::units, inside = unit % B::units, left = s.hidden - unit;
      const T* const in = pre + (u * span + slot) * B::width + inside;
      V sum[B::columns], prev[Cell::states], next[Cell::states], kept[Cell::kept + 1], weight[Cell::vectors + 1];
      for (int column = 0; column < B::columns; column++) sum[column] = V::load(in + column * B::units);
      if constexpr (Cell::reads_output) prev[0] = V::load(h_before + unit, left);
      for (int n = 0; n < Cell::vectors; n++)
        weight[n] = V::load(weights(packed.vectors) + n * blocks * B::units + unit);
      for (int n = 1; n < Cell::states; n++) prev[n] = V::load(before[n] + unit, left);
      Cell::forward(sum, prev, weight, next, kept);
      for (int n = 1; n < Cell::states; n++) next[n].store(after[n] + unit, keeps ? lanes : left);
      next[0].store(shown + unit, projects ? lanes : left);
      if (!keeps) continue;
      for (int k = 0; k < Cell::kept; k++) {
        T* const to = plane[Cell::states - 1 + k] + unit;
        streams ? store_nontemporal(kept[k], to) : kept[k].store(to);
      }
      if (projects) next[0].store(plane[planes] + unit);
    }
  }

  void project_output(long slot, long active) {
    const T** const products = h_before + slot;  // which nothing reads any more
    for (long i = 0; i < active; i++) products[i] = inner + steps[slot + i].row * wide<T>(s.hidden);
    const long row = wide<T>(output) * share.stride, next = wide<T>(1);
    T* const sums = projected + share.first * wide<T>(output);
    const T* const panel = weights(packed.hr);
    multiply<T>({.a = products,
                 .length = s.hidden,
                 .weights = panel,
                 .start = zeros,
                 .sum = sums,
                 .sum_row = row,
                 .next_weights = next * s.hidden,
                 .next_sum = next,
                 .prefetch = panel},
                panel_vectors, 0, active, wide<T>(output) / next);
    for (long i = 0; i < active; i++) {
      const Step& step = steps[slot + i];
      std::memcpy(Base::at(f.output, step), sums + i * row, size_t(output) * sizeof(T));
    }
  }

  // The last states, and zeros beyond each row's length.
  void finish() {
    for (long q = 0; q < share.count; q++) {
      const long row = share.row(q), length = share.length(q), last = f.reverse ? 0 : length - 1;
      const long hidden = to(s.hidden), end = s.projected ? output : hidden;
      for (int n = 0; n < Cell::states; n++) {
        const long units = n ? s.hidden : output, first = from(), until = n ? hidden : end;
        T* const target = of<T>(f.last[n]) + row * units;
        const T* const source = before(n, {row, length, length ? last : at_start});
        if (source != target && until > first)
          std::memcpy(target + first, source + first, size_t(until - first) * sizeof(T));
      }
      for (long time = length; time < s.steps; time++) {
        clear(Base::at(f.output, {row, time, 0}), end);
        for (int n = 0; f.zero_tails && keeps && n < planes + (s.projected > 0); n++)
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
