// Compiled cells: the structs of cells/, generated from their equations, as programs that need no interpreter.
#pragma once
#include "interpreter.h"

namespace keepgate::KEEPGATE_SET {

// Calls f(load, store) for each vector of `rows` rows of `units` units: load(reg) is the vector that a register has
// there, store(reg, x, nontemporal) writes it. The last of a row may be partial. The first `columns` registers are
// columns of a panel, equally spaced; the vectors of the others are contiguous.
template <int columns, int registers, class T, class F>
KEEPGATE_INLINE void on_vectors(const Operand<T>* operands, long rows, long units, F f) {
  using V = Vec<T>;
  const long spacing = columns > 1 ? operands[1].data - operands[0].data : 0, column_step = operands[0].stride[1];
  T* start[registers];
#pragma GCC unroll 64
  for (int reg = 0; reg < registers; reg++) start[reg] = operands[reg].data;
  for (long row = 0;;) {
    T* column = start[0];
    long unit = 0;
    const auto at = [&](int reg) __attribute__((always_inline)) {
      return reg < columns ? column + reg * spacing : start[reg] + unit;
    };
    const auto load = [&](int reg) __attribute__((always_inline)) { return V::load(at(reg)); };
    const auto store = [&](int reg, V x, bool nontemporal) __attribute__((always_inline)) {
      nontemporal ? store_nontemporal(x, at(reg)) : x.store(at(reg));
    };
    for (; unit + V::lanes <= units; unit += V::lanes, column += column_step) f(load, store);
    if (const long left = units - unit; left > 0)
      f([&](int reg) { return V::load(at(reg), left); }, [&](int reg, V x, bool) { x.store(at(reg), left); });
    if (++row == rows) return;
#pragma GCC unroll 64
    for (int reg = 0; reg < registers; reg++)
      if (reg == 0 || reg >= columns) start[reg] += operands[reg].stride[0];
  }
}

template <class Cell, class T, bool saves>
void forward_program(const Operand<T>* registers, long rows, long units, bool nontemporal) {
  using V = Vec<T>;
  constexpr int columns = Cell::gates + Cell::split, per_units = Cell::vectors + Cell::unit_inputs;
  constexpr int first_per_unit = columns + Cell::states, first_next = first_per_unit + per_units;
  constexpr int first_saved = first_next + Cell::states, bound = first_saved + (saves ? Cell::saved : 0);
  on_vectors<columns, bound>(registers, rows, units, [&](auto load, auto store) __attribute__((always_inline)) {
    V pre[columns], prev[Cell::states], per_unit[per_units + 1], next[Cell::states], saved[Cell::saved + 1];
    for (int i = 0; i < columns; i++) pre[i] = load(i);
    for (int n = 0; n < Cell::states; n++)
      if (Cell::reads[n]) prev[n] = load(columns + n);
    for (int n = 0; n < per_units; n++) per_unit[n] = load(first_per_unit + n);
    Cell::forward(pre, prev, per_unit, next, saved);
    for (int n = 0; n < Cell::states; n++) store(first_next + n, next[n], false);
    for (int k = 0; k < bound - first_saved; k++) store(first_saved + k, saved[k], nontemporal);
  });
}

template <class Cell, class T>
void backward_program(const Operand<T>* registers, long rows, long units, bool) {
  using V = Vec<T>;
  constexpr int columns = Cell::gates + Cell::split, per_units = Cell::vectors + Cell::unit_inputs;
  constexpr int first_d_prev = columns + per_units, first_d_next = first_d_prev + Cell::states;
  constexpr int first_saved = first_d_next + Cell::states, first_prev = first_saved + Cell::saved;
  constexpr int first_next = first_prev + Cell::states, first_per_unit = first_next + Cell::states;
  constexpr int bound = first_per_unit + per_units;
  on_vectors<columns + Cell::vectors, bound>(
      registers, rows, units, [&](auto load, auto store) __attribute__((always_inline)) {
        V d_next[Cell::states], saved[Cell::saved + 1], prev[Cell::states], next[Cell::states], per_unit[per_units + 1];
        V d_pre[columns], d_prev[Cell::states], d_per_unit[per_units + 1];
        for (int n = 0; n < Cell::states; n++) d_next[n] = load(first_d_next + n), next[n] = load(first_next + n);
        for (int n = 0; n < Cell::states; n++)
          if (Cell::reads[n]) prev[n] = load(first_prev + n);
        for (int k = 0; k < Cell::saved; k++) saved[k] = load(first_saved + k);
        for (int n = 0; n < per_units; n++) per_unit[n] = load(first_per_unit + n);
        Cell::backward(d_next, saved, prev, next, per_unit, d_pre, d_prev, d_per_unit);
        for (int i = 0; i < columns; i++) store(i, d_pre[i], false);
        for (int n = 0; n < per_units; n++) store(columns + n, d_per_unit[n], false);
        for (int n = 0; n < Cell::states; n++) store(first_d_prev + n, d_prev[n], false);
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
  const int columns = Cell::gates + Cell::split, per_unit = Cell::vectors + Cell::unit_inputs;
  const int inputs = columns + Cell::states + per_unit;
  cell.infer.bound = inputs + Cell::states, cell.forward.bound = cell.infer.bound + Cell::saved;
  cell.backward.bound = inputs + 2 * Cell::states + Cell::saved + per_unit + Cell::states;
  cell.infer.compiled_float = forward_program<Cell, float, false>;
  cell.infer.compiled_double = forward_program<Cell, double, false>;
  cell.forward.compiled_float = forward_program<Cell, float, true>;
  cell.forward.compiled_double = forward_program<Cell, double, true>;
  cell.backward.compiled_float = backward_program<Cell, float>;
  cell.backward.compiled_double = backward_program<Cell, double>;
  for (int n = 0; n < Cell::states; n++) {
    cell.infer.reads[columns + n] = cell.forward.reads[columns + n] = Cell::reads[n];
    cell.backward.reads[inputs + Cell::states + Cell::saved + n] = Cell::reads[n];
  }
  return cell;
}

}  // namespace keepgate::KEEPGATE_SET
