// Runs a program on rectangles of vectors: each instruction for all of them before the next.
#pragma once
#include "functions.h"
#include "program.h"

namespace keepgate::KEEPGATE_SET {

// The loop bounds, rows × vectors; `inner` is the longer side, and `outer` the other.
struct Rectangle {
  long sides[2];
  int inner, outer;

  Rectangle(long rows, long vectors) : sides{rows, vectors}, inner(vectors >= rows), outer(!inner) {}
};

template <int arguments, class T, class F>
KEEPGATE_INLINE void map(const Operand<T>* registers, const Instruction& op, const Rectangle& shape, F f) {
  using V = Vec<T>;
  const Operand<T>&to = registers[op.result], &a = registers[op.a], &b = registers[op.b], &c = registers[op.c];
  const long to_step = to.stride[shape.inner], a_step = a.stride[shape.inner], b_step = b.stride[shape.inner],
             c_step = c.stride[shape.inner];
  for (long i = 0; i < shape.sides[shape.outer]; i++) {
    T* out = to.data + i * to.stride[shape.outer];
    const T *x = a.data + i * a.stride[shape.outer], *y = b.data + i * b.stride[shape.outer],
            *z = c.data + i * c.stride[shape.outer];
    for (long j = 0; j < shape.sides[shape.inner]; j++, out += to_step, x += a_step, y += b_step, z += c_step)
      f(V::load(x), V::load(arguments > 1 ? y : x), V::load(arguments > 2 ? z : x)).store(out);
  }
}

template <class T, int lanes>
using Lanes __attribute__((vector_size(lanes * sizeof(T)))) = T;

// The sum of a register's numbers, by adding one half of them to the other.
template <class T, int lanes>
KEEPGATE_INLINE T sum_of(Lanes<T, lanes> x) {
  if constexpr (lanes == 2) {
    return x[0] + x[1];
  } else {
    Lanes<T, lanes / 2> half[2];
    std::memcpy(half, &x, sizeof half);
    return sum_of<T, lanes / 2>(half[0] + half[1]);
  }
}

// The means over each of `heads` parts of one row, in their units; the rest of the last vector is zero. A part may end
// inside a vector, so that units are added up one by one. `to` may be `from`.
template <class T>
void head_means(const Operand<T>& to, const Operand<T>& from, long row, long vectors, long units, long heads) {
  constexpr long lanes = Vec<T>::lanes;
  const auto at = [row](const Operand<T>& operand, long unit) -> T& {
    return operand.data[row * operand.stride[0] + unit / lanes * operand.stride[1] + unit % lanes];
  };
  const long size = units / heads;
  for (long head = 0; head < heads; head++) {
    T sum(0);
    for (long n = 0; n < size; n++) sum += at(from, head * size + n);
    for (long n = 0; n < size; n++) at(to, head * size + n) = sum / T(size);
  }
  for (long unit = units; unit < vectors * lanes; unit++) at(to, unit) = T(0);
}

// The mean over the first `units` of each row, in all of the row's vectors; with a second argument, the means over as
// many heads.
template <class T>
void row_mean(const Operand<T>* registers, const Instruction& op, long rows, long vectors, long units) {
  using V = Vec<T>;
  const Operand<T>&to = registers[op.result], &from = registers[op.a];
  const long heads = op.b == op.a ? 1 : long(registers[op.b].data[0]);
  for (long row = 0; row < rows; row++) {
    if (heads > 1) {
      head_means(to, from, row, vectors, units, heads);
      continue;
    }
    T* const out = to.data + row * to.stride[0];
    const T* const in = from.data + row * from.stride[0];
    V all(T(0));
    for (long v = 0; v < vectors; v++) all = all + V::load(in + v * from.stride[1], units - v * V::lanes);
    const V mean(sum_of<T, V::lanes>(all.v) / T(units));
    for (long v = 0; v < (to.stride[1] ? vectors : 1); v++) mean.store(out + v * to.stride[1]);
  }
}

// units: of each row, where the program has row_means.
template <class T>
void interpret(const Program& program, const Operand<T>* registers, const Rectangle& shape, long units) {
  using V = Vec<T>;
  const Rectangle row_numbers(shape.sides[0], 1);
  for (const Instruction* op = program.first; op != program.end; op++) {
    const Rectangle& part = op->result < program.first_row_temporary() ? shape : row_numbers;
#define KEEPGATE_CASE(arguments, name, value)                                                                    \
  case Operation::name:                                                                                          \
    map<arguments>(registers, *op, part, [](V a, [[maybe_unused]] V b, [[maybe_unused]] V c) { return value; }); \
    break;
    switch (op->operation) {
      KEEPGATE_OPERATIONS(KEEPGATE_CASE)
      case Operation::row_mean:
        row_mean(registers, *op, shape.sides[0], shape.sides[1], units);
        break;
      case Operation::count:
        break;
    }
#undef KEEPGATE_CASE
  }
}

}  // namespace keepgate::KEEPGATE_SET
