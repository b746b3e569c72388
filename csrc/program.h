// A cell at run time: its shape, and its step, forward and backward, as short programs over vectors of units.
#pragma once
#include <cstddef>
#include <cstdint>

namespace keepgate {

constexpr int max_gates = 8, max_states = 8, max_vectors = 24, max_planes = 48, max_registers = 256;

// Names as in emit/program.py. The last two are products with a derivative: a b (1 - b) and a (1 - b²).
// clang-format off
#define KEEPGATE_OPERATIONS(X)                                                                                      \
  X(copy)                                                                                                           \
  X(neg) X(abs) X(sqrt) X(exp) X(log) X(sigmoid) X(tanh) X(softplus) X(relu) X(step_of) X(add) X(sub) X(mul) X(div) \
      X(maximum) X(minimum) X(greater) X(fma) X(fms) X(fnma) X(where) X(mul_sigmoid_slope) X(mul_tanh_slope)
// clang-format on
enum class Operation : uint8_t {
#define KEEPGATE_NAME_OF(name) name,
  KEEPGATE_OPERATIONS(KEEPGATE_NAME_OF)
#undef KEEPGATE_NAME_OF
      count
};

// result = operation(a, b, c), each a register's number; an operation of fewer arguments repeats its first.
struct Instruction {
  Operation operation;
  uint8_t result, a, b, c;
};

// Straight-line code. Its registers are, in this order: those that the driver binds to arrays, one for each constant,
// and temporaries.
struct Program {
  int bound, constants, temporaries;
  const double* constant;
  const Instruction *first, *end;
  bool reads[max_registers];

  int registers() const { return bound + constants + temporaries; }
};

// A cell whose step is programs, with all that a driver must know of it. Its members are named as those of the structs
// in cells/, which are cells whose step is compiled.
struct CellProgram {
  int gates, states, vectors, kept;
  int apart;                // gates whose wx and uh do more than add up
  int wx_gates[max_gates];  // the gate of each column that holds wx, and of each that holds uh
  int uh_gates[max_gates];
  bool dense;    // whether uh is a product with the output before
  bool bias_hh;  // whether uh has a bias

  // infer binds columns, previous states, vectors, new states; forward binds what is kept too, after them; backward
  // binds the gradients of columns, vectors and previous states, which it writes, then those of the new states, what
  // is kept, the previous states, the new ones and the vectors.
  Program infer, forward, backward;
};

}  // namespace keepgate
