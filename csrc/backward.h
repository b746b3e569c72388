// A whole sequence backward, for any cell: blocks of steps from the last to the first. In each block first the
// gradients of what went into the equations, step by step; then, from those of all its steps at once, the inputs' and
// the weights'.
#pragma once
#include "forward.h"

namespace keepgate::KEEPGATE_SET {

template <class Cell, class T>
struct BackwardPlan {
  using B = Block<Cell, T>;
  using V = Vec<T>;
  static constexpr bool dense = Cell::recurrence == Recurrence::dense;
  static constexpr long width =
      B::width + Cell::vectors * B::units;  // of a row of gradients: columns, weights per unit
  static constexpr long gate_width = B::gates * B::units;
  static constexpr long tile_height = 48, panel = panel_vectors * V::lanes;
  static constexpr long few = 96;  // rows of d that the fastest cache holds while all tiles of a block read them

  const Backward& b;
  const Forward& f;
  const long blocks, output, padded_hidden, padded_output, padded_input, widest, span;
  const int members;
  char* order;
  T* zeros;
  T* carry[max_states];  // [rows][widest]: the gradient that reaches the state before the step at hand, rows in order
  T* first[max_states];  // [rows][padded hidden]: the states before the first step
  T* d;  // [blocks][span][width]
  // For each row of each step of a block, [span]: its input, its states before, the output, the state that was
  // projected, the gradient from outside, where the input's gradient goes, its place among [steps · rows].
  const T **x, **h_before, **before, **shown, **inner, **d_output;
  T** d_x;
  long* here;
  T* d_projected;  // [span][padded output]
  T* d_inner;  // [rows][padded hidden]
  T *to_before, *to_x, *to_inner;  // weights, packed for the way back
  T *d_ih, *d_hh, *d_sums, *d_hr;  // gradients of weights, packed; sums over rows of d
  const T** a;  // [members][rows]
  long* mine;  // [members][span]
  T* tile;  // [members][tile_height][panel]
  Rows rows{};

  BackwardPlan(const Backward& b, Memory& m)
      : b(b),
        f(b.forward),
        blocks(B::count(f.sizes.hidden)),
        output(f.sizes.projected ? f.sizes.projected : f.sizes.hidden),
        padded_hidden(padded_units<Cell, T>(f.sizes.hidden)),
        padded_output(padded_columns<T>(output)),
        padded_input(padded_columns<T>(f.sizes.input)),
        widest(larger(larger(padded_hidden, padded_columns<T>(f.sizes.hidden)), padded_output)),
        span(span_of(f.sizes)),
        members(members_for<Cell, T>(f.sizes, f.threads)) {
    const Sizes& s = f.sizes;
    const long units = blocks * B::units, projects = s.projected != 0;
    order = m.template take<char>(long(order_bytes(s.rows)));
    zeros = m.template take<T>(widest);
    for (int n = 0; n < Cell::states; n++) carry[n] = m.template take<T>(s.rows * widest);
    for (int n = 1; n < Cell::states; n++) first[n] = m.template take<T>(s.rows * padded_hidden);
    d = m.template take<T>(blocks * span * width);
    const T*** const lists[] = {&x, &h_before, &shown, &inner, &d_output};
    for (const T*** list : lists) *list = m.template take<const T*>(span);
    before = m.template take<const T*>((Cell::states - 1) * span);
    d_x = m.template take<T*>(span);
    here = m.template take<long>(span);
    d_projected = m.template take<T>(projects * span * padded_output);
    d_inner = m.template take<T>(projects * s.rows * padded_hidden);
    to_before = m.template take<T>(dense ? blocks * gate_width * padded_output : 0);
    to_x = m.template take<T>(b.d_x.data ? blocks * gate_width * padded_input : 0);
    to_inner = m.template take<T>(s.projected * padded_columns<T>(s.hidden));
    d_ih = m.template take<T>(b.d_weight_ih ? units * B::gates * s.input : 0);
    d_hh = m.template take<T>(b.d_weight_hh ? units * B::gates * (dense ? output : 1) : 0);
    d_sums = m.template take<T>(blocks * width);
    d_hr = m.template take<T>(b.d_weight_hr ? padded_output * s.hidden : 0);
    a = m.template take<const T*>(members * s.rows);
    mine = m.template take<long>(members * span);
    tile = m.template take<T>(members * tile_height * panel);
  }

  static long larger(long a, long b) { return a > b ? a : b; }
  // Rows of all the steps of a block: enough to pay for reading and writing the gradients of the weights once.
  static long span_of(const Sizes& s) {
    const long enough = 192;
    return s.rows > enough ? s.rows : enough;
  }
};

template <class Cell, class T>
class BackwardMember {
  using V = Vec<T>;
  using B = Block<Cell, T>;
  using Plan = BackwardPlan<Cell, T>;
  static constexpr bool dense = Plan::dense;
  static constexpr long lanes = V::lanes, width = Plan::width, gate_width = Plan::gate_width;

 public:
  BackwardMember(const Plan& plan, Team& team, int member)
      : p(plan),
        b(plan.b),
        f(plan.f),
        s(f.sizes),
        team(team),
        member(member),
        units_split(by_units<Cell, T>(s, team.size)),
        reading{f},
        share(units_split ? Share::all(plan.rows) : Share::part(plan.rows, member, team.size)),
        listed(units_split ? Share::dealt(plan.rows, member, team.size) : share),
        first_block(units_split ? part(p.blocks, member) : 0),
        end_block(units_split ? part(p.blocks, member + 1) : p.blocks),
        a(plan.a + member * s.rows),
        mine(plan.mine + member * p.span) {}

  void run() {
    begin();
    team.barrier(member);
    long active = 0;
    for (long end = p.rows.longest(); end > 0;) {
      long start = end, slots = 0;
      for (long now = active; start > 0; start--, slots += now) {
        now = reached(now, start - 1);
        if (start < end && slots + now > p.span) break;
      }
      list(start, end, active);
      if (units_split) team.barrier(member);
      for (long step = end - 1, slot = 0; step >= start; step--, slot += active) {
        active = reached(active, step);
        retreat(step, slot, share.reached(active));
      }
      if (units_split) team.barrier(member);
      gradients_of_inputs();
      if (!units_split) team.barrier(member);
      gradients_of_weights(slots);
      team.barrier(member);
      end = start;
    }
    finish();
  }

 private:
  const Plan& p;
  const Backward& b;
  const Forward& f;
  const Sizes& s;
  Team& team;
  const int member;
  const bool units_split;
  const Reading reading;
  const Share share, listed;  // the rows whose steps this member takes back, and those that it lists
  const long first_block, end_block;
  const T** const a;
  long *const mine, listed_slots = 0;  // the slots that it listed

  static const T* of(const void* p) { return static_cast<const T*>(p); }
  static T* of(void* p) { return static_cast<T*>(p); }
  long part(long n, long member) const { return n * member / team.size; }
  // How many rows are read at a step, given how many are at a later one.
  long reached(long active, long step) const {
    while (active < p.rows.count && p.rows.length[active] > step) active++;
    return active;
  }
  T* carry(int n, long r) const { return p.carry[n] + r * p.widest; }
  T* d(long u, long slot) const { return p.d + (u * p.span + slot) * width; }
  const T* plane(int n, long here) const { return of(f.planes[n]) + here * padded(s.hidden, f.type); }
  // This member's vectors of a row of so many numbers.
  long from() const { return first_block * B::vectors; }
  long to(long numbers) const {
    const long all = (numbers + lanes - 1) / lanes;
    return end_block < p.blocks && end_block * B::vectors < all ? end_block * B::vectors : all;
  }

  void begin() {
    pack_back();
    for (long q = 0; q < share.count(); q++) {
      const long r = share.place(q), row = share.row(q);
      for (int n = 0; n < Cell::states; n++) {
        const long units = n ? s.hidden : p.output;
        for (long j = from() * lanes; j < (units_split ? end_block * B::units : p.widest); j += lanes) {
          const long left = units - j > 0 ? units - j : 0;
          (b.d_last[n] ? V::load(of(b.d_last[n]) + row * units + j, left) : V(T(0))).store(carry(n, r) + j);
          if (n && j < p.padded_hidden)
            V::load(of(f.first[n]) + row * units + j, left).store(p.first[n] + row * p.padded_hidden + j);
        }
      }
    }
    const auto clear = [&](T* sums, long numbers) {
      if (numbers)
        std::memset(sums + part(numbers, member), 0,
                    size_t(part(numbers, member + 1) - part(numbers, member)) * sizeof(T));
    };
    const long rows = p.blocks * B::units * B::gates;
    clear(p.d_sums, p.blocks * width);
    clear(p.d_ih, b.d_weight_ih ? rows * s.input : 0);
    clear(p.d_hh, b.d_weight_hh ? rows * (dense ? p.output : 1) : 0);
    clear(p.d_hr, b.d_weight_hr ? p.padded_output * s.hidden : 0);
  }

  void pack_back() {
    const long outputs = to(p.output), panels = (outputs + panel_vectors - 1) / panel_vectors,
               inputs = (s.input + lanes - 1) / lanes;
    const long first = units_split ? from() : part(panels, member) * panel_vectors,
               last = part(panels, member + 1) * panel_vectors;
    if constexpr (dense)
      pack_rows(of(b.weights.weight_hh), p.output, Cell::uh_gates, first,
                units_split || last > outputs ? outputs : last, p.to_before);
    if (b.d_x.data)
      pack_rows(of(b.weights.weight_ih), s.input, Cell::wx_gates, part(inputs, member), part(inputs, member + 1),
                p.to_x);
    if (!s.projected || member > 0) return;
    columns(0, (s.hidden + lanes - 1) / lanes, [&](auto vectors, long c, long panels) {
      for (T* at = p.to_inner + c * lanes * s.projected; panels > 0; panels--, c += vectors)
        for (long i = 0; i < s.projected; i++)
          for (long v = c; v < c + vectors; v++, at += lanes)
            V::load(of(b.weights.weight_hr) + i * s.hidden + v * lanes, s.hidden - v * lanes).store(at);
    });
  }

  // Rows of a matrix [gates · hidden, columns], in the order of d, as panels of the columns' vectors [from, to).
  void pack_rows(const T* matrix, long numbers, const int* order, long from, long to, T* out) const {
    for (long c = from; c < to; c += panel_vectors) {
      const long end = to - c < panel_vectors ? to : c + panel_vectors;
      T* at = out + c * lanes * p.blocks * gate_width;
      for (long u = 0; u < p.blocks; u++)
        for (int g = 0; g < B::gates; g++)
          for (long unit = u * B::units; unit < (u + 1) * B::units; unit++)
            for (long v = c; v < end; v++, at += lanes)
              (unit < s.hidden
                   ? V::load(matrix + (order[g] * s.hidden + unit) * numbers + v * lanes, numbers - v * lanes)
                   : V(T(0)))
                  .store(at);
    }
  }

  // Vectors [from, to) of columns as panels: f(width of the panels, first vector, how many of them).
  template <class F>
  static KEEPGATE_INLINE void columns(long from, long to, F f) {
    const long whole = (to - from) / panel_vectors, rest = (to - from) % panel_vectors;
    if (whole > 0) f(std::integral_constant<int, panel_vectors>{}, from, whole);
    if (rest > 0) with_constant<panel_vectors>(int(rest), [&](auto vectors) { f(vectors, to - rest, 1L); });
  }

  // Where everything lies that steps [start, end) read; the last step comes first.
  void list(long start, long end, long active) {
    listed_slots = 0;
    for (long step = end - 1, slot = 0; step >= start; step--, slot += active) {
      active = reached(active, step);
      for (long q = 0, count = listed.reached(active); q < count; q++) {
        mine[listed_slots++] = slot + listed.place(q);
        place(step, slot + listed.place(q), listed.row(q), listed.length(q));
      }
    }
  }

  void place(long step, long slot, long row, long length) {
    const long t = reading.time(step, length), before = reading.before(t);
    const bool cleared = reading.cleared(t, row, length);
    p.x[slot] = of(f.x.data) + t * f.x.step + row * f.x.row;
    p.here[slot] = reading.place(t, row);
    p.h_before[slot] = cleared     ? p.zeros
                       : step == 0 ? of(f.first[0]) + row * p.output
                                   : of(f.output.data) + before * f.output.step + row * f.output.row;
    for (int n = 1; n < Cell::states; n++)
      p.before[(n - 1) * p.span + slot] = cleared     ? p.zeros
                                          : step == 0 ? p.first[n] + row * p.padded_hidden
                                                      : plane(n - 1, reading.place(before, row));
    p.shown[slot] = of(f.output.data) + t * f.output.step + row * f.output.row;
    if (b.d_output.data) p.d_output[slot] = of(b.d_output.data) + t * b.d_output.step + row * b.d_output.row;
    if (b.d_x.data) p.d_x[slot] = of(b.d_x.data) + t * b.d_x.step + row * b.d_x.row;
    if (s.projected) p.inner[slot] = plane(Cell::states - 1 + Cell::kept, p.here[slot]);
  }

  // From the gradients of the states after a step to those of the states before it.
  void retreat(long step, long slot, long active) {
    if (s.projected) through_projection(slot, active);
    for (long q = 0; q < active; q++) act(slot + share.place(q), share.place(q));
    if constexpr (dense) {
      if (units_split) team.barrier(member);
      for (long q = 0; q < active; q++) a[q] = d(0, slot + share.place(q)) + B::apart * B::units;
      columns(from(), to(p.output), [&](auto vectors, long c, long panels) {
        T* const sum = carry(0, share.first) + c * lanes;
        const long row = share.stride * p.widest, next = vectors * lanes, k = p.blocks * gate_width;
        multiply<T, vectors>(
            {a, p.blocks, p.span * width, gate_width, p.to_before + c * lanes * k, s.projected ? p.zeros : sum,
             s.projected ? 0 : row, sum, row, next * k, s.projected ? 0 : next, next, p.to_before + from() * lanes * k},
            active, panels);
      });
    }
    for (long q = 0; f.resets && q < active; q++) {
      const long length = share.length(q);
      if (!reading.cleared(reading.time(step, length), share.row(q), length)) continue;
      for (int n = 0; n < Cell::states; n++)
        for (long c = from(); c < to(n ? s.hidden : p.output); c++) V(T(0)).store(carry(n, share.place(q)) + c * lanes);
    }
  }

  void through_projection(long slot, long active) {
    for (long q = 0; q < active; q++) {
      const long r = share.place(q);
      T* const sum = p.d_projected + (slot + r) * p.padded_output;
      for (long j = 0; j < p.padded_output; j += lanes) {
        V given = T(0);
        if (b.d_output.data && j < p.output) given = V::load(p.d_output[slot + r] + j, p.output - j);
        (V::load(carry(0, r) + j) + given).store(sum + j);
      }
      a[q] = sum;
    }
    columns(0, (s.hidden + lanes - 1) / lanes, [&](auto vectors, long c, long panels) {
      const long next = vectors * lanes, row = share.stride * p.padded_hidden;
      multiply<T, vectors>(
          {a, 1, 0, s.projected, p.to_inner + c * lanes * s.projected, p.zeros, 0,
           p.d_inner + share.first * p.padded_hidden + c * lanes, row, next * s.projected, 0, next, p.to_inner},
          active, panels);
    });
  }

  // The cell's derivatives for this member's units of one row, whose numbers lie side by side in all but d.
  void act(long at, long r) const {
    constexpr int planes = Cell::states - 1 + Cell::kept;
    const bool projected = s.projected, given = b.d_output.data && !projected;
    const T *plane[planes + 1], *before[Cell::states];
    T* carry[Cell::states];
    for (int n = 0; n < planes; n++) plane[n] = this->plane(n, p.here[at]);
    for (int n = 0; n < Cell::states; n++) carry[n] = this->carry(n, r);
    for (int n = 1; n < Cell::states; n++) before[n] = p.before[(n - 1) * p.span + at];
    const T *const d_inner = p.d_inner + r * p.padded_hidden, *const shown = projected ? p.inner[at] : p.shown[at];
    const T *const h_before = p.h_before[at], *const d_output = p.d_output[at];
    for (long unit = first_block * B::units; unit < end_block * B::units; unit += lanes) {
      const long left = s.hidden - unit;
      T* const to = d(unit / B::units, at) + unit % B::units;
      if (left <= 0) {  // the last block's columns without units
        for (long j = 0; j < width; j += B::units) V(T(0)).store(to + j);
        continue;
      }
      V d_next[Cell::states], kept[Cell::kept + 1], prev[Cell::states], next[Cell::states], weight[Cell::vectors + 1];
      V d_pre[B::columns], d_prev[Cell::states], d_weight[Cell::vectors + 1];
      d_next[0] = projected ? V::load(d_inner + unit) : V::load(carry[0] + unit);
      if (given) d_next[0] = d_next[0] + V::load(d_output + unit, left);
      next[0] = V::load(shown + unit, projected ? lanes : left);
      if constexpr (Cell::reads_output || Cell::recurrence == Recurrence::diagonal)
        prev[0] = V::load(h_before + unit, left);
#pragma GCC unroll 16
      for (int n = 1; n < Cell::states; n++) {
        d_next[n] = V::load(carry[n] + unit);
        prev[n] = V::load(before[n] + unit);
        next[n] = V::load(plane[n - 1] + unit);
      }
#pragma GCC unroll 16
      for (int k = 0; k < Cell::kept; k++) kept[k] = V::load(plane[Cell::states - 1 + k] + unit);
#pragma GCC unroll 16
      for (int n = 0; n < Cell::vectors; n++) weight[n] = V::load(of(b.weights.vectors[n]) + unit, left);
      Cell::backward(d_next, kept, prev, next, weight, d_pre, d_prev, d_weight);
      if constexpr (Cell::recurrence == Recurrence::diagonal)
#pragma GCC unroll 16
        for (int g = 0; g < B::gates; g++)
          d_prev[0] = fma(V::load(of(b.weights.weight_hh) + Cell::uh_gates[g] * s.hidden + unit, left),
                          d_pre[B::apart + g], d_prev[0]);
#pragma GCC unroll 16
      for (int column = 0; column < B::columns; column++) d_pre[column].store(to + column * B::units);
#pragma GCC unroll 16
      for (int n = 0; n < Cell::vectors; n++) d_weight[n].store(to + B::width + n * B::units);
#pragma GCC unroll 16
      for (int n = 0; n < Cell::states; n++)
        if (n || !projected) d_prev[n].store(carry[n] + unit);
    }
  }

  void gradients_of_inputs() {
    if (!b.d_x.data) return;
    T* const tile = p.tile + member * Plan::tile_height * Plan::panel;
    const T* rows[Plan::tile_height];
    const long inputs = (s.input + lanes - 1) / lanes, k = p.blocks * gate_width;
    for (long first = 0; first < listed_slots; first += Plan::tile_height) {
      const long count = listed_slots - first < Plan::tile_height ? listed_slots - first : Plan::tile_height;
      for (long i = 0; i < count; i++) rows[i] = d(0, mine[first + i]);
      for (int m = 0; m < team.size; m++)  // the panels were packed by parts, one for each member
        for (long c = part(inputs, m), last = part(inputs, m + 1); c < last; c += panel_vectors)
          with_constant<panel_vectors>(int(last - c), [&](auto vectors) {
            multiply<T, vectors>({rows, p.blocks, p.span * width, gate_width, p.to_x + c * lanes * k, p.zeros, 0, tile,
                                  vectors * lanes, 0, 0, 0, p.to_x + (c + vectors) * lanes * k},
                                 count, 1);
            for (long i = 0; i < count; i++)
              for (int v = 0; v < vectors; v++)
                V::load(tile + (i * vectors + v) * lanes)
                    .store(p.d_x[mine[first + i]] + (c + v) * lanes, s.input - (c + v) * lanes);
          });
    }
  }

  void gradients_of_weights(long slots) {
    // Each member takes an equal part of all rows of all blocks' gradients: of a block first the inputs', then the
    // states'.
    const long ih = b.d_weight_ih ? s.input : 0, hh = dense && b.d_weight_hh ? p.output : 0, each = ih + hh;
    for (long at = part(p.blocks * each, member), end = part(p.blocks * each, member + 1); at < end;) {
      const long u = at / each, i = at % each, stop = (i < ih ? ih : each) - i,
                 count = stop < end - at ? stop : end - at;
      const T* const* const rows = i < ih ? p.x : p.h_before;
      const T* const columns = d(u, 0) + (i < ih ? 0 : B::apart * B::units);
      T* const sums = i < ih ? p.d_ih + u * s.input * gate_width : p.d_hh + u * p.output * gate_width;
      const long from = i < ih ? i : i - ih;
      for (long slot = 0; slot < slots; slot += Plan::few) {
        const long now = slots - slot < Plan::few ? slots - slot : Plan::few;
        add_outer<T, B::gates * B::vectors>({rows + slot, now, columns + slot * width, width, sums}, from,
                                            from + count);
      }
      at += count;
    }
    for (long u = part(p.blocks, member); u < part(p.blocks, member + 1); u++) add_sums(u, slots);
    if (!b.d_weight_hr) return;
    columns(0, p.padded_output / lanes, [&](auto vectors, long c, long panels) {
      for (; panels > 0; panels--, c += vectors)
        add_outer<T, vectors>(
            {p.inner, slots, p.d_projected + c * lanes, p.padded_output, p.d_hr + c * lanes * s.hidden},
            part(s.hidden, member), part(s.hidden, member + 1));
    });
  }

  void add_sums(long u, long slots) {
    for (long j = 0; j < width; j += lanes) {
      V sum = V::load(p.d_sums + u * width + j);
      for (long slot = 0; slot < slots; slot++) sum = sum + V::load(d(u, slot) + j);
      sum.store(p.d_sums + u * width + j);
    }
    if constexpr (Cell::recurrence == Recurrence::diagonal)
      for (long j = 0; b.d_weight_hh && j < gate_width; j += lanes) {
        const long unit = u * B::units + j % B::units;
        V sum = V::load(p.d_hh + u * gate_width + j);
        for (long slot = 0; unit < s.hidden && slot < slots; slot++)
          sum = fma(V::load(p.h_before[slot] + unit, s.hidden - unit), V::load(d(u, slot) + B::apart * B::units + j),
                    sum);
        sum.store(p.d_hh + u * gate_width + j);
      }
  }

  // What was wanted, in the caller's own order.
  void finish() {
    for (long q = 0; q < share.count(); q++) {
      const long r = share.place(q), row = share.row(q);
      for (int n = 0; n < Cell::states; n++) {
        const long units = n ? s.hidden : p.output;
        for (long c = from(); b.d_first[n] && c < to(units); c++)
          V::load(carry(n, r) + c * lanes).store(of(b.d_first[n]) + row * units + c * lanes, units - c * lanes);
      }
    }
    for (long r = member; b.d_x.data && r < s.rows; r += team.size)
      for (long t = p.rows.length[r]; t < s.steps; t++)
        std::memset(of(b.d_x.data) + t * b.d_x.step + p.rows.row[r] * b.d_x.row, 0, size_t(s.input) * sizeof(T));
    for (long u = part(p.blocks, member); u < part(p.blocks, member + 1); u++) unpack(u);
    if (b.d_weight_hr && member == 0) unpack_projection();
  }

  void unpack(long u) {
    const long inner = dense ? p.output : 1;
    const auto to = [&](void* wanted, const T* packed, long inner, const int* order) {
      if (wanted)
        unpack_block<Cell>(packed + u * inner * gate_width, inner, s.hidden, order, u, B::vectors, of(wanted));
    };
    to(b.d_weight_ih, p.d_ih, s.input, Cell::wx_gates);
    to(b.d_weight_hh, p.d_hh, inner, Cell::uh_gates);
    const T* const sums = p.d_sums + u * width;
    to(b.d_bias_ih, sums - u * gate_width, 1, Cell::wx_gates);
    to(b.d_bias_hh, sums + B::apart * B::units - u * gate_width, 1, Cell::uh_gates);
    for (int n = 0; n < Cell::vectors; n++)
      for (long unit = u * B::units; b.d_vectors[n] && unit < (u + 1) * B::units && unit < s.hidden; unit++)
        of(b.d_vectors[n])[unit] = sums[B::width + n * B::units + unit - u * B::units];
  }

  void unpack_projection() {
    columns(0, p.padded_output / lanes, [&](auto vectors, long c, long panels) {
      for (; panels > 0; panels--, c += vectors)
        for (long i = c * lanes; i < (c + vectors) * lanes && i < p.output; i++)
          for (long j = 0; j < s.hidden; j++)
            of(b.d_weight_hr)[i * s.hidden + j] = p.d_hr[c * lanes * s.hidden + j * vectors * lanes + i - c * lanes];
    });
  }
};

template <class Cell, class T>
void backward(const Backward& b) {
  Memory memory(b.scratch);
  BackwardPlan<Cell, T> plan(b, memory);
  plan.rows = in_order(b.forward, plan.order);
  std::memset(plan.zeros, 0, size_t(plan.widest) * sizeof(T));
  auto work = [&](Team& team, int member) { BackwardMember<Cell, T>(plan, team, member).run(); };
  together(plan.members, patience_for<Cell, T>(b.forward.sizes), work);
}

}  // namespace keepgate::KEEPGATE_SET
