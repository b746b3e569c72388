// A cell at run time: its shape, and its step, forward and backward, as short programs over vectors of units.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace keepgate {

constexpr int max_gates = 8, max_states = 8, max_vectors = 24, max_planes = 48, max_registers = 256,
              max_unit_inputs = 4;

// Every elementwise operation: the number of its arguments, its name as in emit/program.py, its value for vectors a, b
// and c. The last two are products with a derivative. Behind them comes the mean over the units of a row.
// clang-format off
#define KEEPGATE_OPERATIONS(X)                                                                                       \
  X(1, copy, a) X(1, neg, -a) X(1, abs, abs(a)) X(1, sqrt, sqrt(a)) X(1, exp, exp(a)) X(1, log, log(a))              \
  X(1, sigmoid, sigmoid(a)) X(1, tanh, tanh(a)) X(1, softplus, softplus(a)) X(1, relu, relu(a))                      \
  X(1, step_of, step_of(a)) X(2, add, a + b) X(2, sub, a - b) X(2, mul, a * b) X(2, div, a / b)                      \
  X(2, maximum, maximum(a, b)) X(2, minimum, minimum(a, b)) X(2, greater, greater(a, b)) X(3, fma, fma(a, b, c))     \
  X(3, fms, fms(a, b, c)) X(3, fnma, fnma(a, b, c)) X(3, where, where(a, b, c))                                      \
  X(2, mul_sigmoid_slope, a * (b * (V(1) - b))) X(2, mul_tanh_slope, a * fnma(b, b, V(1)))
#define KEEPGATE_NAME_OF(arguments, name, value) name,
enum class Operation : uint8_t { KEEPGATE_OPERATIONS(KEEPGATE_NAME_OF) row_mean, count };
// clang-format on

// result = operation(a, b, c), each a register's number; an operation of fewer arguments repeats its first.
struct Instruction {
  Operation operation;
  uint8_t result, a, b, c;
};

// Where a register's values lie: a vector of units for each row of a rectangle and each place in the row.
template <class T>
struct Operand {
  T* data;
  long stride[2];  // from row to row, from vector to vector
};

// A program that is compiled: runs it on `rows` rows of `units` units. nontemporal: what is saved bypasses the caches.
template <class T>
using CompiledProgram = void (*)(const Operand<T>* registers, long rows, long units, bool nontemporal);

// Straight-line code. Its registers are, in this order: those that the driver binds to arrays, one for each constant,
// temporaries, and temporaries that hold one number for each row, alike in all of its units.
struct Program {
  int bound, constants, temporaries, row_temporaries;
  const double* constant;
  const Instruction *first, *end;
  bool reads[max_registers];
  bool whole_rows;  // whether it has a row_mean, for which a tile holds all units of its rows
  CompiledProgram<float> compiled_float;  // null where it is interpreted, as the next; else there are no instructions
  CompiledProgram<double> compiled_double;

  int registers() const { return first_row_temporary() + row_temporaries; }
  int first_row_temporary() const { return bound + constants + temporaries; }
};

// A cell with all that a driver must know of it. Its members are named as those of the structs in cells/.
struct CellProgram {
  const char* name;  // of a cell whose programs are compiled
  int gates, states, vectors, saved;
  int split;  // gates whose wx and uh do more than add up
  int wx_gates[max_gates];  // the gate of each column that holds wx, and of each that holds uh
  int uh_gates[max_gates];
  bool dense;  // whether uh is a matrix product: with the output before, but for the gates `inside`
  bool bias_hh;  // whether uh has a bias
  int recurrent_state;  // from which uh is computed; if it is not the first, nothing may be projected
  int unit_inputs;  // numbers for each unit at each step, behind the columns of x that weight_ih reads, or beside x
  int inside;  // gates, split ones and the last of uh_gates, whose product is not with the output before, but with an
               // operand that the step computes: nothing may be projected then

  // infer binds columns, previous states, vectors, unit inputs, new states; forward binds what is saved too, after
  // them; backward binds the gradients of columns, vectors, unit inputs and previous states, which it writes, then
  // those of the new states, what is saved, the previous states, the new ones, the vectors and the unit inputs. With
  // gates inside, the operand and its gradient are bound behind the new states and theirs.
  Program infer, forward, backward;
  // Of the gates inside: operand binds what infer does, and writes the operand in place of the first new state;
  // d_inside binds what backward does, and writes the gradients of their uh, which backward reads.
  Program operand, d_inside;

  bool whole_rows() const {
    for (const Program* program : {&infer, &forward, &backward, &operand, &d_inside})
      if (program->whole_rows) return true;
    return false;
  }
};

}  // namespace keepgate
