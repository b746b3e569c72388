// Base of the forward and the backward pass: partitioning among threads, and the addresses of a step's values.
#pragma once
#include <initializer_list>

#include "pack.h"
#include "pool.h"
#include "rows.h"
#include "step.h"

namespace keepgate::KEEPGATE_SET {

// One thread's share of a pass, as a member of a team: some rows with all units, or all rows with some of the units.
template <class T>
struct Member {
  using V = Vec<T>;
  static constexpr long lanes = V::lanes;

  const Forward& f;
  const Sizes& s = f.sizes;
  const Rows rows;
  const T* const zeros;  // read in place of a cleared state; as wide as any
  Team& team;
  const int member;  // this thread's number in the team
  const CellProgram& cell = *f.cell;
  const Block<T> block{cell};
  const int members = members_for(block, f);  // at most so many
  const int planes = cell.states - 1 + cell.saved;       // and one more with a projection, or with gates inside
  const bool units_split = by_units(block, f, members),
             saves_planes = f.planes[0];  // saves_planes: whether there are planes
  const long output = s.output(), blocks = block.count(s.hidden), plane_row = padded(s.hidden, f.type);
  const long parts = units_split ? team.size : 1;  // of the units; this member's are [first_part, end_part)
  const long first_part = units_split ? member : 0;
  long end_part = first_part + 1;
  const long first_block = part_start(first_part);
  long end_block = part_start(end_part);
  Share share = units_split ? Share::all(rows) : Share::part(rows, member, team.size);

  // Runs Pass(problem, member, arena).run() for each member; without scratch only counts the bytes it needs.
  template <class Pass, class Problem>
  static size_t run(const Problem& problem, const Forward& f, void* scratch) {
    const Sizes& s = f.sizes;
    Arena arena(scratch);
    char* order;
    T* zeros;
    const long widest = padded_width<T>(s.hidden > s.projected ? s.hidden : s.projected);
    arena.allocate(order, long(order_bytes(s.rows)));
    arena.allocate(zeros, widest);
    if (scratch == nullptr) {
      Team alone;
      Pass(problem, {f, s, {0, nullptr, nullptr}, zeros, alone, 0}, arena);
      return arena.used;
    }
    const Rows rows = in_order(f, order);
    std::memset(zeros, 0, size_t(widest) * sizeof(T));
    auto work = [&](Team& team, int member) {
      Arena own = arena;
      Pass(problem, {f, f.sizes, rows, zeros, team, member}, own).run();
    };
    // Join timeout: 5 % of the estimated single-core time.
    const Block<T> block(*f.cell);
    const long products = s.steps * s.rows * s.hidden * block.gates * (s.hidden + s.input);
    together(members_for(block, f), products / 1000, work);
    return arena.used;
  }

  // With few rows, or weights larger than one core's cache, each member takes some of the units of all rows, with a
  // barrier a step. Otherwise each takes some of the rows, without barriers; so too where a step overwrites the state
  // that the others would still read.
  static bool by_units(const Block<T>& block, const Forward& f, int members) {
    constexpr long cache = 1 << 20;
    const Sizes& s = f.sizes;
    const bool large = block.cell.dense && s.hidden * s.hidden * block.gates * weight_bytes(f.type) > cache;
    const bool overwrites = block.cell.recurrent_state && !f.planes[0];
    return !s.projected && !block.cell.whole_rows() && !overwrites && (s.rows < 4 * members || large);
  }

  // As many members as have enough multiplications each to pay for waking and synchronising them. Packing a weight, or
  // reading it where the caller has it, costs as much as two.
  static int members_for(const Block<T>& block, const Forward& f) {
    const Sizes& s = f.sizes;
    const bool split = by_units(block, f, f.threads);
    const long unit = s.hidden * block.gates, step = s.rows * unit * block.hh_length(s);
    const long weights = unit * (block.hh_length(s) + s.input), all = (s.steps * s.rows + (f.packed ? 0 : 2)) * weights;
    long most = split ? block.count(s.hidden) : s.rows;
    for (long limit : {long(f.threads), all / 100000, split && block.cell.dense ? step / 16000 : most})
      most = limit < most ? limit : most;
    return most < 1 ? 1 : int(most);
  }

  // Waits for the other members. False: the team is dissolved, this member leaves, and member 0 does what is left.
  bool meet() {
    if (!team.barrier(member)) return store_fence(), false;
    if (team.size == 1) end_part = parts, end_block = blocks, share = Share::all(rows);
    return true;
  }

  // The first block of a part of the units.
  long part_start(long p) const { return blocks * p / parts; }
  // Start of a member's part of n items.
  long part(long n, long member) const { return n * member / team.size; }
  // This member's range of units; `units`: of the whole row.
  long first_unit() const { return first_block * block.units; }
  long end_unit(long units) const { return end_block * block.units < units ? end_block * block.units : units; }

  static T* at(const Strided& array, const Step& step) {
    return as<T>(array.data) + step.time * array.step + step.row * array.row;
  }
  T* plane(int n, const Step& step) const { return as<T>(f.planes[n]) + (step.time * s.rows + step.row) * plane_row; }
  // The row of state n before a step: the initial state, zeros without one and after a reset, or where the previous
  // step wrote it.
  const T* prev_state(int n, const Step& step) const {
    const Step prev = {step.row, step.prev_time, 0};
    if (step.prev_time == at_reset || (step.prev_time == at_start && !f.initial_states[n])) return zeros;
    if (step.prev_time == at_start) return as<T>(f.initial_states[n]) + step.row * (n ? s.hidden : output);
    if (n == 0) return at(f.output, prev);
    return saves_planes ? plane(n - 1, prev) : as<T>(f.final_states[n]) + step.row * s.hidden;
  }
  // How many unit inputs stand behind the columns of x, and their gradients behind those of its: all or none.
  int unit_inputs_in_x() const { return f.unit_inputs[0].data ? 0 : cell.unit_inputs; }
  // Unit input n behind the columns of x, or its gradient behind those of its.
  Strided behind(const Strided& x, int n) const { return {as<T>(x.data) + s.input + n * s.hidden, x.step, x.row}; }
  Strided unit_input(int n) const { return unit_inputs_in_x() ? behind(f.x, n) : f.unit_inputs[n]; }
  // Elements from `prev_state` of one row to that of the row_step-th behind it in the batch.
  long prev_state_stride(int n, const Step& step, long row_step) const {
    if (row_step == 0 || prev_state(n, step) == zeros) return 0;
    if (step.prev_time == at_start) return row_step * (n ? s.hidden : output);
    return row_step * (n == 0 ? f.output.row : saves_planes ? plane_row : s.hidden);
  }

  // Calls tile(first block, its first unit, vectors, units) for this member's units, as a runner's tiles hold them:
  // many blocks of one vector each, or one block of several. units: those of them that there are.
  template <class F>
  void for_each_tile(const StepRunner<T>& runner, F tile) const {
    const long most = block.vectors > 1 ? 1 : runner.vector_limit;
    for (long u = first_block, next; u < end_block; u = next) {
      next = u + most < end_block ? u + most : end_block;
      const long unit = u * block.units, left = end_unit(s.hidden) - unit, fit = (next - u) * block.units;
      const long units = left < fit ? left : fit;
      tile(u, unit, (units + lanes - 1) / lanes, units);
    }
  }
  // Stride from one vector of units to the next in an array of blocks `block_stride` apart.
  long vector_stride(long block_stride) const { return block.vectors > 1 ? lanes : block_stride; }
};

}  // namespace keepgate::KEEPGATE_SET
