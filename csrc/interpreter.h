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
    for (long j = 0; j < size.sides[size.inner]; j++, out += to_step, x += a_step, y += b_step, z += c_step) {
      if constexpr (arguments == 1) f(V::load(x)).store(out);
      if constexpr (arguments == 2) f(V::load(x), V::load(y)).store(out);
      if constexpr (arguments == 3) f(V::load(x), V::load(y), V::load(z)).store(out);
    }
  }
}

template <class T>
void interpret(const Program& program, const Operand<T>* registers, const Rectangle& size) {
  using V = Vec<T>;
  for (const Instruction* now = program.first; now != program.end; now++) {
#define KEEPGATE_ONE(name, value)                              \
  case Operation::name:                                        \
    each<1>(registers, *now, size, [](V a) { return value; }); \
    break;
#define KEEPGATE_TWO(name, value)                                   \
  case Operation::name:                                             \
    each<2>(registers, *now, size, [](V a, V b) { return value; }); \
    break;
#define KEEPGATE_THREE(name, value)                                      \
  case Operation::name:                                                  \
    each<3>(registers, *now, size, [](V a, V b, V c) { return value; }); \
    break;
    switch (now->operation) {
      KEEPGATE_ONE(copy, a)
      KEEPGATE_ONE(neg, -a)
      KEEPGATE_ONE(abs, abs(a))
      KEEPGATE_ONE(sqrt, sqrt(a))
      KEEPGATE_ONE(exp, exp(a))
      KEEPGATE_ONE(log, log(a))
      KEEPGATE_ONE(sigmoid, sigmoid(a))
      KEEPGATE_ONE(tanh, tanh(a))
      KEEPGATE_ONE(softplus, softplus(a))
      KEEPGATE_ONE(relu, relu(a))
      KEEPGATE_ONE(step_of, step_of(a))
      KEEPGATE_TWO(add, a + b)
      KEEPGATE_TWO(sub, a - b)
      KEEPGATE_TWO(mul, a * b)
      KEEPGATE_TWO(div, a / b)
      KEEPGATE_TWO(maximum, maximum(a, b))
      KEEPGATE_TWO(minimum, minimum(a, b))
      KEEPGATE_TWO(greater, greater(a, b))
      KEEPGATE_THREE(fma, fma(a, b, c))
      KEEPGATE_THREE(fms, fms(a, b, c))
      KEEPGATE_THREE(fnma, fnma(a, b, c))
      KEEPGATE_THREE(where, where(a, b, c))
      KEEPGATE_TWO(mul_sigmoid_slope, a * (b * (V(1) - b)))
      KEEPGATE_TWO(mul_tanh_slope, a * fnma(b, b, V(1)))
      case Operation::count:
        break;
    }
#undef KEEPGATE_ONE
#undef KEEPGATE_TWO
#undef KEEPGATE_THREE
  }
}

}  // namespace keepgate::KEEPGATE_SET
