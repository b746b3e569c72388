// The choice of the instruction set, made once, at the first use.
#include <cstdlib>
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

}  // namespace keepgate
