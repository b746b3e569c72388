// A whole sequence forward, for any cell: project a block of inputs, then step by step multiply and let the cell act.
//
// The hot loop is Tile::run in gemm.h; `steps` below calls it for every step, and `act` is where the cell's equations
// run.
#pragma once
#include "pack.h"
#include "pool.h"
#include "rows.h"

namespace keepgate::KEEPGATE_SET {

// Cuts memory given by the caller into arrays of whole cache lines. With no memory it only counts.
class Memory {
 public:
  explicit Memory(void* start) : start(static_cast<char*>(start)) {}
  template <class T>
  T* take(long count) {
    T* const taken = reinterpret_cast<T*>(start + used);
    used += size_t(up(count * long(sizeof(T)), 64));
    return taken;
  }
  size_t used = 0;

 private:
  char* start;
};

// Few rows, or weights that one core's cache does not hold: then each member takes some of the units for all rows, and
// all meet at every step. Otherwise each takes some of the rows, and they need not meet.
template <class Cell, class T>
bool by_units(const Sizes& s, int members) {
  if (s.projected) return false;
  constexpr long cache = 1 << 20;
  const bool large =
      Cell::recurrence == Recurrence::dense && s.hidden * s.hidden * Cell::gates * long(sizeof(T)) > cache;
  return s.rows < 4 * members || large;
}

// So many that each has work worth waking for, in multiplications.
template <class Cell, class T>
int members_for(const Sizes& s, int threads) {
  const long recurrent = Cell::recurrence == Recurrence::dense ? (s.projected ? s.projected : s.hidden) : 1;
  const long step = s.rows * s.hidden * Cell::gates * recurrent,
             all = s.steps * (step + s.rows * s.hidden * Cell::gates * s.input);
  const long most = by_units<Cell, T>(s, threads) && Cell::recurrence == Recurrence::dense
                        ? (step / 8000 < all / 100000 ? step / 8000 : all / 100000)
                        : all / 100000;
  long members = most < threads ? most : threads;
  const long parts = by_units<Cell, T>(s, threads) ? Block<Cell, T>::count(s.hidden) : s.rows;
  if (members > parts) members = parts;
  return members < 1 ? 1 : int(members);
}
// Nanoseconds that it is worth waiting for the others: about a twentieth of what the work takes on one core.
template <class Cell, class T>
long patience_for(const Sizes& s) {
  return s.steps * s.rows * s.hidden * Cell::gates * (s.hidden + s.input) / 1000;
}

// What a member of a team of a given size works in.
template <class Cell, class T>
struct ForwardShare {
  using B = Block<Cell, T>;
  bool units_split;
  long rows, blocks, span;  // at most so many rows, blocks of units, rows of inputs projected at once
  T* pre;                   // [blocks][span][width]: what goes into the cell's equations
  const T** x;              // [span]
  T** shown;                // [span]: where the output goes
  long* here;               // [span]: the row's place among [steps · rows]
  const T** h_before;       // [rows]
  const T** before;         // [states - 1][rows]
  T** after;                // [states - 1][rows]
  const T** inner;          // with a projection, [rows]: the state that is projected,
  T* unprojected;           // [rows][padded hidden]
  T* projected;             // [rows][padded output]

  ForwardShare(const Sizes& s, int members, Memory& memory) {
    const long all = B::count(s.hidden), other_states = Cell::states - 1;
    units_split = by_units<Cell, T>(s, members);
    rows = units_split ? s.rows : (s.rows + members - 1) / members;
    blocks = units_split ? (all + members - 1) / members : all;
    // About 512 KiB, which a core's cache holds beside the weights that it is reading.
    span = (512 << 10) / (blocks * B::width * long(sizeof(T)));
    span = span < 32 ? 32 : span > 128 ? 128 : span;
    if (span < rows) span = rows;
    pre = memory.template take<T>(blocks * span * B::width);
    x = memory.template take<const T*>(span);
    shown = memory.template take<T*>(span);
    here = memory.template take<long>(span);
    h_before = memory.template take<const T*>(rows);
    before = memory.template take<const T*>(other_states * rows);
    after = memory.template take<T*>(other_states * rows);
    const long projecting = s.projected ? rows : 0;
    inner = memory.template take<const T*>(projecting);
    unprojected = memory.template take<T>(projecting * padded_units<Cell, T>(s.hidden));
    projected = memory.template take<T>(projecting * padded_columns<T>(s.projected));
  }
};

template <class Cell, class T>
struct ForwardPlan {
  using B = Block<Cell, T>;
  const Forward& f;
  const Packed<Cell, T> at;
  const long blocks, output, padded_hidden, padded_output;
  const int members;
  const bool streams;  // whether what is kept is more than the caches hold until it is read
  char* order;
  T* zeros;   // as wide as anything that is read in place of a state
  T* states;  // [states - 1][rows][padded hidden]: before the first step; without planes, before every step
  char* shares;
  Rows rows{};

  ForwardPlan(const Forward& f, Memory& memory)
      : f(f),
        at(f.sizes),
        blocks(B::count(f.sizes.hidden)),
        output(f.sizes.projected ? f.sizes.projected : f.sizes.hidden),
        padded_hidden(padded_units<Cell, T>(f.sizes.hidden)),
        padded_output(padded_columns<T>(output)),
        members(members_for<Cell, T>(f.sizes, f.threads)),
        streams(f.sizes.steps * f.sizes.rows * padded_hidden * (Cell::kept + 1) * long(sizeof(T)) > 2 << 20) {
    order = memory.template take<char>(long(order_bytes(f.sizes.rows)));
    zeros = memory.template take<T>(widest());
    states = memory.template take<T>((Cell::states - 1) * f.sizes.rows * padded_hidden);
    long most = 0;
    for (int size = 1; size <= members; size++)
      most = share_bytes(size) * size > most ? share_bytes(size) * size : most;
    shares = memory.template take<char>(most);
  }

  long widest() const { return padded_hidden > padded_output ? padded_hidden : padded_output; }
  long share_bytes(int size) const {
    Memory counted(nullptr);
    ForwardShare<Cell, T>(f.sizes, size, counted);
    return long(counted.used);
  }
  ForwardShare<Cell, T> share(const Team& team, int member) const {
    Memory memory(shares + member * share_bytes(team.size));
    return ForwardShare<Cell, T>(f.sizes, team.size, memory);
  }
};

template <class Cell, class T>
class ForwardMember {
  using V = Vec<T>;
  using B = Block<Cell, T>;
  using Plan = ForwardPlan<Cell, T>;

 public:
  ForwardMember(const Plan& plan, Team& team, int member)
      : plan(plan),
        f(plan.f),
        s(f.sizes),
        team(team),
        member(member),
        own(plan.share(team, member)),
        reading{f},
        share(own.units_split ? Share::all(plan.rows) : Share::part(plan.rows, member, team.size)),
        first_block(own.units_split ? own.blocks * member : 0),
        end_block(first_block + own.blocks < plan.blocks ? first_block + own.blocks : plan.blocks) {}

  void run() {
    begin();
    long active = share.count();
    for (long step = 0; step < plan.rows.longest();) {
      const long end = project(step, active);
      for (long slot = 0; step < end; step++) {
        active = share.active(step, active);
        place(step, slot, active);
        advance(slot, active);
        slot += active;
        if (own.units_split && Cell::recurrence == Recurrence::dense) team.barrier(member);
      }
    }
    finish();
  }

 private:
  const Plan& plan;
  const Forward& f;
  const Sizes& s;
  Team& team;
  const int member;
  const ForwardShare<Cell, T> own;
  const Reading reading;
  const Share share;
  const long first_block, end_block;

  static const T* of(const void* p) { return static_cast<const T*>(p); }
  static T* of(void* p) { return static_cast<T*>(p); }
  T* state(int n, long row) const { return plan.states + ((n - 1) * s.rows + row) * plan.padded_hidden; }
  T* plane(int n, long here) const { return of(f.planes[n]) + here * padded(s.hidden, f.type); }
  bool keeps() const { return f.planes[0] != nullptr; }

  // This member's units of a row that holds `units`.
  long from() const { return first_block * B::units; }
  long to(long units) const { return end_block * B::units < units ? end_block * B::units : units; }

  void begin() {
    for (long q = 0; q < share.count(); q++)
      for (int n = 1; n < Cell::states; n++)
        for (long j = from(); j < end_block * B::units; j += V::lanes) {
          const long left = s.hidden - j;
          V::load(of(f.first[n]) + share.row(q) * s.hidden + j, left < 0 ? 0 : left).store(state(n, share.row(q)) + j);
        }
  }

  // Projects the inputs of as many steps as fit from `step` on; returns the step after them.
  long project(long step, long active) {
    long slots = 0, end = step;
    for (; end < plan.rows.longest(); end++) {
      active = share.active(end, active);
      if (end > step && slots + active > own.span) break;
      for (long q = 0; q < active; q++, slots++) {
        const long t = reading.time(end, share.length(q));
        own.x[slots] = of(f.x.data) + t * f.x.step + share.row(q) * f.x.row;
        own.shown[slots] = of(f.output.data) + t * f.output.step + share.row(q) * f.output.row;
        own.here[slots] = reading.place(t, share.row(q));
      }
    }
    for (long u = first_block; u < end_block; u++)
      with_constant<B::vectors>(B::held(u, s.hidden), [&](auto vectors) { project_block<vectors>(u, slots); });
    return end;
  }

  template <int vectors>
  void project_block(long u, long slots) {
    constexpr long units = vectors * V::lanes, width = B::columns * units;
    const T* const bias = of(f.packed) + plan.at.bias + u * B::width;
    T* const pre = own.pre + (u - first_block) * own.span * B::width;
    const T* const weights = of(f.packed) + plan.at.ih + u * B::units * B::gates * s.input;
    multiply<T, B::gates * vectors>(
        {own.x, 1, 0, s.input, weights, bias, 0, pre, width, 0, 0, 0, weights + B::units * B::gates * s.input}, slots,
        1);
    for (long slot = 0; slot < slots; slot++)
      for (long j = B::gates * units; j < width; j += V::lanes) V::load(bias + j).store(pre + slot * width + j);
  }

  // Where the states lie before this step and after it.
  void place(long step, long slot, long active) {
    for (long q = 0; q < active; q++) {
      const long row = share.row(q), length = share.length(q), t = reading.time(step, length);
      const bool cleared = reading.cleared(t, row, length);
      const long there = reading.place(reading.before(t), row);
      own.h_before[q] = cleared     ? plan.zeros
                        : step == 0 ? of(f.first[0]) + row * plan.output
                                    : of(f.output.data) + reading.before(t) * f.output.step + row * f.output.row;
      for (int n = 1; n < Cell::states; n++) {
        const long at = (n - 1) * own.rows + q;
        own.before[at] = cleared ? plan.zeros : step == 0 || !keeps() ? state(n, row) : plane(n - 1, there);
        own.after[at] = keeps() ? plane(n - 1, own.here[slot + q]) : state(n, row);
      }
    }
  }

  void advance(long slot, long active) {
    if (active == 0) return;
    if constexpr (Cell::recurrence == Recurrence::dense) {
      // The last block may be narrower than the others.
      const long whole = B::held(end_block - 1, s.hidden) == B::vectors ? end_block : end_block - 1;
      if (whole > first_block) add_recurrent<B::vectors>(first_block, whole - first_block, slot, active);
      if (first_block <= whole && whole < end_block)
        with_constant<B::vectors>(B::held(whole, s.hidden),
                                  [&](auto vectors) { add_recurrent<vectors>(whole, 1, slot, active); });
    }
    for (long q = 0; q < active; q++) act(slot + q, q);
    if (s.projected) project_output(slot, active);
  }

  template <int vectors>
  void add_recurrent(long u, long panels, long slot, long active) {
    constexpr long units = vectors * V::lanes, width = B::columns * units;
    const long next_sum = own.span * B::width, next_weights = B::units * B::gates * plan.output;
    T* const sums = own.pre + (u - first_block) * next_sum + slot * width + B::apart * units;
    const T* const weights = of(f.packed) + plan.at.hh;
    multiply<T, B::gates * vectors>({own.h_before, 1, 0, plan.output, weights + u * next_weights, sums, width, sums,
                                     width, next_weights, next_sum, next_sum, weights + first_block * next_weights},
                                    active, panels);
  }

  // The cell's equations for this member's units of one row, whose numbers lie side by side in all but pre.
  void act(long slot, long q) const {
    constexpr int planes = Cell::states - 1 + Cell::kept;
    const bool keep = keeps(), projected = s.projected, streams = plan.streams;
    T *plane[planes + 2], *after[Cell::states];
    const T *before[Cell::states], *const h_before = own.h_before[q];
    for (int n = 0; keep && n < planes + projected; n++) plane[n] = this->plane(n, own.here[slot]);
    for (int n = 1; n < Cell::states; n++) {
      before[n] = own.before[(n - 1) * own.rows + q];
      after[n] = own.after[(n - 1) * own.rows + q];
    }
    T* const shown = projected ? own.unprojected + q * plan.padded_hidden : own.shown[slot];
    for (long unit = first_block * B::units, end = to(s.hidden); unit < end; unit += V::lanes) {
      const long u = unit / B::units, units = B::held(u, s.hidden) * V::lanes, left = s.hidden - unit;
      const T* const pre =
          own.pre + (u - first_block) * own.span * B::width + slot * B::columns * units + unit % B::units;
      V in[B::columns], prev[Cell::states], next[Cell::states], kept[Cell::kept + 1], weight[Cell::vectors + 1];
#pragma GCC unroll 16
      for (int column = 0; column < B::columns; column++) in[column] = V::load(pre + column * units);
      if constexpr (Cell::reads_output || Cell::recurrence == Recurrence::diagonal)
        prev[0] = V::load(h_before + unit, left);
      if constexpr (Cell::recurrence == Recurrence::diagonal)
#pragma GCC unroll 16
        for (int g = 0; g < B::gates; g++)
          in[B::apart + g] =
              fma(V::load(of(f.packed) + plan.at.hh + u * B::units * B::gates + g * units + unit % B::units), prev[0],
                  in[B::apart + g]);
#pragma GCC unroll 16
      for (int n = 0; n < Cell::vectors; n++)
        weight[n] = V::load(of(f.packed) + plan.at.vectors + n * plan.blocks * B::units + unit);
#pragma GCC unroll 16
      for (int n = 1; n < Cell::states; n++) prev[n] = V::load(before[n] + unit);
      Cell::forward(in, prev, weight, next, kept);
#pragma GCC unroll 16
      for (int n = 1; n < Cell::states; n++) next[n].store(after[n] + unit);
      next[0].store(shown + unit, projected ? V::lanes : left);
      if (!keep) continue;
#pragma GCC unroll 16
      for (int k = 0; k < Cell::kept; k++) {
        T* const to = plane[Cell::states - 1 + k] + unit;
        streams ? kept[k].stream(to) : kept[k].store(to);
      }
      if (projected) next[0].store(plane[planes] + unit);
    }
  }

  void project_output(long slot, long active) {
    constexpr long width = panel_vectors * V::lanes;
    for (long q = 0; q < active; q++) own.inner[q] = own.unprojected + q * plan.padded_hidden;
    for (long first = 0; first < plan.output; first += width) {
      const long lanes = up(plan.output - first < width ? plan.output - first : width, V::lanes);
      const T* const weights = of(f.packed) + plan.at.hr + first * s.hidden;
      with_constant<panel_vectors>(int(lanes / V::lanes), [&](auto vectors) {
        multiply<T, vectors>({own.inner, 1, 0, s.hidden, weights, plan.zeros, 0, own.projected + first,
                              plan.padded_output, 0, 0, 0, weights},
                             active, 1);
      });
    }
    for (long q = 0; q < active; q++)
      std::memcpy(own.shown[slot + q], own.projected + q * plan.padded_output, size_t(plan.output) * sizeof(T));
  }

  // The last states, and zeros beyond each row's length.
  void finish() {
    for (long q = 0; q < share.count(); q++) {
      const long row = share.row(q), length = share.length(q), t = f.reverse ? 0 : length - 1;
      const T* const h =
          length ? of(f.output.data) + t * f.output.step + row * f.output.row : of(f.first[0]) + row * plan.output;
      const long end = s.projected ? plan.output : to(plan.output);
      copy(h, of(f.last[0]) + row * plan.output, from(), end);
      for (int n = 1; n < Cell::states; n++)
        copy(keeps() && length ? plane(n - 1, reading.place(t, row)) : state(n, row), of(f.last[n]) + row * s.hidden,
             from(), to(s.hidden));
      for (long t = length; t < s.steps; t++) clear(t, row, end);
    }
    drain();
  }

  void clear(long t, long row, long end) {
    fill(of(f.output.data) + t * f.output.step + row * f.output.row, from(), end);
    if (!f.zero_tails || !keeps()) return;
    const long planes = Cell::states - 1 + Cell::kept + (s.projected ? 1 : 0);
    for (int n = 0; n < planes; n++) fill(plane(n, reading.place(t, row)), from(), to(s.hidden));
  }

  static void copy(const T* source, T* target, long from, long to) {
    if (to > from && source != target) std::memcpy(target + from, source + from, size_t(to - from) * sizeof(T));
  }
  static void fill(T* target, long from, long to) {
    if (to > from) std::memset(target + from, 0, size_t(to - from) * sizeof(T));
  }
};

template <class Cell, class T>
void forward(const Forward& f) {
  Memory memory(f.scratch);
  ForwardPlan<Cell, T> plan(f, memory);
  plan.rows = in_order(f, plan.order);
  std::memset(plan.zeros, 0, size_t(plan.widest()) * sizeof(T));
  auto work = [&](Team& team, int member) { ForwardMember<Cell, T>(plan, team, member).run(); };
  together(plan.members, patience_for<Cell, T>(f.sizes), work);
}

}  // namespace keepgate::KEEPGATE_SET
