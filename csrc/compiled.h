// Compiled cells: the structs of cells/, generated from their equations, as programs that need no interpreter. A cell
// that mixes the units of a row brings its own loops over the row's vectors, with means over the row between them.
#pragma once
#include "interpreter.h"

namespace keepgate::KEEPGATE_SET {

#define KEEPGATE_LAMBDA __attribute__((always_inline))

template <class Cell>
constexpr bool loops_over_rows = requires { Cell::forward_keeps; };

// The first register of each kind, as program.h has them; last the temporaries that a loop over a row leaves to others.
template <class Cell, bool save>
struct ForwardRegisters {
  static constexpr bool saves = save;
  static constexpr int columns = Cell::gates + Cell::split, per_units = Cell::vectors + Cell::unit_inputs;
  static constexpr int pre = 0, prev = columns, per_unit = prev + Cell::states, next = per_unit + per_units;
  static constexpr int saved = next + Cell::states, bound = saved + (save ? Cell::saved : 0), kept = bound;
  static constexpr int keeps = [] {
    if constexpr (loops_over_rows<Cell>) return Cell::forward_keeps;
    return 0;
  }();
};

template <class Cell>
struct BackwardRegisters {
  static constexpr bool saves = true;
  static constexpr int vectors = Cell::vectors;
  static constexpr int columns = Cell::gates + Cell::split, per_units = Cell::vectors + Cell::unit_inputs;
  static constexpr int d_pre = 0, d_per_unit = columns, d_prev = d_per_unit + per_units;
  static constexpr int d_next = d_prev + Cell::states, saved = d_next + Cell::states, prev = saved + Cell::saved;
  static constexpr int next = prev + Cell::states, per_unit = next + Cell::states, bound = per_unit + per_units;
  static constexpr int kept = bound;
  static constexpr int keeps = [] {
    if constexpr (loops_over_rows<Cell>) return Cell::backward_keeps;
    return 0;
  }();
};

// One vector's place in a row, and the registers' numbers there.
template <class R, class T, bool partial>
struct Place {
  using V = Vec<T>;
  T* const* start;
  T* column;
  long row, spacing, unit, left;
  bool nontemporal;

  KEEPGATE_INLINE T* at(int reg) const { return reg < R::columns ? column + reg * spacing : start[reg] + unit; }
  KEEPGATE_INLINE V load(int reg) const { return partial ? V::load(at(reg), left) : V::load(at(reg)); }
  KEEPGATE_INLINE void store(int reg, V x, bool streams = false) const {
    if (partial) return x.store(at(reg), left);
    if (streams && nontemporal) return store_nontemporal(x, at(reg));
    x.store(at(reg));
  }
  // What stands beyond the row's last unit counts as zeros.
  KEEPGATE_INLINE V real(V x) const {
    if (!partial) return x;
    T numbers[V::lanes];
    x.store(numbers);
    return V::load(numbers, left);
  }

  struct Number {
    const Place& place;
    int reg;
    bool exists = true, streams = false, adds = false;
    KEEPGATE_INLINE operator V() const { return place.load(reg); }
    KEEPGATE_INLINE void operator=(V x) const {
      if (exists) place.store(reg, adds ? place.load(reg) + x : x, streams);
    }
  };
#define KEEPGATE_NUMBERS(name) \
  KEEPGATE_INLINE Number name(int n) const { return {*this, R::name + n}; }
  KEEPGATE_NUMBERS(pre);
  KEEPGATE_NUMBERS(prev);
  KEEPGATE_NUMBERS(per_unit);
  KEEPGATE_NUMBERS(next);
  KEEPGATE_NUMBERS(kept);
  KEEPGATE_NUMBERS(d_pre);
  KEEPGATE_NUMBERS(d_prev);
  KEEPGATE_NUMBERS(d_next);
#undef KEEPGATE_NUMBERS
  // The gradients of weights per unit are added to those of the steps after this one.
  KEEPGATE_INLINE Number d_per_unit(int n) const { return {*this, R::d_per_unit + n, true, false, n < R::vectors}; }
  KEEPGATE_INLINE Number saved(int n) const { return {*this, R::saved + n, R::saves, true}; }
};

// The vectors of the row-th row in every register. The first `columns` registers are columns of a panel, equally
// spaced; the vectors of the others are contiguous. The last vector of a row may be partial.
template <class R, class T>
class RowVectors {
  static constexpr int registers = R::bound + R::keeps;
  const Operand<T>* const operands;
  T* start[registers];
  const long row, spacing, column_step, units;
  const bool nontemporal;

 public:
  using V = Vec<T>;
  KEEPGATE_INLINE RowVectors(const Operand<T>* operands, long row, long units, bool nontemporal)
      : operands(operands),
        row(row),
        spacing(R::columns > 1 ? operands[1].data - operands[0].data : 0),
        column_step(operands[0].stride[1]),
        units(units),
        nontemporal(nontemporal) {
#pragma GCC unroll 128
    for (int reg = 0; reg < registers; reg++) start[reg] = operands[reg].data + row * operands[reg].stride[0];
  }
  KEEPGATE_INLINE void next_row() {
#pragma GCC unroll 128
    for (int reg = 0; reg < registers; reg++)
      if (reg == 0 || reg >= R::columns) start[reg] += operands[reg].stride[0];
  }
  // Calls f(place) for each vector.
  template <class F>
  KEEPGATE_INLINE void each(F f) const {
    T* column = start[0];
    long unit = 0;
    for (; unit + V::lanes <= units; unit += V::lanes, column += column_step)
      f(Place<R, T, false>{start, column, row, spacing, unit, 0, nontemporal});
    if (const long left = units - unit; left > 0)
      f(Place<R, T, true>{start, column, row, spacing, unit, left, nontemporal});
  }
};

// Rows for a cell that mixes the units of each. Each loop is over all of them, so that the next row's sums begin while
// those of one end; what is made of the sums is computed for as many rows at once as a vector has lanes.
template <class R, class T>
struct MixedRows {
  using V = Vec<T>;
  static constexpr long most = 16;
  const Operand<T>* operands;
  const long first, rows, units;
  const bool nontemporal;

  struct Numbers {  // one of each row
    T number[most] = {};
    KEEPGATE_INLINE V operator[](long r) const { return V::load(number + r); }
    template <bool partial>
    KEEPGATE_INLINE V operator[](const Place<R, T, partial>& at) const {
      return V(number[at.row % most]);
    }
  };

  // Calls f(place) for each vector.
  template <class F>
  KEEPGATE_INLINE void each(F f) const {
    for (long r = 0; r < rows; r++) RowVectors<R, T>(operands, first + r, units, nontemporal).each(f);
  }
  // Means over each row's units of the terms that f(place, terms) gives.
  template <int count, class F>
  KEEPGATE_INLINE void means(Numbers (&mean)[count], F f) const {
    for (long r = 0; r < rows; r++) {
      V sums[count];
      for (int i = 0; i < count; i++) sums[i] = V(T(0));
      RowVectors<R, T>(operands, first + r, units, nontemporal).each([&](auto at) KEEPGATE_LAMBDA {
        V terms[count];
        f(at, terms);
        for (int i = 0; i < count; i++) sums[i] = sums[i] + at.real(terms[i]);
      });
      for (int i = 0; i < count; i++) mean[i].number[r] = sum_of<T, V::lanes>(sums[i].v);
    }
    for (int i = 0; i < count; i++) mean[i] = numbers([&](long r) KEEPGATE_LAMBDA { return mean[i][r] / T(units); });
  }
  // The numbers that f(r) gives for the rows from r on.
  template <class F>
  KEEPGATE_INLINE Numbers numbers(F f) const {
    Numbers all;
    for (long r = 0; r < rows; r += V::lanes) f(r).store(all.number + r);
    return all;
  }
};

// Calls f(row) for each row.
template <class R, class T, class F>
KEEPGATE_INLINE void on_rows(const Operand<T>* registers, long rows, long units, bool nontemporal, F f) {
  RowVectors<R, T> row(registers, 0, units, nontemporal);
  for (long r = 0;;) {
    f(row);
    if (++r == rows) return;
    row.next_row();
  }
}

// Calls f(MixedRows) for some rows at a time.
template <class R, class T, class F>
KEEPGATE_INLINE void on_mixed_rows(const Operand<T>* registers, long rows, long units, bool nontemporal, F f) {
  constexpr long most = MixedRows<R, T>::most;
  for (long r = 0; r < rows; r += most)
    f(MixedRows<R, T>{registers, r, rows - r < most ? rows - r : most, units, nontemporal});
}

template <class Cell, class T, bool saves>
void forward_program(const Operand<T>* registers, long rows, long units, bool nontemporal) {
  using V = Vec<T>;
  using R = ForwardRegisters<Cell, saves>;
  if constexpr (loops_over_rows<Cell>)
    on_mixed_rows<R>(registers, rows, units, nontemporal,
                     [](const auto& some) KEEPGATE_LAMBDA { Cell::forward(some); });
  else
    on_rows<R>(registers, rows, units, nontemporal, [](const auto& row) KEEPGATE_LAMBDA {
      row.each([](const auto& at) KEEPGATE_LAMBDA {
        V pre[R::columns], prev[Cell::states], per_unit[R::per_units + 1], next[Cell::states], saved[Cell::saved + 1];
        for (int i = 0; i < R::columns; i++) pre[i] = at.load(R::pre + i);
        for (int n = 0; n < Cell::states; n++)
          if (Cell::reads[n]) prev[n] = at.load(R::prev + n);
        for (int n = 0; n < R::per_units; n++) per_unit[n] = at.load(R::per_unit + n);
        Cell::forward(pre, prev, per_unit, next, saved);
        for (int n = 0; n < Cell::states; n++) at.store(R::next + n, next[n]);
        for (int k = 0; k < R::bound - R::saved; k++) at.store(R::saved + k, saved[k], true);
      });
    });
}

template <class Cell, class T>
void backward_program(const Operand<T>* registers, long rows, long units, bool) {
  using V = Vec<T>;
  using R = BackwardRegisters<Cell>;
  if constexpr (loops_over_rows<Cell>)
    on_mixed_rows<R>(registers, rows, units, false, [](const auto& some) KEEPGATE_LAMBDA { Cell::backward(some); });
  else
    on_rows<R>(registers, rows, units, false, [](const auto& row) KEEPGATE_LAMBDA {
      row.each([](const auto& at) KEEPGATE_LAMBDA {
        V d_next[Cell::states], saved[Cell::saved + 1], prev[Cell::states], next[Cell::states];
        V per_unit[R::per_units + 1], d_pre[R::columns], d_prev[Cell::states], d_per_unit[R::per_units + 1];
        for (int n = 0; n < Cell::states; n++) d_next[n] = at.load(R::d_next + n), next[n] = at.load(R::next + n);
        for (int n = 0; n < Cell::states; n++)
          if (Cell::reads[n]) prev[n] = at.load(R::prev + n);
        for (int k = 0; k < Cell::saved; k++) saved[k] = at.load(R::saved + k);
        for (int n = 0; n < R::per_units; n++) per_unit[n] = at.load(R::per_unit + n);
        Cell::backward(d_next, saved, prev, next, per_unit, d_pre, d_prev, d_per_unit);
        for (int i = 0; i < R::columns; i++) at.store(R::d_pre + i, d_pre[i]);
        for (int n = 0; n < R::per_units; n++) at.d_per_unit(n) = d_per_unit[n];
        for (int n = 0; n < Cell::states; n++) at.store(R::d_prev + n, d_prev[n]);
      });
    });
}

template <class Cell>
constexpr CellProgram compiled_cell() {
  CellProgram cell = {};
  cell.name = Cell::name;
  cell.gates = Cell::gates, cell.states = Cell::states, cell.vectors = Cell::vectors, cell.saved = Cell::saved;
  cell.split = Cell::split, cell.dense = Cell::dense, cell.bias_hh = Cell::bias_hh;
  cell.recurrent_state = Cell::recurrent_state, cell.unit_inputs = Cell::unit_inputs;
  for (int i = 0; i < Cell::gates; i++) cell.wx_gates[i] = Cell::wx_gates[i], cell.uh_gates[i] = Cell::uh_gates[i];
  using F = ForwardRegisters<Cell, true>;
  using B = BackwardRegisters<Cell>;
  cell.infer.bound = F::saved, cell.forward.bound = F::bound, cell.backward.bound = B::bound;
  cell.infer.temporaries = cell.forward.temporaries = F::keeps, cell.backward.temporaries = B::keeps;
  cell.infer.whole_rows = cell.forward.whole_rows = cell.backward.whole_rows = loops_over_rows<Cell>;
  cell.infer.compiled_float = forward_program<Cell, float, false>;
  cell.infer.compiled_double = forward_program<Cell, double, false>;
  cell.forward.compiled_float = forward_program<Cell, float, true>;
  cell.forward.compiled_double = forward_program<Cell, double, true>;
  cell.backward.compiled_float = backward_program<Cell, float>;
  cell.backward.compiled_double = backward_program<Cell, double>;
  for (int n = 0; n < Cell::states; n++) {
    cell.infer.reads[F::prev + n] = cell.forward.reads[F::prev + n] = Cell::reads[n];
    cell.backward.reads[B::prev + n] = Cell::reads[n];
  }
  return cell;
}

}  // namespace keepgate::KEEPGATE_SET
