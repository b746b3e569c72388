// A whole sequence backward, for any cell: blocks of steps from the last to the first. In each block first the
// gradients of what went into the equations, step by step; then, from those of all its steps at once, the inputs' and
// the weights'.
#pragma once
#include <algorithm>

#include "forward.h"

namespace keepgate::KEEPGATE_SET {

template <class Cell, class T>
class BackwardMember : Member<Cell, T> {
  using Base = Member<Cell, T>;
  using Base::dense, Base::planes, Base::lanes, Base::part, Base::plane;
  using Base::f, Base::s, Base::rows, Base::zeros, Base::team, Base::member, Base::members, Base::units_split;
  using Base::output, Base::blocks, Base::first_block, Base::end_block, Base::share;
  using typename Base::B, typename Base::V;
  static constexpr long width = B::width + Cell::vectors * B::units;  // of a row of d: columns, weights per unit
  static constexpr long high = 48;     // rows of inputs' gradients that are computed at once
  static constexpr long few = 96;      // rows of d that the fastest cache holds while all tiles of a block read them
  static constexpr long enough = 192;  // rows of d that pay for reading and writing the weights' gradients

  const Backward& b;
  const bool gives_states = std::any_of(b.d_states, b.d_states + Cell::states, [](const Strided& d) { return d.data; });
  const Share all = Share::all(rows), listed = Share::part(rows, member, team.size);
  const long k = blocks * B::gate_width;  // what the products of the way back add up over
  const long widest = wide<T>(s.hidden > output ? s.hidden : output), span = s.rows > enough ? s.rows : enough;
  T* carries;                       // [states][rows][widest]: the gradient of the state before the step at hand
  T* ds;                            // [blocks][span][width]: the gradients of what went into the equations
  Step* steps;                      // [span], as all lists of addresses
  const T **x, **h_before, **inner; // inner: the states that were projected
  const T **d_uh, **d_out;          // where d's columns of uh begin; rows of d_projected
  T* d_projected;                   // [span][output], wide
  T* d_inner;                       // [rows][widest]
  T *to_before, *to_x, *to_inner;   // weights, packed for the way back
  T *d_ih, *d_hh, *d_sums, *d_hr;   // gradients of weights, packed; sums over rows of d
  T* tiles;                         // [members][tile][panel]

 public:
  BackwardMember(const Backward& b, const Base& base, Memory& memory) : Base(base), b(b) {
    memory.take(carries, Cell::states * s.rows * widest);
    memory.take(ds, blocks * span * width);
    memory.take(steps, span);
    for (const T*** list : {&x, &h_before, &inner, &d_uh, &d_out}) memory.take(*list, span);
    memory.take(d_projected, span * wide<T>(s.projected));
    memory.take(d_inner, s.projected ? s.rows * widest : 0);
    memory.take(to_before, dense ? k * wide<T>(output) : 0);
    memory.take(to_x, b.d_x.data ? k * wide<T>(s.input) : 0);
    memory.take(to_inner, s.projected * wide<T>(s.hidden));
    memory.take(d_ih, b.d_weight_ih ? k * s.input : 0);
    memory.take(d_hh, b.d_weight_hh ? k * B::read(s) : 0);
    memory.take(d_sums, blocks * width);
    memory.take(d_hr, b.d_weight_hr ? wide<T>(output) * s.hidden : 0);
    memory.take(tiles, members * high * wide<T>(1));
  }

  void run() {
    begin();
    team.barrier(member);
    long active = 0;
    for (long end = rows.longest(), start; end > 0; end = start) {
      const long slots = list(end, active, start);
      if (units_split) team.barrier(member);
      for (long step = end - 1, slot = 0; step >= start; step--, slot += active) {
        active = all.active(step, active);
        retreat(slot, share.active(step, 0));
      }
      team.barrier(member);
      gradients_of_inputs(part(slots, member), part(slots, member + 1));
      gradients_of_weights(slots);
      team.barrier(member);
    }
    finish();
  }

 private:
  T* carry(int n, long r) const { return carries + (n * s.rows + r) * widest; }
  T* d(long u, long slot) const { return ds + (u * span + slot) * width; }
  static long vectors(long numbers) { return (numbers + lanes - 1) / lanes; }
  // This member's vectors of a row of states.
  long from() const { return first_block * B::vectors; }
  long to(long numbers) const {
    const long all = vectors(numbers);
    return end_block < blocks && end_block * B::vectors < all ? end_block * B::vectors : all;
  }
  // Where a member's part of all vectors begins, in whole panels.
  long panel_part(long numbers, long member) const {
    const long all = vectors(numbers), first = part((all + panel_vectors - 1) / panel_vectors, member) * panel_vectors;
    return first < all ? first : all;
  }

  void begin() {
    if (dense)
      pack_gates(b.weights.weight_hh, output, Cell::uh_gates, units_split ? from() : panel_part(output, member),
                 units_split ? to(output) : panel_part(output, member + 1), to_before);
    if (b.d_x.data)
      pack_gates(b.weights.weight_ih, s.input, Cell::wx_gates, panel_part(s.input, member),
                 panel_part(s.input, member + 1), to_x);
    if (s.projected)
      pack_rows(s.hidden, panel_part(s.hidden, member), panel_part(s.hidden, member + 1), s.projected, to_inner,
                [&](long i) { return of<T>(b.weights.weight_hr) + i * s.hidden; });
    for (long q = 0; q < share.count; q++)
      for (int n = 0; n < Cell::states; n++) {
        const long units = n ? s.hidden : output;
        for (long j = from() * lanes; j < (units_split ? end_block * B::units : widest); j += lanes) {
          const long left = units - j > 0 ? units - j : 0;
          (b.d_last[n] ? V::load(of<T>(b.d_last[n]) + share.row(q) * units + j, left) : V(T(0)))
              .store(carry(n, share.place(q)) + j);
        }
      }
    const auto clear = [&](T* sums, long numbers) {
      const long first = part(numbers, member);
      if (numbers) std::memset(sums + first, 0, size_t(part(numbers, member + 1) - first) * sizeof(T));
    };
    clear(d_sums, blocks * width);
    clear(d_ih, b.d_weight_ih ? k * s.input : 0);
    clear(d_hh, b.d_weight_hh ? k * B::read(s) : 0);
    clear(d_hr, b.d_weight_hr ? wide<T>(output) * s.hidden : 0);
  }

  // Vectors [from, to) of the columns of a matrix, whose rows are given by their number, as panels [rows][vectors].
  template <class Row>
  static void pack_rows(long columns, long from, long to, long rows, T* out, Row row) {
    in_panels(from, to, [&](long c, int vectors, long panels) {
      for (T* at = out + c * lanes * rows; panels > 0; panels--, c += vectors)
        for (long i = 0; i < rows; i++)
          for (long j = c * lanes; j < (c + vectors) * lanes; j += lanes, at += lanes)
            (row(i) ? V::load(row(i) + j, columns - j) : V(T(0))).store(at);
    });
  }
  // The same for [gates · hidden, columns], rows in the order of d.
  void pack_gates(const void* matrix, long columns, const int* order, long from, long to, T* out) const {
    pack_rows(columns, from, to, k, out, [&](long i) {
      const long gate = order[i / B::units % B::gates], unit = i / B::gate_width * B::units + i % B::units;
      return unit < s.hidden ? of<T>(matrix) + (gate * s.hidden + unit) * columns : nullptr;
    });
  }

  // Lists what is read by as many steps before `end` as fit, the last step first; returns how many slots they fill.
  long list(long end, long active, long& start) const {
    long slots = 0;
    for (start = end; start > 0; start--, slots += active) {
      active = all.active(start - 1, active);
      if (start < end && slots + active > span) break;
      for (long q = 0, count = listed.active(start - 1, 0); q < count; q++) {
        const long slot = slots + listed.place(q);
        const Step& step = steps[slot] = step_of(f, start - 1, listed.row(q), listed.length(q));
        x[slot] = Base::at(f.x, step);
        h_before[slot] = Base::before(0, step);
        d_uh[slot] = d(0, slot) + B::apart * B::units;
        d_out[slot] = d_projected + slot * wide<T>(s.projected);
        if (s.projected) inner[slot] = plane(planes, step);
      }
    }
    return slots;
  }

  // From the gradients of the states after a step to those of the states before it.
  void retreat(long slot, long active) const {
    if (s.projected) through_projection(slot, active);
    if (gives_states) store_state_gradients(slot, active);
    for (long q = 0; q < active; q++) act(slot + share.place(q), share.place(q));
    if (dense) {
      if (units_split) team.barrier(member);
      in_panels(from(), to(output), [&](long c, int vectors, long panels) {
        T* const sums = carry(0, share.first) + c * lanes;
        const T* const* const read = d_uh + slot + share.first;
        const T *const panel = to_before + c * lanes * k, *const ahead = to_before + from() * lanes * k;
        const long row = share.stride * widest, next = vectors * lanes, piece = B::gate_width;
        Product<T> product{.a = read,
                           .a_row = share.stride,
                           .pieces = blocks,
                           .stride = span * width,
                           .length = piece,
                           .weights = panel,
                           .start = sums,
                           .start_row = row,
                           .sum = sums,
                           .sum_row = row,
                           .next_weights = next * k,
                           .next_start = next,
                           .next_sum = next,
                           .prefetch = ahead};
        if (s.projected) product.start = zeros, product.start_row = product.next_start = 0;
        multiply(product, vectors, 0, active, panels);
      });
    }
    for (long q = 0; f.resets && q < active; q++)
      for (int n = 0; n < Cell::states && steps[slot + share.place(q)].before == at_reset; n++)
        for (long c = from(); c < to(n ? s.hidden : output); c++) V(T(0)).store(carry(n, share.place(q)) + c * lanes);
  }

  // The gradients that reach the states after a step, before the cell's derivatives replace them with those before it.
  void store_state_gradients(long slot, long active) const {
    for (long q = 0; q < active; q++) {
      const long r = share.place(q);
      const Step& step = steps[slot + r];
      for (int n = 0; n < Cell::states; n++) {
        if (!b.d_states[n].data) continue;
        const bool projected = n == 0 && s.projected, adds_output = n == 0 && !s.projected && b.d_output.data;
        const long units = n ? s.hidden : output;
        const T* const gradient = projected ? d_projected + (slot + r) * wide<T>(s.projected) : carry(n, r);
        const T* const d_output = adds_output ? Base::at(b.d_output, step) : nullptr;
        T* const target = Base::at(b.d_states[n], step);
        for (long j = from() * lanes; j < to(units) * lanes; j += lanes) {
          V sum = V::load(gradient + j);
          if (adds_output) sum = sum + V::load(d_output + j, units - j);
          sum.store(target + j, units - j);
        }
      }
    }
  }

  void through_projection(long slot, long active) const {
    const long units = wide<T>(s.projected);
    for (long q = 0; q < active; q++) {
      const long r = share.place(q);
      const Step& step = steps[slot + r];
      for (long j = 0; j < units; j += lanes) {
        V given = T(0);
        if (b.d_output.data && j < output) given = V::load(Base::at(b.d_output, step) + j, output - j);
        (V::load(carry(0, r) + j) + given).store(d_projected + (slot + r) * units + j);
      }
    }
    in_panels(0, vectors(s.hidden), [&](long c, int vectors, long panels) {
      const long length = s.projected, next = vectors * lanes, row = share.stride * widest;
      const T *const *const read = d_out + slot + share.first, *const panel = to_inner + c * lanes * length;
      T* const sums = d_inner + share.first * widest + c * lanes;
      multiply<T>({.a = read,
                   .a_row = share.stride,
                   .length = length,
                   .weights = panel,
                   .start = zeros,
                   .sum = sums,
                   .sum_row = row,
                   .next_weights = next * length,
                   .next_sum = next,
                   .prefetch = to_inner},
                  vectors, 0, active, panels);
    });
  }

  // The cell's derivatives for this member's units of one row, whose numbers lie side by side in all but d.
  void act(long slot, long r) const {
    const Step& step = steps[slot];
    const bool projected = s.projected, given = b.d_output.data && !projected;
    const T *plane[planes + 1], *before[Cell::states];
    T* carry[Cell::states];
    for (int n = 0; n < planes; n++) plane[n] = Base::plane(n, step);
    for (int n = 0; n < Cell::states; n++) carry[n] = this->carry(n, r), before[n] = Base::before(n, step);
    const T* const above = projected ? d_inner + r * widest : carry[0];
    const T* const d_output = given ? Base::at(b.d_output, step) : nullptr;
    const T* const shown = projected ? inner[slot] : Base::at(f.output, step);
    for (long unit = first_block * B::units; unit < end_block * B::units; unit += lanes) {
      const long left = s.hidden - unit;
      T* const to = d(unit / B::units, slot) + unit % B::units;
      if (left <= 0) {  // the last block's columns without units
        for (long j = 0; j < width; j += B::units) V(T(0)).store(to + j);
        continue;
      }
      V d_next[Cell::states], kept[Cell::kept + 1], prev[Cell::states], next[Cell::states], weight[Cell::vectors + 1];
      V d_pre[B::columns], d_prev[Cell::states], d_weight[Cell::vectors + 1];
      d_next[0] = V::load(above + unit);
      if (given) d_next[0] = d_next[0] + V::load(d_output + unit, left);
      next[0] = V::load(shown + unit, projected ? lanes : left);
      if constexpr (Cell::reads_output) prev[0] = V::load(before[0] + unit, left);
      for (int n = 1; n < Cell::states; n++) {
        d_next[n] = V::load(carry[n] + unit);
        prev[n] = V::load(before[n] + unit, left);
        next[n] = V::load(plane[n - 1] + unit);
      }
      for (int i = 0; i < Cell::kept; i++) kept[i] = V::load(plane[Cell::states - 1 + i] + unit);
      for (int n = 0; n < Cell::vectors; n++) weight[n] = V::load(of<T>(b.weights.vectors[n]) + unit, left);
      Cell::backward(d_next, kept, prev, next, weight, d_pre, d_prev, d_weight);
      for (int column = 0; column < B::columns; column++) d_pre[column].store(to + column * B::units);
      for (int n = 0; n < Cell::vectors; n++) d_weight[n].store(to + B::width + n * B::units);
      for (int n = 0; n < Cell::states; n++)
        if (n || !projected) d_prev[n].store(carry[n] + unit);
    }
  }

  // Of these slots.
  void gradients_of_inputs(long slot, long end) const {
    const T* rows[high];
    T* const tile = tiles + member * high * wide<T>(1);
    for (; b.d_x.data && slot < end; slot += high) {
      const long count = end - slot < high ? end - slot : high;
      for (long i = 0; i < count; i++) rows[i] = d(0, slot + i);
      in_panels(0, vectors(s.input), [&](long c, int vectors, long panels) {
        for (; panels > 0; panels--, c += vectors) {
          const T* const panel = to_x + c * lanes * k;
          const long width = vectors * lanes;
          multiply<T>({.a = rows,
                       .pieces = blocks,
                       .stride = span * BackwardMember::width,
                       .length = B::gate_width,
                       .weights = panel,
                       .start = zeros,
                       .sum = tile,
                       .sum_row = width,
                       .prefetch = panel + width * k},
                      vectors, 0, count, 1);
          for (long i = 0; i < count; i++) {
            const Step& step = steps[slot + i];
            for (long j = 0; j < width; j += lanes)
              V::load(tile + i * width + j).store(Base::at(b.d_x, step) + c * lanes + j, s.input - c * lanes - j);
          }
        }
      });
    }
  }

  // Adds what `slots` rows of d bring to rows [from, to) of a packed matrix of gradients, whose factors are listed.
  void add_outer(const T* const* factors, const T* d, long d_row, long slots, T* sums, int vectors, long from,
                 long to) const {
    for (long slot = 0; slot < slots; slot += few) {
      const T* const near = d + slot * d_row;
      const long count = slots - slot < few ? slots - slot : few, row = vectors * lanes;
      multiply<T, true>({.a = factors + slot,
                         .length = count,
                         .weights = near,
                         .weights_row = d_row,
                         .start = sums,
                         .start_row = row,
                         .sum = sums,
                         .sum_row = row,
                         .prefetch = near},
                        vectors, from, to, 1);
    }
  }

  void gradients_of_weights(long slots) const {
    // Each member takes an equal part of all rows of all blocks' gradients: of a block first the inputs', then the
    // states'.
    const long ih = b.d_weight_ih ? s.input : 0, hh = dense && b.d_weight_hh ? output : 0, each = ih + hh;
    for (long at = part(blocks * each, member), end = part(blocks * each, member + 1), count; at < end; at += count) {
      const long u = at / each, i = at % each, stop = (i < ih ? ih : each) - i;
      count = stop < end - at ? stop : end - at;
      if (i < ih)
        add_outer(x, d(u, 0), width, slots, d_ih + u * s.input * B::gate_width, B::gates * B::vectors, i, i + count);
      else
        add_outer(h_before, d(u, 0) + B::apart * B::units, width, slots, d_hh + u * output * B::gate_width,
                  B::gates * B::vectors, i - ih, i - ih + count);
    }
    for (long u = part(blocks, member); u < part(blocks, member + 1); u++) add_sums(u, slots);
    for (long c = 0; b.d_weight_hr && c < wide<T>(output); c += wide<T>(1))
      add_outer(inner, d_projected + c, wide<T>(output), slots, d_hr + c * s.hidden, panel_vectors,
                part(s.hidden, member), part(s.hidden, member + 1));
  }

  void add_sums(long u, long slots) const {
    for (long j = 0; j < width; j += lanes) {
      V sum = V::load(d_sums + u * width + j);
      for (long slot = 0; slot < slots; slot++) sum = sum + V::load(d(u, slot) + j);
      sum.store(d_sums + u * width + j);
    }
  }

  // What was wanted, in the caller's own order.
  void finish() const {
    for (long q = 0; q < share.count; q++)
      for (int n = 0; n < Cell::states; n++) {
        const long units = n ? s.hidden : output;
        for (long j = from() * lanes; b.d_first[n] && j < to(units) * lanes; j += lanes)
          V::load(carry(n, share.place(q)) + j).store(of<T>(b.d_first[n]) + share.row(q) * units + j, units - j);
      }
    for (long q = 0; b.d_x.data && q < listed.count; q++)
      for (long time = listed.length(q); time < s.steps; time++)
        std::memset(Base::at(b.d_x, {listed.row(q), time, 0}), 0, size_t(s.input) * sizeof(T));
    for (long u = part(blocks, member); u < part(blocks, member + 1); u++) unpack(u);
    for (long first = 0; b.d_weight_hr && member == 0 && first < s.projected; first += wide<T>(1))
      each_weight(s.hidden, s.projected, alone, 1, first, wide<T>(1),
                  [&](long i, long j) { of<T>(b.d_weight_hr)[i] = d_hr[first * s.hidden + j]; });
  }

  void unpack(long u) const {
    const auto to = [&](void* wanted, const T* packed, long inner, const int* order, int gates) {
      if (wanted)
        each_weight(inner, s.hidden, order, gates, u * B::units, B::units,
                    [&](long i, long j) { of<T>(wanted)[i] = packed[j]; });
    };
    const T* const sums = d_sums + u * width;
    to(b.d_weight_ih, d_ih + u * B::gate_width * s.input, s.input, Cell::wx_gates, B::gates);
    to(b.d_weight_hh, d_hh + u * B::gate_width * B::read(s), B::read(s), Cell::uh_gates, B::gates);
    to(b.d_bias_ih, sums, 1, Cell::wx_gates, B::gates);
    to(b.d_bias_hh, sums + B::apart * B::units, 1, Cell::uh_gates, B::gates);
    for (int n = 0; n < Cell::vectors; n++) to(b.d_vectors[n], sums + B::width + n * B::units, 1, alone, 1);
  }
};

}  // namespace keepgate::KEEPGATE_SET
