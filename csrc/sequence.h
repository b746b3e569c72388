// What both ways through a sequence share: how the work is divided, and where the numbers of a step lie.
#pragma once
#include <initializer_list>

#include "pack.h"
#include "pool.h"
#include "rows.h"

namespace keepgate::KEEPGATE_SET {

// Cuts memory given by the caller into arrays of whole cache lines. With no memory it only counts.
class Memory {
 public:
  explicit Memory(void* start) : start(static_cast<char*>(start)) {}
  template <class T>
  void take(T*& array, long count) {
    array = reinterpret_cast<T*>(start + used);
    used += size_t(up(count * long(sizeof(T)), 64));
  }
  size_t used = 0;

 private:
  char* start;
};

// What one member of a team does: some rows with all their units, or all rows with some of their units.
template <class Cell, class T>
struct Member {
  using V = Vec<T>;
  using B = Block<Cell, T>;
  static constexpr long lanes = V::lanes;
  static constexpr bool dense = B::dense;
  static constexpr int planes = Cell::states - 1 + Cell::kept;  // and one more with a projection

  const Forward& f;
  const Sizes& s = f.sizes;
  const Rows rows;
  const T* const zeros;  // as wide as anything that is read in place of a state
  Team& team;
  const int member, members = members_for(s, f.threads);  // which one this is, of at most so many
  const bool units_split = by_units(s, members), keeps = f.planes[0];  // keeps: whether there are planes
  const long output = s.output(), blocks = B::count(s.hidden);
  const long first_block = units_split ? part(blocks, member) : 0;
  const long end_block = units_split ? part(blocks, member + 1) : blocks;
  const Share share = units_split ? Share::all(rows) : Share::part(rows, member, team.size);

  // Runs Way(problem, member, memory).run() for each of a team, or only counts the bytes it needs.
  template <class Way, class Problem>
  static size_t run(const Problem& problem, const Forward& f, void* scratch) {
    const Sizes& s = f.sizes;
    Memory memory(scratch);
    char* order;
    T* zeros;
    const long widest = wide<T>(s.hidden > s.projected ? s.hidden : s.projected);
    memory.take(order, long(order_bytes(s.rows)));
    memory.take(zeros, widest);
    if (scratch == nullptr) {
      Team alone;
      Way(problem, {f, s, {0, nullptr, nullptr}, zeros, alone, 0}, memory);
      return memory.used;
    }
    const Rows rows = in_order(f, order);
    std::memset(zeros, 0, size_t(widest) * sizeof(T));
    auto work = [&](Team& team, int member) {
      Memory own = memory;
      Way(problem, {f, f.sizes, rows, zeros, team, member}, own).run();
    };
    // It is worth waiting for the others for about a twentieth of what the work takes on one core.
    together(members_for(s, f.threads), s.steps * s.rows * s.hidden * B::gates * (s.hidden + s.input) / 1000, work);
    return memory.used;
  }

  // Few rows, or weights that one core's cache does not hold: then each member takes some of the units for all rows,
  // and all meet at every step. Otherwise each takes some of the rows, and they need not meet.
  static bool by_units(const Sizes& s, int members) {
    constexpr long cache = 1 << 20;
    const bool large = dense && s.hidden * s.hidden * B::gates * long(sizeof(T)) > cache;
    return !s.projected && (s.rows < 4 * members || large);
  }

  // So many that each has work worth waking for, in multiplications.
  static int members_for(const Sizes& s, int threads) {
    const bool split = by_units(s, threads);
    const long unit = s.rows * s.hidden * B::gates, step = unit * B::read(s), all = s.steps * (step + unit * s.input);
    long most = split ? B::count(s.hidden) : s.rows;
    for (long limit : {long(threads), all / 100000, split && dense ? step / 16000 : most})
      most = limit < most ? limit : most;
    return most < 1 ? 1 : int(most);
  }

  // Where the part of n things begins that is a member's.
  long part(long n, long member) const { return n * member / team.size; }
  // This member's units, of `numbers` in all.
  long from() const { return first_block * B::units; }
  long to(long numbers) const { return end_block * B::units < numbers ? end_block * B::units : numbers; }

  static T* at(const Strided& array, const Step& step) {
    return of<T>(array.data) + step.time * array.step + step.row * array.row;
  }
  T* plane(int n, const Step& step) const {
    return of<T>(f.planes[n]) + (step.time * s.rows + step.row) * padded(s.hidden, f.type);
  }
  // State n before a step.
  const T* before(int n, const Step& step) const {
    const Step last = {step.row, step.before, 0};
    if (step.before == at_reset) return zeros;
    if (step.before == at_start) return of<T>(f.first[n]) + step.row * (n ? s.hidden : output);
    if (n == 0) return at(f.output, last);
    return keeps ? plane(n - 1, last) : of<T>(f.last[n]) + step.row * s.hidden;
  }
};

}  // namespace keepgate::KEEPGATE_SET
