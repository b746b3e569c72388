// The Python module keepgate._core: addresses and sizes in, the core's work done, nothing kept but the problem itself.
#include <nanobind/nanobind.h>

#include <string>

#include "core.h"

namespace nb = nanobind;
using namespace keepgate;
using nb::arg, nb::handle, nb::tuple, std::to_string;
using Address = uintptr_t;

namespace {

// Up to this much work the GIL is kept: to give it away and wait for it would cost more. About 20 µs on one core.
constexpr double few_products = 1 << 19;
constexpr size_t few_bytes = 1 << 18;

// `otherwise` makes the message, and only when it is needed: a run checks some sixty things.
template <class Message>
void expect(bool holds, const Message& otherwise) {
  if (!holds) throw nb::value_error(otherwise().c_str());
}

void set(long& into, handle number) { into = nb::cast<long>(number); }
void set(size_t& into, handle number) { into = nb::cast<size_t>(number); }
template <class P>
void set(P*& into, handle address) {
  into = reinterpret_cast<P*>(nb::cast<Address>(address));
}

// A tuple into that many numbers and addresses.
template <class... Into>
void read(const tuple& values, Into&... into) {
  constexpr size_t wanted = sizeof...(into);
  expect(values.size() == wanted,
         [&] { return to_string(values.size()) + " entries where " + to_string(wanted) + " belong"; });
  size_t i = 0;
  (set(into, values[i++]), ...);
}
// What follows the first `from` entries into an array, the rest of which stays null.
template <class P, size_t most>
void read_all(const tuple& values, P* (&into)[most], size_t from = 0) {
  const size_t end = values.size();
  expect(from <= end && end <= from + most,
         [&] { return to_string(end) + " entries where at most " + to_string(from + most) + " fit"; });
  for (size_t i = from; i < end; ++i) set(into[i - from], values[i]);
}

Strided strided(const tuple& values) {
  Strided s;
  read(values, s.data, s.step, s.row);
  return s;
}
Sizes sizes_of(const tuple& values) {
  Sizes s;
  read(values, s.steps, s.rows, s.input, s.hidden, s.projected);
  return s;
}
Weights weights_of(const tuple& values) {
  Weights w = {};
  read_all(values, w.vectors, 5);
  const void** const into[] = {&w.weight_ih, &w.weight_hh, &w.bias_ih, &w.bias_hh, &w.weight_hr};
  for (size_t i = 0; i < 5; ++i) set(*into[i], values[i]);
  return w;
}
void* aligned(Address address) {
  expect(address % 64 == 0,
         [&] { return "an array starts at " + to_string(address) + ", which is no multiple of 64 bytes"; });
  return reinterpret_cast<void*>(address);
}
Type type_of(int type) {
  expect(type == 0 || type == 1, [&] { return "type is " + to_string(type) + "; 0 is float32 and 1 is float64"; });
  return static_cast<Type>(type);
}
int cell_of(int cell) {
  expect(0 <= cell && cell < cell_count(),
         [&] { return "cell is " + to_string(cell) + ", which is no place in cells()"; });
  return cell;
}

template <class Problem>
void run(void (*kernel)(const Problem&), Problem problem, Address scratch, bool large) {
  problem.scratch = aligned(scratch);
  if (!large) return kernel(problem);
  nb::gil_scoped_release release;
  kernel(problem);
}

struct ForwardRun {
  Forward f = {};
  bool large;

  ForwardRun(int cell, int type, tuple sizes, int threads, bool reverse, bool zero_tails, tuple x, handle lengths,
             handle resets, tuple first, tuple last, Address packed, tuple output, tuple planes) {
    expect(threads >= 1, [&] { return "threads is " + to_string(threads) + "; one is the least"; });
    f.cell = cell_of(cell), f.type = type_of(type), f.sizes = sizes_of(sizes);
    f.threads = threads, f.reverse = reverse, f.zero_tails = zero_tails;
    f.x = strided(x), f.output = strided(output), f.packed = aligned(packed);
    set(f.lengths, lengths), set(f.resets, resets);
    read_all(first, f.first), read_all(last, f.last), read_all(planes, f.planes);
    for (const void* plane : f.planes) aligned(reinterpret_cast<Address>(plane));
    // One product with every weight, for each row and step.
    large = kernels().packed_bytes(cell, f.type, f.sizes) / 4.0 * f.sizes.steps * f.sizes.rows > few_products;
  }
  size_t scratch_bytes() const { return kernels().forward_scratch(f); }
  void run(Address scratch) const { ::run(kernels().forward, f, scratch, large); }
};

struct BackwardRun {
  Backward b = {};
  bool large;

  BackwardRun(const ForwardRun& forward, tuple weights, tuple d_output, tuple d_last, tuple d_x, tuple d_first,
              handle d_weight_ih, handle d_weight_hh, handle d_bias_ih, handle d_bias_hh, handle d_weight_hr,
              tuple d_vectors)
      : large(forward.large) {
    b.forward = forward.f, b.weights = weights_of(weights);
    b.d_output = strided(d_output), b.d_x = strided(d_x);
    read_all(d_last, b.d_last), read_all(d_first, b.d_first), read_all(d_vectors, b.d_vectors);
    set(b.d_weight_ih, d_weight_ih), set(b.d_weight_hh, d_weight_hh), set(b.d_weight_hr, d_weight_hr);
    set(b.d_bias_ih, d_bias_ih), set(b.d_bias_hh, d_bias_hh);
  }
  size_t scratch_bytes() const { return kernels().backward_scratch(b); }
  void run(Address scratch) const { ::run(kernels().backward, b, scratch, large); }
};

tuple isas() {
  nb::list names;
  for (const char* const* name = available_sets(); *name; ++name) names.append(*name);
  return tuple(names);
}

tuple cells() {
  nb::list names;
  for (int cell = 0; cell < cell_count(); ++cell) names.append(cell_name(cell));
  return tuple(names);
}

uint64_t fingerprint_of(const tuple& arrays) {
  uint64_t all = 0;
  for (handle array : arrays) {
    const void* data;
    size_t bytes;
    read(nb::cast<tuple>(array), data, bytes);
    all = all * 0x9e3779b97f4a7c15 + fingerprint(data, bytes);
  }
  return all;
}

size_t packed_bytes(int cell, int type, const tuple& sizes) {
  return kernels().packed_bytes(cell_of(cell), type_of(type), sizes_of(sizes));
}

void pack(int cell, int type, const tuple& sizes, const tuple& weights, Address packed, int threads) {
  const Sizes s = sizes_of(sizes);
  const Weights w = weights_of(weights);
  const bool small = packed_bytes(cell, type, sizes) <= few_bytes;
  if (small) return kernels().pack(cell, type_of(type), s, w, aligned(packed), 1);
  nb::gil_scoped_release release;
  kernels().pack(cell, type_of(type), s, w, aligned(packed), threads);
}

}  // namespace

NB_MODULE(core, m) {
  m.doc() = "The C++ core: one layer, one direction, as addresses and sizes. What an address holds is not checked.";

  m.def("isa", [] { return kernels().name; }, "The instruction set that runs, chosen when the library was loaded.");
  m.def("isas", isas, "The instruction sets that this processor can run, best first.");
  m.def("cells", cells, "The names of the core's cells; a cell's number is its place here.");
  m.def("fingerprint", fingerprint_of, arg("arrays"),
        "A number that changes when any byte of the arrays does; arrays: pairs of address and bytes.");
  m.def(
      "padded", [](long units, int type) { return padded(units, type_of(type)); }, arg("units"), arg("type"),
      "The units of a plane's row; what lies beyond the cell's own units is padding.");
  m.def("packed_bytes", packed_bytes, arg("cell"), arg("type"), arg("sizes"),
        "Bytes that pack() writes; sizes: steps, rows, input, hidden, projected.");
  m.def("pack", pack, arg("cell"), arg("type"), arg("sizes"), arg("weights"), arg("packed"), arg("threads") = 1,
        "Lays weights (w_ih, w_hh, b_ih, b_hh, w_hr, then the vectors; 0 for none) out as the kernels read them.");

  nb::class_<ForwardRun>(m, "Forward", "A layer's run over a sequence, prepared: run it as often as x is filled anew.")
      .def(nb::init<int, int, tuple, int, bool, bool, tuple, handle, handle, tuple, tuple, Address, tuple, tuple>(),
           arg("cell"), arg("type"), arg("sizes"), arg("threads"), arg("reverse"), arg("zero_tails"), arg("x"),
           arg("lengths"), arg("resets"), arg("first"), arg("last"), arg("packed"), arg("output"), arg("planes"))
      .def_prop_ro("scratch_bytes", &ForwardRun::scratch_bytes, "Bytes of scratch that run() needs, 64-byte aligned.")
      .def("run", &ForwardRun::run, arg("scratch"), "Computes output, last states and planes.");

  nb::class_<BackwardRun>(m, "Backward",
                          "The gradients of a Forward that ran with planes; where 0 is given, none is wanted.")
      .def(nb::init<const ForwardRun&, tuple, tuple, tuple, tuple, tuple, handle, handle, handle, handle, handle,
                    tuple>(),
           arg("forward"), arg("weights"), arg("d_output"), arg("d_last"), arg("d_x"), arg("d_first"),
           arg("d_weight_ih"), arg("d_weight_hh"), arg("d_bias_ih"), arg("d_bias_hh"), arg("d_weight_hr"),
           arg("d_vectors"))
      .def_prop_ro("scratch_bytes", &BackwardRun::scratch_bytes, "Bytes of scratch that run() needs, 64-byte aligned.")
      .def("run", &BackwardRun::run, arg("scratch"), "Computes the gradients that are wanted.");
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
