// The Python module keepgate._core; src/keepgate/_core.pyi documents its functions. It owns nothing but the problems
// themselves and their working memory.
#include <nanobind/nanobind.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core.h"
#include "pool.h"

namespace nb = nanobind;
using namespace keepgate;
using nb::handle, nb::tuple, std::to_string;
using Address = uintptr_t;

namespace {

// Up to this much work, about 20 µs on one core, the GIL is held: releasing and reacquiring it would cost more.
constexpr double max_products_with_gil = 1 << 19;

// Raises ValueError with message() unless the condition holds; lazily, since a run checks some sixty conditions.
template <class Message>
void expect(bool holds, const Message& message) {
  if (!holds) throw nb::value_error(message().c_str());
}

void* aligned(Address address) {
  expect(address % 64 == 0,
         [&] { return "an array starts at " + to_string(address) + ", which is no multiple of 64 bytes"; });
  return reinterpret_cast<void*>(address);
}

Type type_of(int number) {
  expect(0 <= number && number < types, [&] {
    return "type is " + to_string(number) +
           "; 0 is float32, 1 float64, 2 and 3 float32 with weights in bfloat16 and int8";
  });
  return Type(number);
}

// Conversions of one argument.
void set(long& into, handle number) { into = nb::cast<long>(number); }
void set(int& into, handle number) { into = nb::cast<int>(number); }
void set(bool& into, handle truth) { into = nb::cast<bool>(truth); }
template <class P>
void set(P*& into, handle address) {
  into = reinterpret_cast<P*>(nb::cast<Address>(address));
}
void set(Type& into, handle number) { into = type_of(nb::cast<int>(number)); }

void set(const CellProgram*& into, handle number);
void set(Strided& s, handle values);
void set(Sizes& s, handle values);
void set(Weights& w, handle values);

// Entries of a tuple from number `from` on into an array, whose rest stays null.
template <class Entry, size_t most>
void set(Entry (&into)[most], handle values, size_t from = 0) {
  const size_t end = nb::len(values);
  expect(from <= end && end <= from + most,
         [&] { return to_string(end) + " entries where at most " + to_string(from + most) + " fit"; });
  for (size_t i = from; i < end; ++i) set(into[i - from], values[i]);
}

// Every entry of a tuple into its own variable.
template <class... Into>
void read(const tuple& values, Into&... into) {
  constexpr size_t wanted = sizeof...(into);
  expect(values.size() == wanted,
         [&] { return to_string(values.size()) + " entries where " + to_string(wanted) + " belong"; });
  size_t i = 0;
  (set(into, values[i++]), ...);
}
void set(Strided& s, handle values) { read(nb::borrow<tuple>(values), s.data, s.step, s.row); }
void set(Sizes& s, handle values) { read(nb::borrow<tuple>(values), s.steps, s.rows, s.input, s.hidden, s.projected); }
void set(Weights& w, handle values) {
  set(w.vectors, values, 5);
  const void** const into[] = {&w.weight_ih, &w.weight_hh, &w.bias_ih, &w.bias_hh, &w.weight_hr};
  for (size_t i = 0; i < 5; ++i) set(*into[i], values[i]);
}

// A cell with its programs' own memory. Those that were added stay where they are: a number is a cell for good.
struct OwnedProgram {
  CellProgram cell = {};
  std::vector<double> constants[5];
  std::vector<Instruction> instructions[5];
};
std::deque<OwnedProgram> added_programs;

// A cell by its number: first come those that are compiled.
const CellProgram* cell_of(long number) {
  const long compiled = kernel_set().count;
  expect(0 <= number && number < compiled + long(added_programs.size()), [&] {
    return "cell is " + to_string(number) + ", which is no place in cells() and was not returned by add_program";
  });
  return number < compiled ? kernel_set().cells + number : &added_programs[size_t(number - compiled)].cell;
}
void set(const CellProgram*& into, handle number) { into = cell_of(nb::cast<long>(number)); }

// Working memory. Small problems, which hold the GIL, share theirs; a large one keeps its own, as a stepper does.
struct alignas(64) CacheLine {
  char bytes[64];
};
using Scratch = std::unique_ptr<CacheLine[]>;

struct ForwardRun {
  Forward f = {};
  bool large;
  Scratch own;

  explicit ForwardRun(const nb::args& given) {
    read(given, f.cell, f.type, f.sizes, f.threads, f.reverse, f.zero_tails, f.x, f.unit_inputs, f.lengths, f.resets,
         f.initial_states, f.final_states, f.weights, f.packed, f.output, f.planes);
    expect(f.threads >= 1, [&] { return "threads is " + to_string(f.threads) + "; one is the least"; });
    aligned(reinterpret_cast<Address>(f.packed));
    for (const void* plane : f.planes) aligned(reinterpret_cast<Address>(plane));
    // Multiplications: one with every weight for each row and step; packing a weight takes as long as some of them.
    const Sizes& s = f.sizes;
    const double weights = double(s.hidden) * f.cell->gates * double(s.input + (f.cell->dense ? s.output() : 0));
    large = weights * double(s.steps * s.rows + (f.packed ? 0 : 4)) > max_products_with_gil;
  }
  ForwardRun(const ForwardRun& other) : f(other.f), large(other.large) {}
  static size_t compute(const ForwardRun& r, void* scratch) { return kernel(r.f.type).forward(r.f, scratch); }
};

struct BackwardRun {
  Backward b = {};
  bool large;
  Scratch own;

  BackwardRun(const ForwardRun& forward, const nb::args& given) : large(forward.large) {
    b.forward = forward.f;
    expect(kernel(b.forward.type).backward, [] { return std::string("narrow weights have no gradients"); });
    read(given, b.d_output, b.d_final_states, b.d_x, b.d_initial_states, b.d_weight_ih, b.d_weight_hh, b.d_bias_ih,
         b.d_bias_hh, b.d_weight_hr, b.d_vectors, b.d_states);
  }
  static size_t compute(const BackwardRun& r, void* scratch) { return kernel(r.b.forward.type).backward(r.b, scratch); }
};

template <class Run>
void run(Run& run) {
  static Scratch shared;
  static size_t shared_lines = 0;
  if (!run.large) {
    const size_t lines = Run::compute(run, nullptr) / sizeof(CacheLine) + 1;
    if (lines > shared_lines) shared.reset(new CacheLine[lines]), shared_lines = lines;
    return void(Run::compute(run, shared.get()));
  }
  if (!run.own) run.own.reset(new CacheLine[Run::compute(run, nullptr) / sizeof(CacheLine) + 1]);
  nb::gil_scoped_release release;
  Run::compute(run, run.own.get());
}

// The same run on so many threads and other arrays of the same form: x, the output, the initial states, the final ones.
void run_on(const ForwardRun& prepared, const nb::args& given) {
  ForwardRun r(prepared);
  const size_t states = size_t(r.f.cell->states);
  expect(given.size() == 3 + 2 * states,
         [&] { return to_string(given.size()) + " arguments where " + to_string(3 + 2 * states) + " belong"; });
  size_t i = 0;
  set(r.f.threads, given[i++]);
  set(r.f.x.data, given[i++]);
  set(r.f.output.data, given[i++]);
  for (size_t s = 0; s < states; ++s) set(r.f.initial_states[s], given[i++]);
  for (size_t s = 0; s < states; ++s) set(r.f.final_states[s], given[i++]);
  run(r);
}

tuple as_tuple(const std::vector<const char*>& names) {
  nb::list all;
  for (const char* name : names) all.append(name);
  return tuple(all);
}

// (constants, temporaries, row temporaries, instructions): each of these the operation's number, and registers.
void read_program(Program& program, std::vector<double>& constants, std::vector<Instruction>& instructions, int bound,
                  handle given) {
  const tuple parts = nb::borrow<tuple>(given);
  for (handle number : nb::borrow<tuple>(parts[0])) constants.push_back(nb::cast<double>(number));
  program.bound = bound;
  program.constants = int(constants.size());
  program.temporaries = nb::cast<int>(parts[1]);
  program.row_temporaries = nb::cast<int>(parts[2]);
  const int count = program.registers();
  expect(program.temporaries >= 0 && program.row_temporaries >= 0 && count <= max_registers,
         [&] { return to_string(count) + " registers where at most " + to_string(max_registers) + " fit"; });
  for (handle each : nb::borrow<tuple>(parts[3])) {
    int operation, result, a, b, c;
    read(nb::borrow<tuple>(each), operation, result, a, b, c);
    expect(0 <= operation && operation < int(Operation::count),
           [&] { return "operation is " + to_string(operation) + ", which is no place in operations()"; });
    for (int reg : {result, a, b, c})
      expect(0 <= reg && reg < count, [&] { return "register is " + to_string(reg) + " of " + to_string(count); });
    expect(result < bound || result >= bound + program.constants,
           [&] { return "register " + to_string(result) + " is a constant's, and a result goes there"; });
    if (Operation(operation) == Operation::row_mean) program.whole_rows = true;
    instructions.push_back({Operation(operation), uint8_t(result), uint8_t(a), uint8_t(b), uint8_t(c)});
    for (int reg : {a, b, c}) program.reads[reg] = true;
  }
  program.constant = constants.data();
  program.first = instructions.data();
  program.end = instructions.data() + instructions.size();
}

long add_program(handle shape, handle wx_gates, handle uh_gates, handle infer, handle forward, handle backward,
                 handle operand, handle d_inside) {
  OwnedProgram owned;
  CellProgram& cell = owned.cell;
  read(nb::borrow<tuple>(shape), cell.gates, cell.states, cell.vectors, cell.saved, cell.split, cell.dense,
       cell.bias_hh, cell.recurrent_state, cell.unit_inputs, cell.inside);
  const auto within = [](const char* what, int number, int least, int most) {
    expect(least <= number && number <= most, [&] {
      return to_string(number) + " " + what + "; " + to_string(least) + " to " + to_string(most) + " fit";
    });
  };
  within("gates", cell.gates, 1, max_gates);
  within("states", cell.states, 1, max_states);
  within("vectors", cell.vectors, 0, max_vectors);
  within("split gates", cell.split, 0, cell.gates);
  within("as the recurrent state", cell.recurrent_state, 0, cell.states - 1);
  within("unit inputs", cell.unit_inputs, 0, max_unit_inputs);
  within("gates inside", cell.inside, 0, cell.split);
  within("planes", cell.states + cell.saved + (cell.inside > 0), 1, max_planes);
  for (const auto& [into, given] : {std::pair(cell.wx_gates, wx_gates), std::pair(cell.uh_gates, uh_gates)}) {
    const tuple gates = nb::borrow<tuple>(given);
    within("gates in order", int(gates.size()), cell.gates, cell.gates);
    for (int i = 0; i < cell.gates; ++i) {
      set(into[i], gates[size_t(i)]);
      within("as a gate", into[i], 0, cell.gates - 1);
    }
  }
  const int read_first = cell.gates + cell.split + cell.states + cell.vectors + cell.unit_inputs,
            inside = cell.inside > 0, forward_bound = read_first + cell.states,
            backward_bound = read_first + 3 * cell.states + cell.saved + cell.vectors + cell.unit_inputs + 2 * inside;
  const int bound[] = {forward_bound, forward_bound + cell.saved, backward_bound, inside * forward_bound,
                       inside * backward_bound};
  Program* const programs[] = {&cell.infer, &cell.forward, &cell.backward, &cell.operand, &cell.d_inside};
  const handle given[] = {infer, forward, backward, operand, d_inside};
  for (int i = 0; i < 5; ++i) read_program(*programs[i], owned.constants[i], owned.instructions[i], bound[i], given[i]);
  added_programs.push_back(std::move(owned));  // whose arrays stay where they are
  return kernel_set().count + long(added_programs.size()) - 1;
}

void random_mask(int type, const tuple& array, const tuple& shape, int threads, uint64_t seed, uint32_t stream,
                 double probability, double below, double otherwise, long first_row) {
  Mask m = {};
  set(m.to, array);
  read(shape, m.steps, m.rows, m.units);
  expect(probability >= 0 && probability <= 1,
         [&] { return "probability is " + to_string(probability) + "; it must lie between 0 and 1"; });
  m.type = Type(type), m.seed = seed, m.stream = stream, m.below = below, m.otherwise = otherwise,
  m.first_row = first_row;
  m.threshold = uint64_t(probability * 4294967296.0);
  const long rows = m.steps * m.rows, most = rows * m.units >> 15;  // threads that pay for being woken
  auto draw = [&](Team& team, int member) {
    kernel_set().random_mask(m, rows * member / team.size, rows * (member + 1) / team.size);
  };
  nb::gil_scoped_release release;
  together(most < threads ? int(most) : threads, most * 1000, draw);
}

}  // namespace

#define KEEPGATE_QUOTED(arguments, name, value) #name,
NB_MODULE(core, m) {
  m.doc() = "The C++ core: one layer, one direction, as addresses and sizes. What an address holds is not checked.";
  m.def("isa", [] { return kernel_set().name; });
  m.def("isas", [] { return as_tuple(available_sets()); });
  m.def("operations", [] { return as_tuple({KEEPGATE_OPERATIONS(KEEPGATE_QUOTED) "row_mean"}); });
  m.def("add_program", add_program);
  m.def("cells", [] {
    std::vector<const char*> names;
    for (int cell = 0; cell < kernel_set().count; ++cell) names.push_back(kernel_set().cells[cell].name);
    return as_tuple(names);
  });
  m.def("random_mask", random_mask);
  m.def("padded", [](long units, int type) { return padded(units, type_of(type)); });
  m.def("packed_bytes", [](long cell, int type, const tuple& given) {
    Sizes sizes;
    set(sizes, given);
    return kernel(type_of(type)).packed_bytes(*cell_of(cell), sizes);
  });
  // It may wait for a running team, whose threads may need the GIL.
  m.def(
      "borrow_threads", [](Address parallel) { borrow_threads(reinterpret_cast<Parallel>(parallel)); },
      nb::call_guard<nb::gil_scoped_release>());
  nb::class_<ForwardRun>(m, "Forward").def(nb::init<nb::args>()).def("run", run<ForwardRun>).def("run_on", run_on);
  nb::class_<BackwardRun>(m, "Backward").def(nb::init<const ForwardRun&, nb::args>()).def("run", run<BackwardRun>);
}

// An unknown KEEPGATE_ISA is a SettingsError; nanobind would turn it into an ImportError.
extern "C" NB_EXPORT PyObject* PyInit__core() {
  try {
    kernel_set();
  } catch (const std::exception& error) {
    PyObject* const errors = PyImport_ImportModule("keepgate.errors");
    PyObject* const kind = errors ? PyObject_GetAttrString(errors, "SettingsError") : nullptr;
    PyErr_SetString(kind ? kind : PyExc_RuntimeError, error.what());
    return nullptr;
  }
  return PyInit_core();
}
