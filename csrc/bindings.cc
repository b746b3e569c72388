// The Python module keepgate._core: addresses and sizes in, the core's work done, nothing kept but the problem itself.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

#include "core.h"

namespace nb = nanobind;
using namespace keepgate;

namespace {

// Up to this much work the GIL is kept: to give it away and wait for it would cost more. About 20 µs on one core.
constexpr double few_products = 1 << 19;
constexpr size_t few_bytes = 1 << 18;

[[noreturn]] void refuse(const std::string& why) { throw nb::value_error(why.c_str()); }

template <class Pointer>
Pointer address(nb::handle value) {
  return reinterpret_cast<Pointer>(nb::cast<uintptr_t>(value));
}

void* aligned(uintptr_t value, const char* name) {
  if (value % 64) refuse(std::string(name) + " starts at " + std::to_string(value) + ", no multiple of 64 bytes");
  return reinterpret_cast<void*>(value);
}

Type type_of(int type) {
  if (type != 0 && type != 1) refuse("type is " + std::to_string(type) + "; 0 is float32 and 1 is float64");
  return static_cast<Type>(type);
}

int cell_of(int cell) {
  if (cell < 0 || cell >= cell_count())
    refuse("cell is " + std::to_string(cell) + "; the core has " + std::to_string(cell_count()) + " cells, from 0");
  return cell;
}

void expect(const nb::tuple& values, size_t least, size_t most, const char* name) {
  if (values.size() < least || values.size() > most)
    refuse(std::string(name) + " has " + std::to_string(values.size()) + " entries; it takes " + std::to_string(least) +
           (least == most ? "" : " to " + std::to_string(most)));
}

Sizes sizes_of(const nb::tuple& values) {
  expect(values, 5, 5, "sizes");
  Sizes sizes;
  long* const into[] = {&sizes.steps, &sizes.rows, &sizes.input, &sizes.hidden, &sizes.projected};
  for (size_t i = 0; i < 5; ++i) {
    *into[i] = nb::cast<long>(values[i]);
    if (*into[i] < 0) refuse("sizes holds " + std::to_string(*into[i]) + "; steps, rows and units are counted from 0");
  }
  return sizes;
}

Strided strided_of(const nb::tuple& values, const char* name) {
  expect(values, 3, 3, name);
  return {address<void*>(values[0]), nb::cast<long>(values[1]), nb::cast<long>(values[2])};
}

template <class Pointer, size_t most>
void fill(Pointer (&into)[most], const nb::tuple& values, const char* name) {
  expect(values, 0, most, name);
  for (size_t i = 0; i < values.size(); ++i) into[i] = address<Pointer>(values[i]);
}

Weights weights_of(const nb::tuple& values) {
  expect(values, 5, 5 + max_vectors, "weights");
  Weights w = {};
  const void** const into[] = {&w.weight_ih, &w.weight_hh, &w.bias_ih, &w.bias_hh, &w.weight_hr};
  for (size_t i = 0; i < values.size(); ++i) (i < 5 ? *into[i] : w.vectors[i - 5]) = address<const void*>(values[i]);
  return w;
}

// One product with every weight, for each row and step.
double products(const Forward& problem) {
  const double numbers = kernels().packed_bytes(problem.cell, problem.type, problem.sizes) / 4.0;
  return numbers * problem.sizes.steps * problem.sizes.rows;
}

template <class Problem>
void run(void (*kernel)(const Problem&), Problem& problem, uintptr_t scratch, bool large) {
  Problem here = problem;  // several threads may run one problem, each with its scratch
  here.scratch = aligned(scratch, "scratch");
  if (!large) return kernel(here);
  nb::gil_scoped_release release;
  kernel(here);
}

struct ForwardRun {
  Forward problem = {};
  bool large;

  ForwardRun(int cell, int type, nb::tuple sizes, int threads, bool reverse, bool zero_tails, nb::tuple x,
             uintptr_t lengths, uintptr_t resets, nb::tuple first, nb::tuple last, uintptr_t packed, nb::tuple output,
             nb::tuple planes) {
    if (threads < 1) refuse("threads is " + std::to_string(threads) + "; one is the least");
    problem.cell = cell_of(cell);
    problem.type = type_of(type);
    problem.sizes = sizes_of(sizes);
    problem.threads = threads;
    problem.reverse = reverse;
    problem.zero_tails = zero_tails;
    problem.x = strided_of(x, "x");
    problem.lengths = reinterpret_cast<const int64_t*>(lengths);
    problem.resets = reinterpret_cast<const uint8_t*>(resets);
    fill(problem.first, first, "first");
    fill(problem.last, last, "last");
    problem.packed = aligned(packed, "packed");
    problem.output = strided_of(output, "output");
    fill(problem.planes, planes, "planes");
    for (const void* plane : problem.planes) aligned(reinterpret_cast<uintptr_t>(plane), "a plane");
    large = products(problem) > few_products;
  }

  size_t scratch_bytes() const { return kernels().forward_scratch(problem); }
  void run(uintptr_t scratch) { ::run(kernels().forward, problem, scratch, large); }
};

struct BackwardRun {
  Backward problem = {};
  bool large;

  BackwardRun(const ForwardRun& forward, nb::tuple weights, nb::tuple d_output, nb::tuple d_last, nb::tuple d_x,
              nb::tuple d_first, uintptr_t d_weight_ih, uintptr_t d_weight_hh, uintptr_t d_bias_ih, uintptr_t d_bias_hh,
              uintptr_t d_weight_hr, nb::tuple d_vectors)
      : large(forward.large) {
    problem.forward = forward.problem;
    problem.weights = weights_of(weights);
    problem.d_output = strided_of(d_output, "d_output");
    fill(problem.d_last, d_last, "d_last");
    problem.d_x = strided_of(d_x, "d_x");
    fill(problem.d_first, d_first, "d_first");
    problem.d_weight_ih = reinterpret_cast<void*>(d_weight_ih);
    problem.d_weight_hh = reinterpret_cast<void*>(d_weight_hh);
    problem.d_bias_ih = reinterpret_cast<void*>(d_bias_ih);
    problem.d_bias_hh = reinterpret_cast<void*>(d_bias_hh);
    problem.d_weight_hr = reinterpret_cast<void*>(d_weight_hr);
    fill(problem.d_vectors, d_vectors, "d_vectors");
  }

  size_t scratch_bytes() const { return kernels().backward_scratch(problem); }
  void run(uintptr_t scratch) { ::run(kernels().backward, problem, scratch, large); }
};

nb::tuple isas() {
  nb::list names;
  for (const char* const* name = available_sets(); *name; ++name) names.append(nb::str(*name));
  return nb::tuple(names);
}

nb::tuple cells() {
  nb::list names;
  for (int cell = 0; cell < cell_count(); ++cell) names.append(nb::str(cell_name(cell)));
  return nb::tuple(names);
}

uint64_t fingerprints(nb::tuple arrays) {
  uint64_t all = 0;
  for (nb::handle array : arrays) {
    const auto pair = nb::cast<nb::tuple>(array);
    expect(pair, 2, 2, "an array");
    all = all * 0x9e3779b97f4a7c15 + fingerprint(address<const void*>(pair[0]), nb::cast<size_t>(pair[1]));
  }
  return all;
}

size_t packed_bytes(int cell, int type, nb::tuple sizes) {
  return kernels().packed_bytes(cell_of(cell), type_of(type), sizes_of(sizes));
}

void pack(int cell, int type, nb::tuple sizes, nb::tuple weights, uintptr_t packed, int threads) {
  const Sizes numbers = sizes_of(sizes);
  const Weights from = weights_of(weights);
  void* const into = aligned(packed, "packed");
  const Type kind = type_of(type);
  if (packed_bytes(cell, type, sizes) <= few_bytes) return kernels().pack(cell, kind, numbers, from, into, 1);
  nb::gil_scoped_release release;
  kernels().pack(cell, kind, numbers, from, into, threads);
}

}  // namespace

NB_MODULE(core, m) {
  m.doc() = "The C++ core: one layer, one direction, as addresses and sizes. What an address holds is not checked.";

  m.def("isa", [] { return kernels().name; }, "The instruction set that runs, chosen when the library was loaded.");
  m.def("isas", isas, "The instruction sets that this processor can run, best first.");
  m.def("cells", cells, "The names of the core's cells; a cell's number is its place here.");
  m.def("fingerprint", fingerprints, nb::arg("arrays"),
        "A number that changes when any byte of the arrays does; arrays: pairs of address and bytes.");
  m.def(
      "padded", [](long units, int type) { return padded(units, type_of(type)); }, nb::arg("units"), nb::arg("type"),
      "The units of a plane's row; what lies beyond the cell's own units is padding.");
  m.def("packed_bytes", packed_bytes, nb::arg("cell"), nb::arg("type"), nb::arg("sizes"),
        "Bytes that pack() writes; sizes: steps, rows, input, hidden, projected.");
  m.def("pack", pack, nb::arg("cell"), nb::arg("type"), nb::arg("sizes"), nb::arg("weights"), nb::arg("packed"),
        nb::arg("threads") = 1,
        "Lays weights (w_ih, w_hh, b_ih, b_hh, w_hr, then the vectors; 0 for none) out as the kernels read them.");

  nb::class_<ForwardRun>(m, "Forward",
                         "A layer's run over a sequence, prepared: run it as often as its arrays are filled anew.")
      .def(nb::init<int, int, nb::tuple, int, bool, bool, nb::tuple, uintptr_t, uintptr_t, nb::tuple, nb::tuple,
                    uintptr_t, nb::tuple, nb::tuple>(),
           nb::arg("cell"), nb::arg("type"), nb::arg("sizes"), nb::arg("threads"), nb::arg("reverse"),
           nb::arg("zero_tails"), nb::arg("x"), nb::arg("lengths"), nb::arg("resets"), nb::arg("first"),
           nb::arg("last"), nb::arg("packed"), nb::arg("output"), nb::arg("planes"))
      .def_prop_ro("scratch_bytes", &ForwardRun::scratch_bytes, "Bytes of scratch that run() needs, 64-byte aligned.")
      .def("run", &ForwardRun::run, nb::arg("scratch"), "Computes output, last states and planes.");

  nb::class_<BackwardRun>(m, "Backward",
                          "The gradients of a Forward that ran with planes; where 0 is given, none is wanted.")
      .def(nb::init<const ForwardRun&, nb::tuple, nb::tuple, nb::tuple, nb::tuple, nb::tuple, uintptr_t, uintptr_t,
                    uintptr_t, uintptr_t, uintptr_t, nb::tuple>(),
           nb::arg("forward"), nb::arg("weights"), nb::arg("d_output"), nb::arg("d_last"), nb::arg("d_x"),
           nb::arg("d_first"), nb::arg("d_weight_ih"), nb::arg("d_weight_hh"), nb::arg("d_bias_ih"),
           nb::arg("d_bias_hh"), nb::arg("d_weight_hr"), nb::arg("d_vectors"))
      .def_prop_ro("scratch_bytes", &BackwardRun::scratch_bytes, "Bytes of scratch that run() needs, 64-byte aligned.")
      .def("run", &BackwardRun::run, nb::arg("scratch"), "Computes the gradients that are wanted.");
}

// An instruction set that cannot run is told as it is, before nanobind would turn it into an ImportError.
extern "C" NB_EXPORT PyObject* PyInit__core() {
  try {
    kernels();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    return nullptr;
  }
  return PyInit_core();
}
