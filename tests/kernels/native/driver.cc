// The core without Python: for sanitizers, for other processors under an emulator, and to count instructions.
//
// CELLS: a file that tests/kernels/native_cells.py has written.
//
//   driver CELLS check [EVERY]         every cell with every option: the same bits with 1, 2 and 4 threads, with 3
//                                that are lent, and no NaN
//   driver CELLS dump FILE [EVERY]     writes what came of each problem
//   driver CELLS compare FILE [EVERY]  the same problems here agree with those in FILE
//   driver CELLS count CASE            runs one case inside the function `measured`
//
// EVERY: with 3, only every third problem.
#include <thread>

#include "../../../csrc/pool.h"
#include "problem.h"

using namespace keepgate;

#if defined(__clang__)
#define KEEPGATE_COMPILER "clang " __clang_version__
#else
#define KEEPGATE_COMPILER "g++ " __VERSION__
#endif

namespace {

// Beside the widths of registers and tiles, and across the blocks of steps that are projected at once.
const Sizes shapes[] = {{5, 3, 7, 5, 3},     {1, 1, 1, 1, 1},     {7, 9, 17, 33, 20}, {40, 2, 3, 16, 9},
                        {3, 20, 33, 48, 17}, {12, 13, 20, 65, 5}, {0, 2, 3, 4, 2}};
constexpr int shape_count = sizeof(shapes) / sizeof(shapes[0]), option_bits = 7;
constexpr const char* type_name[types] = {"float32", "float64", "bfloat16 weights", "int8 weights"};
std::vector<const Facts*> facts;

struct Case {
  const Facts* cell;
  Type type;
  int number;
  Sizes sizes;
  Options options;

  std::string name() const {
    const Options& o = options;
    std::string text = cell->name + " " + type_name[int(type)];
    for (long size : {sizes.steps, sizes.rows, sizes.input, sizes.hidden}) (text += " ") += std::to_string(size);
    return text + (o.reverse ? " reverse" : "") + (o.ragged ? " ragged" : "") + (o.resets ? " resets" : "") +
           (o.batch_first ? " batch first" : "") + (o.biases ? " biases" : "") + (o.trained ? " trained" : "") +
           (o.projected ? " projected" : "");
  }
};

// Shapes take turns, so that every option meets every shape in some cell or type.
std::vector<Case> cases(int every) {
  std::vector<Case> all;
  int number = 0;
  for (size_t cell = 0; cell < facts.size(); ++cell)
    for (int type = 0; type < types; ++type)
      for (int bits = 0; bits < 1 << option_bits; ++bits) {
        const auto has = [bits](int bit) { return (bits >> bit & 1) != 0; };
        const Options options = {has(0), has(1), has(2), has(3), has(4), has(5), has(6)};
        if (options.projected && !facts[cell]->projects()) continue;
        if (number % every == 0)
          all.push_back(
              {facts[cell], Type(type), number, shapes[(bits + 3 * int(cell) + type) % shape_count], options});
        ++number;
      }
  return all;
}

template <class T>
std::vector<Result> ran_as(const Case& c, int threads) {
  Options options = c.options;
  options.packed = threads == 1;  // the same bits, whoever packs
  Problem<T> problem(*c.cell, c.type, c.sizes, options, threads, uint64_t(c.number));
  problem.run_forward();
  problem.run_backward();
  return problem.results();
}
std::vector<Result> ran(const Case& c, int threads) {
  return c.type == Type::float64 ? ran_as<double>(c, threads) : ran_as<float>(c, threads);
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

// What GOMP_parallel does, with threads that a sanitizer sees; now and then one does not come.
void as_openmp(void (*f)(void* context), void* context, unsigned threads, unsigned) {
  static unsigned calls = 0;
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads - (++calls % 5 == 0); ++i) others.emplace_back(f, context);
  f(context);
  for (std::thread& other : others) other.join();
}

int check(int every) {
  int wrong = 0, count = 0;
  for (const Case& c : cases(every)) {
    const std::vector<Result> alone = ran(c, 1);
    for (const Result& result : alone)
      for (double number : result.numbers)
        if (!std::isfinite(number)) {
          ++wrong;
          std::printf("%s: %s holds %g\n", c.name().c_str(), result.name.c_str(), number);
          break;
        }
    for (int threads : {2, 4, 3}) {
      borrow_threads(threads == 3 ? as_openmp : nullptr);
      const std::vector<Result> together = ran(c, threads);
      for (size_t i = 0; i < alone.size(); ++i)
        if (!same_bits(alone[i].numbers, together[i].numbers)) {
          ++wrong;
          std::printf("%s: %s differs with %d threads\n", c.name().c_str(), alone[i].name.c_str(), threads);
        }
    }
    ++count;
  }
  std::printf("%s: %d problems, %d wrong\n", kernel_set().name, count, wrong);
  return wrong != 0;
}

int dump(const char* path, int every) {
  FILE* const file = std::fopen(path, "wb");
  if (!file) return std::printf("%s cannot be written\n", path), 1;
  for (const Case& c : cases(every))
    for (const Result& result : ran(c, 1))
      std::fwrite(result.numbers.data(), sizeof(double), result.numbers.size(), file);
  return std::fclose(file) != 0;
}

// Relative to the largest number of an array, as in tests/oracles.py.
double tolerance(const Case& c, const Result& result) {
  return c.type == Type::float64 ? 1e-12 : result.gradient ? 1e-5 : 3e-6;
}

int compare(const char* path, int every) {
  FILE* const file = std::fopen(path, "rb");
  if (!file) return std::printf("%s cannot be read\n", path), 1;
  int wrong = 0, count = 0;
  double worst[types] = {};
  for (const Case& c : cases(every)) {
    for (const Result& result : ran(c, 2)) {
      std::vector<double> theirs(result.numbers.size());
      if (std::fread(theirs.data(), sizeof(double), theirs.size(), file) != theirs.size())
        return std::printf("%s ends before %s\n", path, c.name().c_str()), 1;
      double scale = 1, error = 0;
      for (double number : theirs) scale = std::fmax(scale, std::fabs(number));
      for (size_t i = 0; i < theirs.size(); ++i) {
        const double off = std::fabs(result.numbers[i] - theirs[i]) / scale;
        if (!(off <= error)) error = off;  // a NaN stays
      }
      double& most = worst[int(c.type)];
      if (!(error <= most)) most = error;
      if (error <= tolerance(c, result)) continue;
      ++wrong;
      std::printf("%s: %s is off by %g\n", c.name().c_str(), result.name.c_str(), error);
    }
    ++count;
  }
  std::fclose(file);
  std::printf("%s: %d problems, %d wrong; at most", kernel_set().name, count, wrong);
  for (int type = 0; type < types; ++type) std::printf(" %.1e off in %s;", worst[type], type_name[type]);
  std::printf("\n");
  return wrong != 0;
}

extern "C" __attribute__((noinline)) void measured(Problem<float>& problem, int times) {
  for (int i = 0; i < times; ++i) {
    problem.run_forward();
    problem.run_backward();
  }
}

const Facts& named(const std::string& cell) {
  for (const Facts* known : facts)
    if (cell == known->name) return *known;
  std::abort();
}

int count(const std::string& name) {
  Options options = {};
  options.biases = true;
  options.packed = name == "streaming";
  options.trained = name == "gru-training" || name == "program-training";
  options.interpreted = name == "program-training";
  const Facts& cell = named(options.trained ? "gru" : "lstm");
  const Sizes sizes = name == "streaming" ? Sizes{1, 1, 64, 64, 0} : Sizes{20, 8, 32, 64, 0};
  Problem<float> problem(cell, Type::float32, sizes, options, 1, 1);
  measured(problem, name == "streaming" ? 20 : 1);
  std::printf("%s, %s\n", kernel_set().name, KEEPGATE_COMPILER);
  return 0;
}

}  // namespace

int main(int arguments, char** argument) {
  const std::string command = arguments > 2 ? argument[2] : "";
  const auto every = [&](int at) { return arguments > at ? std::atoi(argument[at]) : 1; };
  if (arguments > 2) facts = read_cells(argument[1]);
  if (command == "check") return check(every(3));
  if (command == "dump" && arguments > 3) return dump(argument[3], every(4));
  if (command == "compare" && arguments > 3) return compare(argument[3], every(4));
  if (command == "count" && arguments > 3) return count(argument[3]);
  std::printf("driver CELLS check [EVERY] | dump FILE [EVERY] | compare FILE [EVERY] | count CASE\n");
  return 2;
}
