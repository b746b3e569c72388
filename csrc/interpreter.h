// Runs a program on rectangles of vectors: each instruction for all of them before the next.
#pragma once
#include "functions.h"
#include "program.h"

namespace keepgate::KEEPGATE_SET {

// What a register stands for: a vector of units for each row of a rectangle and each place in the row.
template <class T>
struct Operand {
  T* at;
  long stride[2];  // from row to row, from vector to vector
};

// So many rows of so many vectors; `inner` is the longer side, and `outer` the other.
struct Rectangle {
  long sides[2];
  int inner, outer;

  Rectangle(long rows, long vectors) : sides{rows, vectors}, inner(vectors >= rows), outer(!inner) {}
};

template <int arguments, class T, class F>
KEEPGATE_INLINE void each(const Operand<T>* registers, const Instruction& now, const Rectangle& size, F f) {
  using V = Vec<T>;
  const Operand<T>&to = registers[now.result], &a = registers[now.a], &b = registers[now.b], &c = registers[now.c];
  const long to_step = to.stride[size.inner], a_step = a.stride[size.inner], b_step = b.stride[size.inner],
             c_step = c.stride[size.inner];
  for (long i = 0; i < size.sides[size.outer]; i++) {
    T* out = to.at + i * to.stride[size.outer];
    const T *x = a.at + i * a.stride[size.outer], *y = b.at + i * b.stride[size.outer],
            *z = c.at + i * c.stride[size.outer];
    for (long j = 0; j < size.sides[size.inner]; j++, out += to_step, x += a_step, y += b_step, z += c_step)
      f(V::load(x), V::load(arguments > 1 ? y : x), V::load(arguments > 2 ? z : x)).store(out);
  }
}

template <class T>
void interpret(const Program& program, const Operand<T>* registers, const Rectangle& size) {
  using V = Vec<T>;
  for (const Instruction* now = program.first; now != program.end; now++) {
#define KEEPGATE_CASE(arguments, name, value)                                                                      \
  case Operation::name:                                                                                            \
    each<arguments>(registers, *now, size, [](V a, [[maybe_unused]] V b, [[maybe_unused]] V c) { return value; }); \
    break;
    switch (now->operation) {
      KEEPGATE_OPERATIONS(KEEPGATE_CASE)
      case Operation::count:
        break;
    }
#undef KEEPGATE_CASE
  }
}

}  // namespace keepgate::KEEPGATE_SET
