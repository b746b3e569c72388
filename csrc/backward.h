// Backward pass of a sequence, for any cell, in chunks of steps from the last to the first. In each chunk first the
// gradients of the pre-activations, step by step; then, from those of all its steps at once, the input gradients
// (dgrad) and the weight gradients (wgrad).
#pragma once
#include "forward.h"

namespace keepgate::KEEPGATE_SET {

template <class T>
class BackwardMember : Member<T> {
  using Base = Member<T>;
  using Base::cell, Base::block, Base::planes, Base::lanes, Base::part, Base::plane, Base::meet;
  using Base::f, Base::s, Base::rows, Base::zeros, Base::team, Base::member, Base::members, Base::units_split;
  using Base::output, Base::blocks, Base::first_block, Base::end_block, Base::share;
  using typename Base::V;
  const long width = block.width;               // of a row of d_pre
  static constexpr long dgrad_tile_rows = 48;     // rows of d_x computed at once
  static constexpr long wgrad_rows_in_l1 = 96;  // rows of d_pre that stay in L1 while all tiles of a block read them
  static constexpr long min_rows_per_wgrad = 192;  // rows of d_pre that pay for reading and writing weight gradients

  const Backward& b;
  bool wants_d_states = false;
  const Share all_rows = Share::all(rows);
  const long k = blocks * block.gate_width;  // reduction length of the dgrad products
  const long widest = padded_width<T>(s.hidden > output ? s.hidden : output),
             max_slots = s.rows > min_rows_per_wgrad ? s.rows : min_rows_per_wgrad;
  T* d_state_rows;  // [states][rows][widest]: gradient of the states after the step, replaced by those before it
  T* d_pre_rows;  // [blocks][max_slots][width]: gradients of the pre-activations
  Step* steps;  // [max_slots], as the address lists below
  const T **x, **h_prev, **operands;  // operands: of the product inside the step, or h before the projection
  const T **d_uh, **d_product;  // rows of d_pre from the columns of uh on; those of the product with the operands
  T* d_projected;  // [max_slots][output, padded]
  T* d_operand;  // [rows][widest]
  T *hh_panels, *ih_panels, *hr_panels;  // weights, packed for dgrad
  T *d_ih, *d_hh, *d_sums, *d_hr;  // weight gradients, packed; column sums of d_pre
  T* tiles;  // [members][tile][panel]
  StepRunner<T> runner, inside_runner;
  T* weights;  // [vectors][blocks of units]: the cell's weights per unit, with room after the last
  T* d_unit_inputs;  // [members][unit inputs][tile_elements]: their gradients, where nobody wants them
  T* d_vectors;  // [rows][vectors][blocks of units]: the gradients of the weights per unit, of all steps of a row
  T* d_vectors_now;  // [members][vectors][tile_elements]: of a step of an interpreted cell

 public:
  BackwardMember(const Backward& b, const Base& base, Arena& arena)
      : Base(base),
        b(b),
        runner(cell, &CellProgram::backward, s.hidden, block.vectors > 1 ? block.vectors : blocks, s.rows, arena,
               member, members),
        inside_runner(cell, &CellProgram::d_inside, s.hidden, block.vectors > 1 ? block.vectors : blocks, s.rows, arena,
                      member, members) {
    arena.allocate(d_state_rows, cell.states * s.rows * widest);
    arena.allocate(d_pre_rows, blocks * max_slots * width);
    arena.allocate(steps, max_slots);
    for (const T*** list : {&x, &h_prev, &operands, &d_uh, &d_product}) arena.allocate(*list, max_slots);
    arena.allocate(d_projected, max_slots * padded_width<T>(s.projected));
    arena.allocate(d_operand, s.projected || cell.inside ? s.rows * widest : 0);
    arena.allocate(hh_panels, cell.dense ? k * padded_width<T>(output) : 0);
    arena.allocate(ih_panels, b.d_x.data ? k * padded_width<T>(s.input) : 0);
    arena.allocate(hr_panels, s.projected * padded_width<T>(s.hidden));
    arena.allocate(d_ih, b.d_weight_ih ? k * s.input : 0);
    arena.allocate(d_hh, b.d_weight_hh ? k * block.hh_length(s) : 0);
    arena.allocate(d_sums, blocks * width);
    arena.allocate(d_hr, b.d_weight_hr ? padded_width<T>(output) * s.hidden : 0);
    arena.allocate(tiles, members * dgrad_tile_rows * padded_width<T>(1));
    arena.allocate(weights, members * cell.vectors * blocks * block.units);
    weights += member * cell.vectors * blocks * block.units;
    arena.allocate(d_unit_inputs, members * cell.unit_inputs * runner.tile_elements);
    d_unit_inputs += member * cell.unit_inputs * runner.tile_elements;
    arena.allocate(d_vectors, s.rows * cell.vectors * blocks * block.units);
    const long tile = runner.is_compiled() ? 0 : cell.vectors * runner.tile_elements;
    arena.allocate(d_vectors_now, members * tile);
    d_vectors_now += member * tile;
  }

  void run() {
    begin();
    if (!meet()) return;
    long active = 0;
    for (long end = rows.longest(), start; end > 0; end = start) {
      const long slots = collect_steps(end, active, start);
      if (units_split && !meet()) return;
      for (long step = end - 1, slot = 0; step >= start; step--, slot += active) {
        active = all_rows.active(step, active);
        if (!backward_step(slot, share.active(step, 0))) return;
      }
      if (!meet()) return;
      input_gradients(part(slots, member), part(slots, member + 1));
      weight_gradients(slots);
      if (!meet()) return;
    }
    write_gradients();
  }

 private:
  T* d_state(int n, long r) const { return d_state_rows + (n * s.rows + r) * widest; }
  T* d_vector(long r, int n) const { return d_vectors + (r * cell.vectors + n) * blocks * block.units; }
  T* d_pre(long u, long slot) const { return d_pre_rows + (u * max_slots + slot) * width; }
  static long vectors(long elements) { return (elements + lanes - 1) / lanes; }
  // The first vector of a block in a row of states.
  long vector_at(long first, long elements) const {
    const long all = vectors(elements);
    return first < blocks && first * block.vectors < all ? first * block.vectors : all;
  }
  // This member's vectors of a row of states.
  long first_vector() const { return first_block * block.vectors; }
  long end_vector(long elements) const { return vector_at(end_block, elements); }
  // Start of a member's part of all vectors, a whole number of panels.
  long panel_part(long elements, long member) const {
    const long all = vectors(elements), first = part((all + panel_vectors - 1) / panel_vectors, member) * panel_vectors;
    return first < all ? first : all;
  }

  void begin() {
    runner.prepare(), inside_runner.prepare();
    for (int n = 0; n < cell.states; n++) wants_d_states = wants_d_states || b.d_states[n].data;
    for (int n = 0; n < cell.vectors; n++) {
      T* const to = weights + n * blocks * block.units;
      std::memset(to, 0, size_t(blocks * block.units) * sizeof(T));
      std::memcpy(to, f.weights.vectors[n], size_t(s.hidden) * sizeof(T));
    }
    for (const GateRange& gates : {block.plain, block.inside})
      if (cell.dense)
        pack_gates(f.weights.weight_hh, output, cell.uh_gates, gates,
                   units_split ? first_vector() : panel_part(output, member),
                   units_split ? end_vector(output) : panel_part(output, member + 1), panels_of(gates));
    if (b.d_x.data)
      pack_gates(f.weights.weight_ih, s.input, cell.wx_gates, block.all, panel_part(s.input, member),
                 panel_part(s.input, member + 1), ih_panels);
    if (s.projected)
      pack_rows(s.hidden, panel_part(s.hidden, member), panel_part(s.hidden, member + 1), s.projected, hr_panels,
                [&](auto put) {
                  for (long i = 0; i < s.projected; i++) put(as<T>(f.weights.weight_hr) + i * s.hidden);
                });
    for (long q = 0; q < share.count; q++)
      for (int n = 0; n < cell.states; n++) {
        const long units = n ? s.hidden : output;
        for (long j = first_vector() * lanes; j < (units_split ? end_block * block.units : widest); j += lanes) {
          const long left = units - j > 0 ? units - j : 0;
          (b.d_final_states[n] ? V::load(as<T>(b.d_final_states[n]) + share.row(q) * units + j, left) : V(T(0)))
              .store(d_state(n, share.place(q)) + j);
        }
      }
    const auto clear = [&](T* all, long count) {
      std::memset(all + part(count, member), 0, size_t(part(count, member + 1) - part(count, member)) * sizeof(T));
    };
    clear(d_ih, tiles - d_ih);
    clear(d_vectors, s.rows * cell.vectors * blocks * block.units);
  }

  // Packs vectors [from, to) of a matrix's columns as panels [rows][vectors].
  // Calls rows(put) for each panel, which calls put(row) for each row in turn, null for zeros.
  template <class Rows>
  static void pack_rows(long columns, long from, long to, long count, T* out, Rows rows) {
    in_panels(from, to, [&](long c, int vectors, long panels) {
      for (T* at = out + c * lanes * count; panels > 0; panels--, c += vectors)
        rows([&](const T* row) {
          for (long j = c * lanes; j < (c + vectors) * lanes; j += lanes, at += lanes)
            (row ? V::load(row + j, columns - j) : V(T(0))).store(at);
        });
    });
  }
  // The same for some gates of [gates · hidden, columns], rows in the order of d_pre.
  void pack_gates(const void* matrix, long columns, const int* order, GateRange gates, long from, long to,
                  T* out) const {
    pack_rows(columns, from, to, blocks * gates.count * block.units, out, [&](auto put) {
      for (long first = 0; first < blocks * block.units; first += block.units)
        for (int gate = gates.first; gate < gates.first + gates.count; gate++)
          for (long unit = first; unit < first + block.units; unit++)
            put(unit < s.hidden ? as<T>(matrix) + (order[gate] * s.hidden + unit) * columns : nullptr);
    });
  }

  // Collects addresses for as many steps before `end` as fit, the last step first; returns the number of slots used.
  long collect_steps(long end, long active, long& start) const {
    const Share own = own_rows();
    long slots = 0;
    for (start = end; start > 0; start--, slots += active) {
      active = all_rows.active(start - 1, active);
      if (start < end && slots + active > max_slots) break;
      for (long q = 0, count = own.active(start - 1, 0); q < count; q++) {
        const long slot = slots + own.place(q);
        const Step& step = steps[slot] = step_of(f, start - 1, own.row(q), own.length(q));
        x[slot] = Base::at(f.x, step);
        h_prev[slot] = Base::prev_state(cell.recurrent_state, step);
        d_uh[slot] = d_pre(0, slot) + block.split * block.units;
        d_product[slot] = s.projected ? d_projected + slot * padded_width<T>(s.projected)
                                      : d_pre(0, slot) + (block.split + block.inside.first) * block.units;
        if (s.projected || cell.inside) operands[slot] = plane(planes, step);
      }
    }
    return slots;
  }

  Share own_rows() const { return Share::part(rows, member, team.size); }

  // One step of backpropagation through time (BPTT): from the gradients of the states after a step to those before it.
  // False where this member leaves the team.
  bool backward_step(long slot, long active) {
    if (b.d_output.data) add_output_gradients(slot, active);
    if (wants_d_states) store_state_gradients(slot, active);
    if (s.projected) project_output_backward(slot, active);
    if (cell.inside) {
      apply_cell(inside_runner, slot, active);
      if (units_split && !meet()) return false;
      gate_product({.a = d_product + slot, .start = zeros, .sum = d_operand}, block.inside, active);
    }
    apply_cell(runner, slot, active);
    if (cell.dense) {
      if (units_split && !meet()) return false;
      gate_product({.a = d_uh + slot, .sum = d_state(cell.recurrent_state, 0)}, block.plain, active);
    }
    for (long q = 0; f.resets && q < active; q++)
      for (int n = 0; n < cell.states && steps[slot + share.place(q)].prev_time == at_reset; n++)
        for (long c = first_vector(); c < end_vector(n ? s.hidden : output); c++)
          V(T(0)).store(d_state(n, share.place(q)) + c * lanes);
    return true;
  }

  // d_pre of some gates times their recurrent weights, for all rows from the first slot and the first sum of p on.
  void gate_product(Product<T> p, GateRange gates, long active) const {
    p.pieces = blocks, p.stride = max_slots * width, p.length = gates.count * block.units;
    for (long part = Base::first_part; part < Base::end_part; part++)  // in the panels into which each was packed
      in_panels(vector_at(Base::part_start(part), output), vector_at(Base::part_start(part + 1), output),
                [&](long c, int vectors, long panels) { product(p, panels_of(gates), c, vectors, panels, active); });
  }
  void product(Product<T> p, const T* panels, long c, int vectors, long count, long active) const {
    p.a += share.first, p.a_row = share.stride, p.weights = panels + c * lanes * p.pieces * p.length;
    p.sum += share.first * widest + c * lanes, p.sum_row = share.stride * widest, p.next_sum = vectors * lanes;
    multiply(p, vectors, 0, active, count);
  }
  T* panels_of(GateRange gates) const { return hh_panels + block.column(0, gates, s.hidden) * padded_width<T>(output); }

  // The gradient of the first state after a step comes from the steps after it and from the output.
  void add_output_gradients(long slot, long active) const {
    for (long q = 0; q < active; q++) {
      T* const d_output_state = d_state(0, share.place(q));
      const T* const d_output = Base::at(b.d_output, steps[slot + share.place(q)]);
      for (long j = first_vector() * lanes; j < end_vector(output) * lanes; j += lanes)
        (V::load(d_output_state + j) + V::load(d_output + j, output - j)).store(d_output_state + j);
    }
  }

  // The gradients that reach the states after a step, before the cell's derivatives replace them with those before it.
  void store_state_gradients(long slot, long active) const {
    for (long q = 0; q < active; q++) {
      const long r = share.place(q);
      const Step& step = steps[slot + r];
      for (int n = 0; n < cell.states; n++) {
        const long units = n ? s.hidden : output;
        for (long j = first_vector() * lanes; b.d_states[n].data && j < end_vector(units) * lanes; j += lanes)
          V::load(d_state(n, r) + j).store(Base::at(b.d_states[n], step) + j, units - j);
      }
    }
  }

  void project_output_backward(long slot, long active) const {
    const long units = padded_width<T>(s.projected);
    for (long q = 0; q < active; q++) {
      T* const d_output_state = d_state(0, share.place(q));
      std::memcpy(d_projected + (slot + share.place(q)) * units, d_output_state, size_t(units) * sizeof(T));
      std::memset(d_output_state, 0, size_t(widest) * sizeof(T));
    }
    const Product<T> p = {.a = d_product + slot, .length = s.projected, .start = zeros, .sum = d_operand};
    in_panels(0, vectors(s.hidden),
              [&](long c, int vectors, long panels) { product(p, hr_panels, c, vectors, panels, active); });
  }

  // The cell's derivatives, or those of the product inside alone, for the rows that are active.
  void apply_cell(StepRunner<T>& runner, long slot, long active) {
    for (long q = 0, count; q < active; q += count) {
      const long r = share.place(q);
      count =
          spaced_rows(steps + slot + r, share.stride, active - q < runner.row_limit ? active - q : runner.row_limit);
      apply_to_rows(runner, slot + r, r, count);
    }
  }

  // The same for this member's units of `rows` equally spaced rows, `share.stride` slots apart.
  void apply_to_rows(StepRunner<T>& runner, long slot, long r, long rows) {
    const Step& step = steps[slot];
    const bool projected = s.projected, inside = &runner == &inside_runner;
    const long row_step = rows > 1 ? steps[slot + share.stride].row - step.row : 0;
    const long plane_row = Base::plane_row * row_step, d_state_stride = widest * share.stride;
    const T* const d_output_state = projected ? d_operand + r * widest : d_state(0, r);
    Base::for_each_tile(runner, [&](long u, long unit, long vectors, long units) {
      int reg = 0;
      T* const to = d_pre(u, slot);
      const long row = width * share.stride;
      for (int column = 0; column < block.columns; column++)
        runner.bind(reg++, to + column * block.units, row, Base::vector_stride(max_slots * width));
      for (int n = 0; n < cell.vectors; n++)
        runner.is_compiled() ? runner.bind(reg++, d_vector(r, n) + unit, d_vector(share.stride, 0) - d_vectors, lanes)
                             : runner.bind_scratch(reg++, d_vectors_now + n * runner.tile_elements);
      for (int n = 0; n < cell.unit_inputs; n++)
        n < Base::unit_inputs_in_x() && b.d_x.data
            ? runner.bind_units(reg++, Base::at(Base::behind(b.d_x, n), step) + unit, b.d_x.row * row_step, true)
            : runner.bind_scratch(reg++, d_unit_inputs + n * runner.tile_elements);
      for (int n = 0; n < cell.states; n++) runner.bind(reg++, d_state(n, r) + unit, d_state_stride, lanes);
      runner.bind(reg++, d_output_state + unit, d_state_stride, lanes);
      for (int n = 1; n < cell.states; n++) runner.bind(reg++, d_state(n, r) + unit, d_state_stride, lanes);
      if (cell.inside) runner.bind(reg++, d_operand + r * widest + unit, d_state_stride, lanes);
      for (int k = 0; k < cell.saved; k++)
        runner.bind(reg++, plane(cell.states - 1 + k, step) + unit, plane_row, lanes);
      for (int n = 0; n < cell.states; n++, reg++)
        if (runner.reads(reg))
          runner.bind_units(reg, Base::prev_state(n, step) + unit, Base::prev_state_stride(n, step, row_step), false);
      projected ? runner.bind(reg++, operands[slot] + unit, plane_row, lanes)
                : runner.bind_units(reg++, Base::at(f.output, step) + unit, f.output.row * row_step, false);
      for (int n = 1; n < cell.states; n++) runner.bind(reg++, plane(n - 1, step) + unit, plane_row, lanes);
      if (cell.inside) runner.bind(reg++, operands[slot] + unit, plane_row, lanes);
      for (int n = 0; n < cell.vectors; n++) runner.bind(reg++, weights + n * blocks * block.units + unit, 0, lanes);
      for (int n = 0; n < cell.unit_inputs; n++) {
        const Strided from = Base::unit_input(n);
        runner.bind_units(reg++, Base::at(from, step) + unit, from.row * row_step, false);
      }
      runner.run(rows, vectors, units);
      for (long i = 0; i < rows && !inside && !runner.is_compiled(); i++)
        for (int n = 0; n < cell.vectors; n++) add_vector_gradients(r + i * share.stride, n, i, unit, vectors);
      const int others = block.columns - cell.inside;
      clear_beyond(slot, unit + units, rows, row, inside ? others : 0, inside ? block.columns : others);
    });
  }

  // Adds those of a step to those of all steps, for row i of a tile.
  void add_vector_gradients(long r, int n, long i, long unit, long vectors) const {
    const T* const now = d_vectors_now + n * runner.tile_elements + i * runner.vector_limit * lanes;
    T* const sums = d_vector(r, n) + unit;
    for (long j = 0; j < vectors * lanes; j += lanes) (V::load(sums + j) + V::load(now + j)).store(sums + j);
  }

  // The last block's columns without units: products read them. end: of the units that have been written.
  void clear_beyond(long slot, long end, long rows, long row, int column, int end_column) const {
    if (end < s.hidden || s.hidden == blocks * block.units) return;
    const long real = end % block.units;
    for (; column < end_column; column++)
      for (long i = 0; i < rows; i++)
        std::memset(d_pre(end / block.units, slot) + i * row + column * block.units + real, 0,
                    size_t(block.units - real) * sizeof(T));
  }

  // dgrad of these slots: d_x = d_pre · W_ih.
  void input_gradients(long slot, long end) const {
    const T* rows[dgrad_tile_rows];
    T* const tile = tiles + member * dgrad_tile_rows * padded_width<T>(1);
    for (; b.d_x.data && slot < end; slot += dgrad_tile_rows) {
      const long count = end - slot < dgrad_tile_rows ? end - slot : dgrad_tile_rows;
      for (long i = 0; i < count; i++) rows[i] = d_pre(0, slot + i);
      in_panels(0, vectors(s.input), [&](long c, int vectors, long panels) {
        for (; panels > 0; panels--, c += vectors) {
          const long width = vectors * lanes;
          Product<T> p = {.a = rows, .pieces = blocks, .stride = max_slots * this->width, .length = block.gate_width};
          p.weights = ih_panels + c * lanes * k, p.prefetch = p.weights + width * k;
          p.start = zeros, p.sum = tile, p.sum_row = width;
          multiply(p, vectors, 0, count, 1);
          for (long i = 0; i < count; i++) {
            const Step& step = steps[slot + i];
            for (long j = 0; j < width; j += lanes)
              V::load(tile + i * width + j).store(Base::at(b.d_x, step) + c * lanes + j, s.input - c * lanes - j);
          }
        }
      });
    }
  }

  // wgrad: adds the outer products of `slots` rows of d with `factors` to rows [from, to) of a packed weight gradient.
  void accumulate_wgrad(const T* const* factors, const T* d, long d_row, long slots, T* sums, int vectors, long from,
                        long to) const {
    for (long slot = 0; slot < slots; slot += wgrad_rows_in_l1) {
      const T* const d_rows = d + slot * d_row;
      const long count = slots - slot < wgrad_rows_in_l1 ? slots - slot : wgrad_rows_in_l1, row = vectors * lanes;
      multiply<T, Whole, true>(
          {.a = factors + slot, .length = count, .weights = d_rows, .weights_row = d_row, .sum = sums, .sum_row = row},
          vectors, from, to, 1);
    }
  }

  void weight_gradients(long slots) const {
    // Each member takes an equal part of the rows of all blocks' gradients; of a block W_ih's come before W_hh's.
    const long hh = cell.dense && b.d_weight_hh ? output : 0;
    const struct {
      long rows;
      const T* const* factors;
      long column;
      GateRange gates;
      T* sums;
    } factors[] = {{b.d_weight_ih ? s.input : 0, x, 0, block.all, d_ih},
                   {block.plain.count ? hh : 0, h_prev, block.split, block.plain, d_hh},
                   {cell.inside ? hh : 0, operands, block.split + block.inside.first, block.inside, d_hh}};
    const long each = factors[0].rows + factors[1].rows + factors[2].rows;
    for (long at = part(blocks * each, member), end = part(blocks * each, member + 1), count; at < end; at += count) {
      const auto* of = factors;
      const long u = at / each;
      long i = at % each;
      for (; i >= of->rows; of++) i -= of->rows;
      count = of->rows - i < end - at ? of->rows - i : end - at;
      accumulate_wgrad(of->factors, d_pre(u, 0) + of->column * block.units, width, slots,
                       of->sums + block.column(u, of->gates, s.hidden) * of->rows, of->gates.count * block.vectors, i,
                       i + count);
    }
    for (long u = part(blocks, member); u < part(blocks, member + 1); u++) accumulate_bias_sums(u, slots);
    for (long c = 0; b.d_weight_hr && c < padded_width<T>(output); c += padded_width<T>(1))
      accumulate_wgrad(operands, d_projected + c, padded_width<T>(output), slots, d_hr + c * s.hidden, panel_vectors,
                       part(s.hidden, member), part(s.hidden, member + 1));
  }

  void accumulate_bias_sums(long u, long slots) const {
    for (long j = 0; j < width; j += lanes) {
      V sum = V::load(d_sums + u * width + j);
      for (long slot = 0; slot < slots; slot++) sum = sum + V::load(d_pre(u, slot) + j);
      sum.store(d_sums + u * width + j);
    }
  }

  // Writes the requested gradients in the caller's layout.
  void write_gradients() const {
    for (long q = 0; q < share.count; q++)
      for (int n = 0; n < cell.states; n++) {
        const long units = n ? s.hidden : output;
        for (long j = first_vector() * lanes; b.d_initial_states[n] && j < end_vector(units) * lanes; j += lanes)
          V::load(d_state(n, share.place(q)) + j)
              .store(as<T>(b.d_initial_states[n]) + share.row(q) * units + j, units - j);
      }
    const Share own = own_rows();
    for (long q = 0; b.d_x.data && q < own.count; q++)
      for (long time = own.length(q); time < s.steps; time++)
        std::memset(Base::at(b.d_x, {own.row(q), time, 0}), 0,
                    size_t(s.input + Base::unit_inputs_in_x() * s.hidden) * sizeof(T));
    for (long u = part(blocks, member); u < part(blocks, member + 1); u++) unpack_weight_gradients(u);
    for (long first = 0; b.d_weight_hr && member == 0 && first < s.projected; first += padded_width<T>(1))
      unpack_panel<T>({s.hidden, s.projected, alone, 1, first, padded_width<T>(1)}, d_hr + first * s.hidden,
                      b.d_weight_hr);
  }

  void unpack_weight_gradients(long u) const {
    const auto rows = [&](long inner, const int* order) { return block.rows(s.hidden, u, inner, order); };
    if (b.d_weight_ih) unpack_panel(rows(s.input, cell.wx_gates), d_ih + u * s.input * block.gate_width, b.d_weight_ih);
    for (const GateRange& gates : {block.plain, block.inside})
      if (b.d_weight_hh && cell.dense)
        unpack_panel(block.rows(s.hidden, u, output, cell.uh_gates, gates),
                     d_hh + block.column(u, gates, s.hidden) * output, b.d_weight_hh);
    const auto unpack = [&](void* gradient, const T* sums, const GateRows& rows) {
      if (gradient)
        each_vector<T>(
            rows, [&](long row, long real, long column) { V::load(sums + column).store(as<T>(gradient) + row, real); });
    };
    const T* const sums = d_sums + u * width;
    unpack(b.d_bias_ih, sums, rows(1, cell.wx_gates));
    unpack(b.d_bias_hh, sums + block.split * block.units, rows(1, cell.uh_gates));
    for (int n = 0; n < cell.vectors; n++)
      for (long j = u * block.units; b.d_vectors[n] && j < (u + 1) * block.units && j < s.hidden; j += lanes) {
        V sum(T(0));
        for (long r = 0; r < s.rows; r++) sum = sum + V::load(d_vector(r, n) + j);
        sum.store(as<T>(b.d_vectors[n]) + j, s.hidden - j);
      }
  }
};

}  // namespace keepgate::KEEPGATE_SET
