// The choice of the instruction set, made once, at the first use; and the fingerprint, which needs no vectors.
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core.h"

#define KEEPGATE_DECLARE(set) \
  namespace keepgate::set { extern const KernelSet table; }
#if defined(__x86_64__)
KEEPGATE_DECLARE(avx512)
KEEPGATE_DECLARE(avx2)
KEEPGATE_DECLARE(baseline)
#else
KEEPGATE_DECLARE(neon)
#endif

namespace keepgate {
namespace {

struct Choice {
  const KernelSet* set;
  bool runs_here;
};

#if defined(__x86_64__)
// These flags are those with which CMakeLists.txt compiles each set.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
const Choice choices[] = {{&avx512::table, has_avx512()}, {&avx2::table, has_avx2()}, {&baseline::table, true}};
#else
const Choice choices[] = {{&neon::table, true}};
#endif

const KernelSet& choose() {
  const char* const setting = std::getenv("KEEPGATE_ISA");
  std::string names;
  for (const Choice& choice : choices) {
    if (!choice.runs_here) continue;
    const std::string name = choice.set->name;
    if (!setting || !*setting || name == setting) return *choice.set;
    names += (names.empty() ? "" : ", ") + name;
  }
  throw std::runtime_error("KEEPGATE_ISA is '" + std::string(setting) + "'; this processor runs " + names);
}

}  // namespace

std::vector<const char*> available_sets() {
  std::vector<const char*> names;
  for (const Choice& choice : choices)
    if (choice.runs_here) names.push_back(choice.set->name);
  return names;
}

const KernelSet& kernel_set() {
  static const KernelSet& chosen = choose();
  return chosen;
}

uint64_t fingerprint(const void* data, size_t bytes) {
  // `mix` is a bijection of the lane for a fixed word and of the word for a fixed lane, so that a change of one word
  // always changes the result. The rotation moves the sign bit, which a product leaves at the top, to where the next
  // product spreads it.
  constexpr int lanes = 8;
  const auto mix = [](uint64_t lane, uint64_t word) {
    const uint64_t product = (lane ^ word) * 0x9e3779b97f4a7c15;  // 2⁶⁴ ÷ the golden ratio
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
