// Forward pass of a sequence, for any cell: the input projection (gemm) of a chunk of steps, then for each step the
// recurrent product (gemm) and the cell's elementwise equations, `apply_cell`. The hot loop is Tile::run in gemm.h.
#pragma once
#include "sequence.h"

namespace keepgate::KEEPGATE_SET {

template <class T, class W = Whole>
class ForwardMember : Member<T> {
  using Base = Member<T>;
  using Base::cell, Base::block, Base::planes, Base::lanes, Base::part, Base::first_unit, Base::end_unit, Base::plane,
      Base::prev_state, Base::meet;
  using Base::f, Base::s, Base::rows, Base::zeros, Base::team, Base::member, Base::members, Base::units_split;
  using Base::saves_planes, Base::output, Base::blocks, Base::first_block, Base::end_block, Base::share;
  using typename Base::V;

  // One step reads each weight once, and so where the caller has it.
  const bool unpacked = !f.packed && s.steps == 1 && W::group == 1;
  // Whether the final state is written where the other members may still read the initial one.
  const bool in_place = f.initial_states[cell.recurrent_state] == f.final_states[cell.recurrent_state];
  const Packed<T, W> packed{block, s, !unpacked};
  T* packed_weights;
  const bool nontemporal;  // whether saved values exceed the caches, and are written past them
  long max_slots;  // (step, row) pairs of a chunk, whose inputs are projected at once
  long own_slots;  // this member's part of them, where members split the rows
  T* pre;  // [blocks][max_slots][width]: pre-activations
  Step* steps;  // [max_slots], as the next two
  const T **x, **h_prev;
  T* operands;  // [rows][hidden, padded], where no planes are: of the product inside, or h before its projection
  T* h_projected;  // [rows][output, padded]
  StepRunner<T> runner, operand_runner;
  T* scratch;  // of multiply_packed
  T* stream_tiles;  // [members][saved][tile_elements]: saved values before their non-temporal stores

 public:
  ForwardMember(const Forward&, const Base& base, Arena& arena)
      : Base(base),
        nontemporal(saves_planes &&
                    s.steps * s.rows * padded_width<T>(s.hidden) * (cell.saved + 1) * long(sizeof(T)) > 2 << 20),
        runner(cell, saves_planes ? &CellProgram::forward : &CellProgram::infer, s.hidden,
               block.vectors > 1 ? block.vectors : blocks, s.rows, arena, member, members),
        operand_runner(cell, &CellProgram::operand, s.hidden, block.vectors > 1 ? block.vectors : blocks, s.rows, arena,
                       member, members) {
    // Pre-activations of about 512 KiB, which stay in a core's L2 beside the weights that it reads.
    const long own = units_split ? (blocks + members - 1) / members : blocks;
    max_slots = (512 << 10) / (own * block.width * long(sizeof(T)));
    max_slots = max_slots < 32 ? 32 : max_slots > 128 ? 128 : max_slots;
    if (!units_split) max_slots *= members;
    if (max_slots > s.steps * s.rows) max_slots = s.steps * s.rows;
    if (max_slots < s.rows + members) max_slots = s.rows + members;
    const long first = units_split ? 0 : part(max_slots, member);
    own_slots = units_split ? max_slots : part(max_slots, member + 1) - first;
    arena.allocate(packed_weights, f.packed ? 0 : packed.total);
    if (f.packed) packed_weights = as<T>(f.packed);
    arena.allocate(pre, blocks * max_slots * block.width);
    arena.allocate(steps, members * max_slots);
    arena.allocate(x, members * max_slots);
    arena.allocate(h_prev, members * max_slots);
    arena.allocate(operands, s.projected || cell.inside ? s.rows * padded_width<T>(s.hidden) : 0);
    arena.allocate(h_projected, s.rows * padded_width<T>(s.projected));
    const long longest = s.hidden > s.input ? s.hidden : s.input, widest = max_panel * lanes;
    const long panel = W::group == 1 ? 0 : widest * groups<W>(longest) * W::group;
    arena.allocate(scratch, members * panel);
    arena.allocate(stream_tiles, tiled_stores() ? members * cell.saved * runner.tile_elements : 0);
    stream_tiles += tiled_stores() ? member * cell.saved * runner.tile_elements : 0;
    scratch += member * panel, pre += first * block.width, steps += member * max_slots, x += member * max_slots,
        h_prev += member * max_slots;
  }

  void run() {
    [[maybe_unused]] const TilesInUse tiles;
    runner.prepare(), operand_runner.prepare();
    if (!f.packed || s.steps == 0) {
      pack_part<W>(block, s, f.weights, packed_weights, member, team.size, !unpacked);
      if (!units_split && !meet()) return;  // else each member reads what it has packed itself
    }
    for (long step = 0, active = share.count; step < rows.longest();) {
      const long end = project_inputs(step, active);
      for (long slot = 0; step < end; step++, slot += active) {
        active = share.active(step, active);
        if (cell.dense) add_recurrent_product(slot, active, block.plain);
        if (cell.inside) {
          apply_cell(operand_runner, slot, active);
          if (units_split && !meet()) return;
          read_operands(slot, active);
          add_recurrent_product(slot, active, block.inside);
        }
        apply_cell(runner, slot, active);
        if (s.projected) project_output(slot, active);
        const bool last = step + 1 == rows.longest();
        if (units_split && cell.dense && (!last || in_place) && !meet()) return;
      }
    }
    write_final_states();
  }

 private:
  bool tiled_stores() const { return nontemporal && !runner.is_compiled(); }

  // Input projection of as many steps from `step` on as fit; returns the step after them.
  long project_inputs(long step, long active) {
    long slots = 0;
    for (const long start = step; step < rows.longest(); step++) {
      active = share.active(step, active);
      if (step > start && slots + active > own_slots) break;
      for (long q = 0; q < active; q++, slots++) {
        const Step& now = steps[slots] = step_of(f, step, share.row(q), share.length(q));
        x[slots] = Base::at(f.x, now);
        h_prev[slots] = prev_state(cell.recurrent_state, now);
      }
    }
    const long row = block.width, length = s.input;
    Product<T> p = {.a = x, .length = length, .sum_row = row, .next_sum = max_slots * row};
    const auto multiply_blocks = [&](long first, long count) {
      p.sum = pre + first * p.next_sum;
      p.weights = packed_weights + first * block.gate_width * groups<W>(length);
      p.scale = packed_weights + packed.scale_ih + first * block.gate_width;
      p.prefetch = p.weights + block.gate_width * groups<W>(length);
      multiply_packed<W>(p, block.gates * block.vectors, 0, slots, count, scratch);
    };
    for (long u = first_block; u < end_block; u++) {
      const T* const bias = packed_weights + packed.bias + u * row;
      T* const to = pre + u * max_slots * row;
      // The product of a block starts with the bias of these columns; narrow weights multiply all blocks at once.
      const long split = unpacked || W::group > 1 ? 0 : block.gate_width;
      for (long slot = 0; slot < slots; slot++)
        for (long j = split; j < row; j += lanes) V::load(bias + j).store(to + slot * row + j);
      if (unpacked) {
        multiply_unpacked(x, slots, block.rows(s.hidden, u, length, cell.wx_gates), f.weights.weight_ih, to, row);
        continue;
      }
      p.start = bias;
      if (W::group == 1) multiply_blocks(u, 1);
    }
    p.start = nullptr;
    if (W::group > 1) multiply_blocks(first_block, end_block - first_block);
    return step;
  }

  // Of the rows in h_prev, which after the first product are those of the second.
  void add_recurrent_product(long slot, long active, GateRange gates) {
    const long next = max_slots * block.width, first = block.column(first_block, gates, s.hidden);
    T* const sums = pre + first_block * next + slot * block.width + (block.split + gates.first) * block.units;
    for (long u = first_block; unpacked && u < end_block; u++)
      multiply_unpacked(h_prev + slot, active, block.rows(s.hidden, u, output, cell.uh_gates, gates),
                        f.weights.weight_hh, sums + (u - first_block) * next, block.width);
    if (unpacked || gates.count == 0) return;
    Product<T> p = {.a = h_prev + slot, .length = output, .sum = sums, .sum_row = block.width, .next_sum = next};
    p.weights = packed_weights + packed.hh + first * groups<W>(output),
    p.scale = packed_weights + packed.scale_hh + first;
    multiply_packed<W>(p, gates.count * block.vectors, 0, active, end_block - first_block, scratch);
  }

  T* operand(const Step& step) const {
    return saves_planes ? plane(planes, step) : operands + step.row * padded_width<T>(s.hidden);
  }
  void read_operands(long slot, long active) {
    for (long i = 0; i < active; i++) h_prev[slot + i] = operand(steps[slot + i]);
  }

  // The cell's equations, or those of its operand alone, for the rows that are active.
  void apply_cell(StepRunner<T>& runner, long slot, long active) {
    for (long i = 0, count; i < active; i += count) {
      count = spaced_rows(steps + slot + i, 1, active - i < runner.row_limit ? active - i : runner.row_limit);
      apply_to_rows(runner, slot + i, count);
    }
  }

  // The same for this member's units of `rows` equally spaced rows.
  void apply_to_rows(StepRunner<T>& runner, long slot, long rows) {
    const Step& step = steps[slot];
    const bool projects = s.projected, alone = &runner == &operand_runner;
    const long row_step = rows > 1 ? steps[slot + 1].row - step.row : 0, plane_row = Base::plane_row * row_step;
    const long operand_row = saves_planes ? plane_row : padded_width<T>(s.hidden) * row_step;
    Base::for_each_tile(runner, [&](long u, long unit, long vectors, long units) {
      int reg = 0;
      const T* const in = pre + (u * max_slots + slot) * block.width;
      for (int column = 0; column < block.columns; column++)
        runner.bind(reg++, in + column * block.units, block.width, Base::vector_stride(max_slots * block.width));
      for (int n = 0; n < cell.states; n++, reg++)
        if (runner.reads(reg))
          runner.bind_units(reg, prev_state(n, step) + unit, Base::prev_state_stride(n, step, row_step), false);
      for (int n = 0; n < cell.vectors; n++)
        runner.bind(reg++, packed_weights + packed.vectors + n * blocks * block.units + unit, 0, lanes);
      for (int n = 0; n < cell.unit_inputs; n++) {
        const Strided from = Base::unit_input(n);
        runner.bind_units(reg++, Base::at(from, step) + unit, from.row * row_step, false);
      }
      projects || alone ? runner.bind(reg++, operand(step) + unit, operand_row, lanes)
                        : runner.bind_units(reg++, Base::at(f.output, step) + unit, f.output.row * row_step, true);
      if (alone) return runner.run(rows, vectors, units);
      for (int n = 1; n < cell.states; n++)
        saves_planes ? runner.bind(reg++, plane(n - 1, step) + unit, plane_row, lanes)
                     : runner.bind_units(reg++, as<T>(f.final_states[n]) + step.row * s.hidden + unit,
                                         s.hidden * row_step, true);
      const auto saved = [&](int k) { return plane(cell.states - 1 + k, step) + unit; };
      for (int k = 0; saves_planes && k < cell.saved; k++)
        tiled_stores() ? runner.bind_scratch(reg++, stream_tiles + k * runner.tile_elements)
                       : runner.bind(reg++, saved(k), plane_row, lanes);
      runner.run(rows, vectors, units, nontemporal);
      for (int k = 0; tiled_stores() && k < cell.saved; k++)
        runner.stream_rows(stream_tiles + k * runner.tile_elements, saved(k), plane_row, rows, vectors);
    });
  }

  void project_output(long slot, long active) {
    read_operands(slot, active);
    const long row = padded_width<T>(output) * share.stride, next = padded_width<T>(1), length = s.hidden;
    T* const sums = h_projected + share.first * padded_width<T>(output);
    Product<T> p = {
        .a = h_prev + slot, .length = length, .start = zeros, .sum = sums, .sum_row = row, .next_sum = next};
    p.weights = packed_weights + packed.hr, p.scale = packed_weights + packed.scale_hr;
    multiply_packed<W>(p, panel_vectors, 0, active, padded_width<T>(output) / next, scratch);
    for (long i = 0; i < active; i++) {
      const Step& step = steps[slot + i];
      std::memcpy(Base::at(f.output, step), sums + i * row, size_t(output) * sizeof(T));
    }
  }

  // Final states, and zeros beyond each row's length.
  void write_final_states() {
    for (long q = 0; q < share.count; q++) {
      const long row = share.row(q), length = share.length(q), last = f.reverse ? 0 : length - 1;
      const long hidden = end_unit(s.hidden), end = s.projected ? output : hidden;
      for (int n = 0; n < cell.states; n++) {
        const long units = n ? s.hidden : output, first = first_unit(), until = n ? hidden : end;
        T* const target = as<T>(f.final_states[n]) + row * units;
        const T* const source = prev_state(n, {row, length, length ? last : at_start});
        if (source != target && until > first)
          std::memcpy(target + first, source + first, size_t(until - first) * sizeof(T));
      }
      for (long time = length; time < s.steps; time++) {
        clear(Base::at(f.output, {row, time, 0}), end);
        for (int n = 0; f.zero_tails && saves_planes && n < planes + (s.projected || cell.inside); n++)
          clear(plane(n, {row, time, 0}), hidden);
      }
    }
    store_fence();
  }

  void clear(T* elements, long end) const {
    if (end > first_unit()) std::memset(elements + first_unit(), 0, size_t(end - first_unit()) * sizeof(T));
  }
};

}  // namespace keepgate::KEEPGATE_SET
