// One problem for the core with all its arrays: numbers that are the same everywhere, results that begin as NaN.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "../../../csrc/core.h"

namespace keepgate {

// A cell as tests/kernels/native_cells.py writes it: all numbers and names with spaces between them.
struct Facts : CellProgram {
  std::string name;
  bool reads_output;

  bool projects() const { return dense && !reads_output && !recurrent_state; }
  std::vector<double> constant[5];
  std::vector<Instruction> instructions[5];
};

class Reader {
 public:
  explicit Reader(const char* path) : file(path) {}
  bool next(std::string& word) { return bool(file >> word); }
  double number() {
    std::string word;
    if (!next(word)) std::abort();
    return std::strtod(word.c_str(), nullptr);
  }
  int integer() { return int(number()); }

 private:
  std::ifstream file;
};

inline const Facts* read_cell(Reader& from, const std::string& name) {
  static std::deque<Facts> all;  // which stay where they are: their programs are pointed at
  Facts& cell = all.emplace_back();
  cell.name = name;
  for (int* into : {&cell.gates, &cell.states, &cell.vectors, &cell.saved, &cell.split}) *into = from.integer();
  for (bool* into : {&cell.dense, &cell.bias_hh, &cell.reads_output}) *into = from.integer();
  for (int* into : {&cell.recurrent_state, &cell.unit_inputs, &cell.inside}) *into = from.integer();
  for (int i = 0; i < cell.gates; ++i) cell.wx_gates[i] = from.integer();
  for (int i = 0; i < cell.gates; ++i) cell.uh_gates[i] = from.integer();
  Program* const programs[] = {&cell.infer, &cell.forward, &cell.backward, &cell.operand, &cell.d_inside};
  for (int p = 0; p < 5; ++p) {
    Program& program = *programs[p];
    program.bound = from.integer();
    program.constants = from.integer();
    for (int i = 0; i < program.constants; ++i) cell.constant[p].push_back(from.number());
    program.temporaries = from.integer();
    program.row_temporaries = from.integer();
    for (int left = from.integer(); left > 0; --left) {
      int word[5];
      for (int& into : word) into = from.integer();
      for (int i = 2; i < 5; ++i) program.reads[word[i]] = true;
      if (Operation(word[0]) == Operation::row_mean) program.whole_rows = true;
      cell.instructions[p].push_back(
          {Operation(word[0]), uint8_t(word[1]), uint8_t(word[2]), uint8_t(word[3]), uint8_t(word[4])});
    }
    program.constant = cell.constant[p].data();
    program.first = cell.instructions[p].data();
    program.end = program.first + cell.instructions[p].size();
  }
  return &cell;
}

inline std::vector<const Facts*> read_cells(const char* path) {
  std::vector<const Facts*> all;
  Reader from(path);
  for (std::string name; from.next(name);) all.push_back(read_cell(from, name));
  return all;
}

struct Options {
  bool reverse, ragged, resets, batch_first, biases, trained, projected;
  bool packed = false;       // the weights are packed before
  bool interpreted = false;  // a compiled cell too runs as a program
};

// Knuth's linear congruential generator: the same numbers with every library.
class Random {
 public:
  explicit Random(uint64_t seed) : state(seed * 2654435761 + 1) { next(); }
  // From -1 to 1, in steps that a float holds.
  double next() {
    state = state * 6364136223846793005 + 1442695040888963407;
    return double(state >> 41) / double(1 << 22) - 1;
  }
  long below(long end) { return long((next() + 1) / 2 * double(end)); }

 private:
  uint64_t state;
};

// Memory that ends where its last number does, so that a sanitizer sees who reads beyond. The core's own layouts start
// at a cache line; torch's arrays may start at any number.
class Array {
 public:
  Array(size_t bytes, size_t shift) : shift(shift) {
    if (posix_memalign(&memory, 64, bytes + shift)) std::abort();
    std::memset(data(), 0xff, bytes);  // NaN
  }
  ~Array() { std::free(memory); }
  Array(const Array&) = delete;
  void* data() const { return static_cast<char*>(memory) + shift; }

 private:
  size_t shift;
  void* memory = nullptr;
};

// What came of a problem: a name and its numbers.
struct Result {
  std::string name;
  bool gradient;
  std::vector<double> numbers;
};

template <class T>
class Problem {
 public:
  Problem(const Facts& cell, Type type, Sizes sizes, Options options, int threads, uint64_t seed)
      : fact(cell), options(options), random(seed) {
    if (!options.projected || !fact.projects()) sizes.projected = 0;
    f.cell = &cell;
    for (int known = 0; known < kernel_set().count && !options.interpreted; ++known)
      if (cell.name == kernel_set().cells[known].name) f.cell = &kernel_set().cells[known];
    f.type = type;
    f.sizes = sizes;
    f.threads = threads;
    f.reverse = options.reverse;
    f.zero_tails = true;
    output = sizes.projected ? sizes.projected : sizes.hidden;
    make_inputs();
    make_weights();
    make_results();
    if (differentiates()) make_backward();
  }

  void run_forward() { of_type().forward(f, scratch_forward); }
  void run_backward() {
    if (differentiates()) of_type().backward(b, scratch_backward);
  }

  // Everything that the core wrote, in an order that depends on nothing but the problem.
  std::vector<Result> results() const {
    const Sizes& s = f.sizes;
    std::vector<Result> all;
    all.push_back(gathered("output", false, f.output, output));
    for (int n = 0; n < fact.states; ++n)
      all.push_back(whole("final_state", false, f.final_states[n], s.rows * units(n)));
    for (int n = 0; n < planes; ++n)
      all.push_back(gathered("plane", false, {f.planes[n], s.rows * padded(s.hidden, f.type), padded(s.hidden, f.type)},
                             s.hidden));
    if (!differentiates()) return all;
    all.push_back(gathered("d_x", true, b.d_x, x_width()));
    for (int n = 0; n < fact.states; ++n)
      all.push_back(whole("d_initial_state", true, b.d_initial_states[n], s.rows * units(n)));
    all.push_back(whole("d_weight_ih", true, b.d_weight_ih, fact.gates * s.hidden * s.input));
    all.push_back(whole("d_weight_hh", true, b.d_weight_hh, recurrent()));
    all.push_back(whole("d_bias_ih", true, b.d_bias_ih, fact.gates * s.hidden));
    all.push_back(whole("d_bias_hh", true, b.d_bias_hh, fact.gates * s.hidden));
    all.push_back(whole("d_weight_hr", true, b.d_weight_hr, s.projected * s.hidden));
    for (int n = 0; n < fact.vectors; ++n) all.push_back(whole("d_vector", true, b.d_vectors[n], s.hidden));
    return all;
  }

 private:
  const Facts& fact;
  const Options options;
  Random random;
  Forward f = {};
  void *scratch_forward = nullptr, *scratch_backward = nullptr;
  Backward b = {};
  long output;
  int planes = 0;
  std::vector<std::unique_ptr<Array>> arrays;

  long x_width() const { return f.sizes.input + fact.unit_inputs * f.sizes.hidden; }
  long units(int state) const { return state == 0 ? output : f.sizes.hidden; }
  const Kernel& of_type() const { return kernel(f.type); }
  // Narrow weights are traced where others are trained.
  bool differentiates() const { return options.trained && of_type().backward; }
  long recurrent() const { return fact.dense ? fact.gates * f.sizes.hidden * output : 0; }

  void* bytes(size_t count, size_t shift) {
    arrays.push_back(std::make_unique<Array>(count, shift));
    return arrays.back()->data();
  }
  T* empty(long count) { return static_cast<T*>(bytes(size_t(count) * sizeof(T), sizeof(T))); }
  T* filled(long count, double scale) {
    T* const numbers = empty(count);
    for (long i = 0; i < count; ++i) numbers[i] = T(random.next() * scale);
    return numbers;
  }
  // In the form that the problem's type packs.
  T* matrix(long rows, long columns) {
    const double scale = 1 / std::sqrt(double(columns));
    if (f.type == Type::int8_weights) {
      T* const numbers = empty(rows * columns + rows);
      for (long i = 0; i < rows * columns; ++i) numbers[i] = T(random.below(255) - 127);
      for (long row = 0; row < rows; ++row) numbers[rows * columns + row] = T((3 + random.next()) * scale / 508);
      return numbers;
    }
    T* const numbers = filled(rows * columns, scale);
    for (long i = 0; i < rows * columns && f.type == Type::bfloat16_weights; ++i) {
      uint32_t bits;
      std::memcpy(&bits, numbers + i, sizeof bits);
      bits &= 0xffff0000;
      std::memcpy(numbers + i, &bits, sizeof bits);
    }
    return numbers;
  }
  // Batch first leaves a gap after each row, as a view of a larger array has.
  Strided strided(T* data, long width) const {
    const Sizes& s = f.sizes;
    return options.batch_first ? Strided{data, width, s.steps * width + 3} : Strided{data, s.rows * width, width};
  }
  long spread(long width) const {
    return f.sizes.steps * f.sizes.rows * width + (options.batch_first ? 3 * f.sizes.rows : 0);
  }

  void make_inputs() {
    const Sizes& s = f.sizes;
    f.x = strided(filled(spread(x_width()), 1), x_width());
    for (int n = 0; n < fact.states; ++n) f.initial_states[n] = filled(s.rows * units(n), 0.5);
    if (options.ragged) {
      auto* const lengths = static_cast<int64_t*>(bytes(size_t(s.rows) * sizeof(int64_t), 0));
      for (long row = 0; row < s.rows; ++row) lengths[row] = random.below(s.steps + 1);
      f.lengths = lengths;
    }
    if (options.resets) {
      auto* const resets = static_cast<uint8_t*>(bytes(size_t(s.steps * s.rows), 0));
      for (long i = 0; i < s.steps * s.rows; ++i) resets[i] = random.below(5) == 0;
      f.resets = resets;
    }
  }

  void make_weights() {
    const Sizes& s = f.sizes;
    const long rows = fact.gates * s.hidden;
    Weights& weights = f.weights;
    weights.weight_ih = matrix(rows, s.input);
    if (recurrent()) weights.weight_hh = matrix(rows, output);
    if (options.biases) weights.bias_ih = filled(rows, 0.5);
    if (options.biases && fact.bias_hh) weights.bias_hh = filled(rows, 0.5);
    if (s.projected) weights.weight_hr = matrix(s.projected, s.hidden);
    for (int n = 0; n < fact.vectors; ++n) weights.vectors[n] = filled(s.hidden, 0.5);
    if (!options.packed) return;
    void* const packed = bytes(of_type().packed_bytes(*f.cell, s), 0);
    f.packed = packed;
    Forward packing = f;
    packing.sizes.steps = packing.sizes.rows = 0;
    of_type().forward(packing, bytes(of_type().forward(packing, nullptr), 0));
  }

  void make_results() {
    const Sizes& s = f.sizes;
    f.output = strided(empty(spread(output)), output);
    for (int n = 0; n < fact.states; ++n) f.final_states[n] = empty(s.rows * units(n));
    if (options.trained) planes = fact.states - 1 + fact.saved + (s.projected || fact.inside ? 1 : 0);
    for (int n = 0; n < planes; ++n)
      f.planes[n] = bytes(size_t(s.steps * s.rows * padded(s.hidden, f.type)) * sizeof(T), 0);
    scratch_forward = bytes(of_type().forward(f, nullptr), 0);
  }

  void make_backward() {
    const Sizes& s = f.sizes;
    const long rows = fact.gates * s.hidden;
    b.forward = f;
    b.d_output = strided(filled(spread(output), 1), output);
    for (int n = 0; n < fact.states; ++n) b.d_final_states[n] = filled(s.rows * units(n), 1);
    b.d_x = strided(empty(spread(x_width())), x_width());
    for (int n = 0; n < fact.states; ++n) b.d_initial_states[n] = empty(s.rows * units(n));
    b.d_weight_ih = empty(rows * s.input);
    if (recurrent()) b.d_weight_hh = empty(recurrent());
    if (options.biases) b.d_bias_ih = empty(rows);
    if (options.biases && fact.bias_hh) b.d_bias_hh = empty(rows);
    if (s.projected) b.d_weight_hr = empty(s.projected * s.hidden);
    for (int n = 0; n < fact.vectors; ++n) b.d_vectors[n] = empty(s.hidden);
    scratch_backward = bytes(of_type().backward(b, nullptr), 0);
  }

  Result gathered(const char* name, bool gradient, const Strided& from, long width) const {
    Result result{name, gradient, {}};
    for (long t = 0; t < f.sizes.steps; ++t)
      for (long row = 0; row < f.sizes.rows; ++row) {
        const T* const numbers = static_cast<const T*>(from.data) + t * from.step + row * from.row;
        result.numbers.insert(result.numbers.end(), numbers, numbers + width);
      }
    return result;
  }
  static Result whole(const char* name, bool gradient, const void* from, long count) {
    const T* const numbers = static_cast<const T*>(from);
    return {name, gradient, numbers ? std::vector<double>(numbers, numbers + count) : std::vector<double>()};
  }
};

}  // namespace keepgate
