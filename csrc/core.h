// The core's interface: a problem as addresses, sizes and strides. It knows neither Python nor torch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "program.h"

namespace keepgate {

// What the numbers are. The last two: float32, with the weights of products stored narrow, for runs without gradients.
enum class Type : int { float32, float64, bfloat16_weights, int8_weights };
constexpr int types = 4;

// One layer and direction. Every array of numbers has the problem's type; null where it is absent. Narrow weights are
// packed from float32: numbers of bfloat16, or whole ones from -127 to 127 with each row's scale behind the matrix.
struct Sizes {
  long steps, rows, input, hidden;
  long projected;  // units of the output after a projection; 0 without one

  long output() const { return projected ? projected : hidden; }
};

struct Weights {
  const void* weight_ih;  // [gates · hidden, input]
  const void* weight_hh;  // [gates · hidden, output]
  const void* bias_ih;    // [gates · hidden]
  const void* bias_hh;
  const void* weight_hr;  // [projected, hidden]
  const void* vectors[max_vectors];  // [hidden] each
};

// An array [steps, rows, units] with contiguous units; the strides of steps and rows are in elements.
struct Strided {
  void* data;
  long step, row;
};

struct Forward {
  const CellProgram* cell;
  Type type;
  Sizes sizes;
  int threads;
  bool reverse;     // each row is read from its own end to its start
  bool zero_tails;  // planes are zero beyond a row's length, as the output always is
  Strided x;
  Strided unit_inputs[max_unit_inputs];  // [steps, rows, hidden]; all null where they stand behind the columns of x
  const int64_t* lengths;  // [rows], each from 0 to steps
  const uint8_t* resets;   // [steps, rows]
  const void* initial_states[max_states];  // [rows, units]; null for zeros
  void* final_states[max_states];  // after each row's last real step, [rows, units]; may be `initial_states`
  Weights weights;
  void* packed;  // them packed: by an earlier run without steps, which does nothing else; null: by this run
  Strided output;                 // the first state after each step
  // Values saved of every step, [steps, rows, padded(hidden)] each, or all null: the states but the first, the cell's
  // `saved` values, and with a projection the first state before it, or with gates inside their operand.
  void* planes[max_planes];
};

struct Backward {
  Forward forward;  // as it ran, planes included; `final_states` and `packed` are not read
  Strided d_output;  // data may be null
  const void* d_final_states[max_states];  // each may be null
  Strided d_x;  // results from here on; null where a gradient is not wanted, as it is of unit inputs not in x
  void* d_initial_states[max_states];
  void *d_weight_ih, *d_weight_hh, *d_bias_ih, *d_bias_hh, *d_weight_hr;
  void* d_vectors[max_vectors];
  // The gradient of each state after each step, [steps, rows, units]; data null where it is not wanted. Nothing is
  // written beyond a row's length.
  Strided d_states[max_states];
};

// An array [steps, rows, units] of two numbers: `below` where a random word is less than `threshold`.
struct Mask {
  Type type;
  Strided to;
  long steps, rows, units;
  long first_row;  // what the first row counts as
  uint64_t seed;
  uint32_t stream;  // masks of one seed and different streams have nothing to do with each other
  uint64_t threshold;  // of 2^32
  double below, otherwise;
};

// What one instruction set does for one type of numbers, whatever the cell.
struct Kernel {
  size_t (*packed_bytes)(const CellProgram&, const Sizes&);
  // Each returns the bytes of scratch that it needs; without scratch it does nothing else.
  size_t (*forward)(const Forward&, void* scratch);
  size_t (*backward)(const Backward&, void* scratch);  // null for narrow weights
};
struct KernelSet {
  const char* name;
  const CellProgram* cells;  // [count]: those whose step is compiled
  int count;
  Kernel kernels[types];
  void (*random_mask)(const Mask&, long from, long to);  // of all steps' rows those
};

const KernelSet& kernel_set();  // chosen once, when the library is loaded
std::vector<const char*> available_sets();  // those that this processor can run, best first
inline const Kernel& kernel(Type type) { return kernel_set().kernels[int(type)]; }

// Units of a plane's row, padded to 64 bytes, the widest register.
constexpr long padded(long units, Type type) {
  const long lanes = type == Type::float64 ? 8 : 16;
  return (units + lanes - 1) / lanes * lanes;
}

}  // namespace keepgate
