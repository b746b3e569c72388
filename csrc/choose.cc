// Which instruction set runs, chosen once, when the library is loaded; and what needs no vectors at all.
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>

#define KEEPGATE_SET described
#include "core.h"
#include "vec.h"

namespace keepgate::described {
#include "cells/all.h"
}

namespace keepgate {

#if defined(__x86_64__)
namespace avx512 { extern const Kernels table; }
namespace avx2 { extern const Kernels table; }
namespace baseline { extern const Kernels table; }
#elif defined(__aarch64__)
namespace neon { extern const Kernels table; }
#endif

namespace {

#define KEEPGATE_NAME(Cell) described::Cell::name,
constexpr const char* cells[] = {KEEPGATE_CELLS(KEEPGATE_NAME)};
#undef KEEPGATE_NAME

struct Set {
  const Kernels* kernels;
  bool (*runs_here)();
};

// Best first. The flags are those that CMakeLists.txt compiles each set with.
const Set sets[] = {
#if defined(__x86_64__)
    {&avx512::table,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
     }},
    {&avx2::table, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
    {&baseline::table, [] { return true; }},
#elif defined(__aarch64__)
    {&neon::table, [] { return true; }},
#endif
};

const Kernels& choose() {
  const char* const wanted = std::getenv("KEEPGATE_ISA");
  std::string known;
  for (const Set& set : sets) {
    if (!set.runs_here()) continue;
    if (!wanted || !*wanted || std::strcmp(wanted, set.kernels->name) == 0) return *set.kernels;
    known += (known.empty() ? "" : ", ") + std::string(set.kernels->name);
  }
  throw std::runtime_error("KEEPGATE_ISA is " + std::string(wanted) + ", and this processor runs " + known);
}

}  // namespace

int cell_count() { return int(std::size(cells)); }
const char* cell_name(int cell) { return cells[cell]; }

const char* const* available_sets() {
  static const char* names[std::size(sets) + 1];
  static const bool found = [] {
    const char** next = names;
    for (const Set& set : sets)
      if (set.runs_here()) *next++ = set.kernels->name;
    return true;
  }();
  return found ? names : nullptr;
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

uint64_t fingerprint(const void* data, size_t bytes) {
  // Each step can be undone for a known lane or a known word, so a change of one word is always seen. The rotation
  // brings the sign of a number, which a product leaves at the top, to where the next product spreads it.
  constexpr int lanes = 8;
  constexpr uint64_t odd = 0x9e3779b97f4a7c15;  // 2⁶⁴ ÷ the golden ratio
  const auto mix = [](uint64_t lane, uint64_t word) {
    const uint64_t product = (lane ^ word) * odd;
    return product << 29 | product >> 35;
  };
  uint64_t lane[lanes] = {1, 2, 3, 4, 5, 6, 7, 8}, words[lanes];
  const auto* at = static_cast<const unsigned char*>(data);
  size_t left = bytes;
  for (; left >= sizeof(words); at += sizeof(words), left -= sizeof(words)) {
    std::memcpy(words, at, sizeof(words));
    for (int i = 0; i < lanes; ++i) lane[i] = mix(lane[i], words[i]);
  }
  std::memset(words, 0, sizeof(words));
  if (left) std::memcpy(words, at, left);
  uint64_t all = bytes;
  for (int i = 0; i < lanes; ++i) all = mix(all, mix(lane[i], words[i]));
  return all;
}

}  // namespace keepgate
