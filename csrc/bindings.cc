// The Python module keepgate._core: addresses and sizes in, the core's work done, nothing kept but the problem itself.
// What each function takes is written in src/keepgate/_core.pyi.
#include <nanobind/nanobind.h>

#include <string>

#include "core.h"
#include "pool.h"

namespace nb = nanobind;
using namespace keepgate;
using nb::handle, nb::tuple, std::to_string;
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

void* aligned(Address address) {
  expect(address % 64 == 0,
         [&] { return "an array starts at " + to_string(address) + ", which is no multiple of 64 bytes"; });
  return reinterpret_cast<void*>(address);
}

// One of what is handed over.
void set(long& into, handle number) { into = nb::cast<long>(number); }
void set(size_t& into, handle number) { into = nb::cast<size_t>(number); }
void set(int& into, handle number) { into = nb::cast<int>(number); }
void set(bool& into, handle truth) { into = nb::cast<bool>(truth); }
template <class P>
void set(P*& into, handle address) {
  into = reinterpret_cast<P*>(nb::cast<Address>(address));
}
void set(Type& into, handle number) { into = Type(nb::cast<int>(number)); }

// What follows the first `from` entries of a tuple into an array, the rest of which stays null.
template <class P, size_t most>
void set(P* (&into)[most], handle values, size_t from = 0) {
  const size_t end = nb::len(values);
  expect(from <= end && end <= from + most,
         [&] { return to_string(end) + " entries where at most " + to_string(from + most) + " fit"; });
  for (size_t i = from; i < end; ++i) set(into[i - from], values[i]);
}

void set(Strided& s, handle values);
template <size_t most>
void set(Strided (&into)[most], handle values) {
  const size_t end = nb::len(values);
  expect(end <= most, [&] { return to_string(end) + " entries where at most " + to_string(most) + " fit"; });
  for (size_t i = 0; i < end; ++i) set(into[i], values[i]);
}
void set(Sizes& s, handle values);
void set(Weights& w, handle values);

// The entries of a tuple, one after another.
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

const Kernel& kernel_of(int cell, int type) {
  expect(0 <= cell && cell < kernel_set().cells,
         [&] { return "cell is " + to_string(cell) + ", which is no place in cells()"; });
  expect(type == 0 || type == 1, [&] { return "type is " + to_string(type) + "; 0 is float32 and 1 is float64"; });
  return kernel(cell, Type(type));
}

struct ForwardRun {
  Forward f = {};
  bool large;

  explicit ForwardRun(const nb::args& given) {
    read(given, f.cell, f.type, f.sizes, f.threads, f.reverse, f.zero_tails, f.x, f.lengths, f.resets, f.first, f.last,
         f.packed, f.output, f.planes);
    expect(f.threads >= 1, [&] { return "threads is " + to_string(f.threads) + "; one is the least"; });
    aligned(reinterpret_cast<Address>(f.packed));
    for (const void* plane : f.planes) aligned(reinterpret_cast<Address>(plane));
    // One product with every weight, for each row and step.
    const double products = double(kernel_of(f.cell, int(f.type)).packed_bytes(f.sizes)) / 4;
    large = products * double(f.sizes.steps * f.sizes.rows) > few_products;
  }
  static size_t compute(const ForwardRun& r, void* scratch) { return kernel(r.f.cell, r.f.type).forward(r.f, scratch); }
};

struct BackwardRun {
  Backward b = {};
  bool large;

  BackwardRun(const ForwardRun& forward, const nb::args& given) : large(forward.large) {
    b.forward = forward.f;
    read(given, b.weights, b.d_output, b.d_last, b.d_x, b.d_first, b.d_weight_ih, b.d_weight_hh, b.d_bias_ih,
         b.d_bias_hh, b.d_weight_hr, b.d_vectors, b.d_states);
  }
  static size_t compute(const BackwardRun& r, void* scratch) {
    return kernel(r.b.forward.cell, r.b.forward.type).backward(r.b, scratch);
  }
};

template <class Run>
void run(const Run& run, Address scratch) {
  if (!run.large) return void(Run::compute(run, aligned(scratch)));
  nb::gil_scoped_release release;
  Run::compute(run, aligned(scratch));
}
template <class Run>
size_t scratch_bytes(const Run& run) {
  return Run::compute(run, nullptr);
}

tuple isas() {
  nb::list names;
  for (const char* const* name = available_sets(); *name; ++name) names.append(*name);
  return tuple(names);
}

tuple cells() {
  nb::list names;
  for (int cell = 0; cell < kernel_set().cells; ++cell) names.append(kernel(cell, Type::float32).cell);
  return tuple(names);
}

uint64_t fingerprint_of(const tuple& arrays) {
  uint64_t all = 0;
  for (handle array : arrays) {
    const void* data;
    size_t bytes;
    read(nb::borrow<tuple>(array), data, bytes);
    all = all * 0x9e3779b97f4a7c15 + fingerprint(data, bytes);
  }
  return all;
}

size_t packed_bytes(int cell, int type, handle sizes) {
  Sizes s;
  set(s, sizes);
  return kernel_of(cell, type).packed_bytes(s);
}

void pack(int cell, int type, handle sizes, handle weights, Address packed, int threads) {
  Sizes s;
  Weights w = {};
  set(s, sizes), set(w, weights);
  const Kernel& k = kernel_of(cell, type);
  if (k.packed_bytes(s) <= few_bytes) return k.pack(s, w, aligned(packed), 1);
  nb::gil_scoped_release release;
  k.pack(s, w, aligned(packed), threads);
}

}  // namespace

NB_MODULE(core, m) {
  m.doc() = "The C++ core: one layer, one direction, as addresses and sizes. What an address holds is not checked.";
  m.def("isa", [] { return kernel_set().name; });
  m.def("isas", isas);
  m.def("cells", cells);
  m.def("fingerprint", fingerprint_of);
  m.def("padded", [](long units, int type) { return padded(units, Type(type)); });
  m.def("packed_bytes", packed_bytes);
  // It may wait for a running team, whose threads may need the GIL.
  m.def(
      "borrow_threads", [](Address parallel) { borrow_threads(reinterpret_cast<Parallel>(parallel)); },
      nb::call_guard<nb::gil_scoped_release>());
  m.def("pack", pack, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg("threads") = 1);
  nb::class_<ForwardRun>(m, "Forward")
      .def(nb::init<nb::args>())
      .def_prop_ro("scratch_bytes", scratch_bytes<ForwardRun>)
      .def("run", run<ForwardRun>);
  nb::class_<BackwardRun>(m, "Backward")
      .def(nb::init<const ForwardRun&, nb::args>())
      .def_prop_ro("scratch_bytes", scratch_bytes<BackwardRun>)
      .def("run", run<BackwardRun>);
}

// An instruction set that cannot run is a wrong setting, and no ImportError, as which nanobind would tell it.
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
