// Thread pool: the members of a team work on one problem and synchronise at barriers.
#pragma once
#include <atomic>
#include <cstdint>

namespace keepgate {

constexpr int max_members = 64;

// The members that work on one problem. Their number never changes a result.
class Team {
 public:
  // Returns once every member has called it; a member's writes before it are visible to all after it. False: the team
  // is dissolved, and this member leaves. Member 0 stays, alone, where the others kept it waiting for longer than it
  // would have worked for them.
  bool barrier(int member);
  int size = 1;

 private:
  friend class Pool;
  // What a run has taken longer so far than member 0 alone would have, in nanoseconds; negative where it was faster.
  long lost() const;

  long start = 0, waited = 0;  // in nanoseconds: of the clock, and that member 0 has waited for the others
  std::atomic<uint64_t> last_barrier{0};  // at which the team is dissolved
  struct alignas(64) Flag {
    std::atomic<uint64_t> passed{0};
  };
  Flag flags[max_members];
};

// The type of GOMP_parallel of GNU's OpenMP: runs f(context) on `threads` threads, the caller's among them, and joins.
using Parallel = void (*)(void (*f)(void* context), void* context, unsigned threads, unsigned flags);
// Runs teams on OpenMP's threads from now on, until a fork; null: on the pool's own threads. Thread-safe.
void borrow_threads(Parallel parallel);

// Runs work(context, team, member) on up to `threads` threads, the caller as member 0. A thread that does not join
// within `join_timeout` nanoseconds is left out, and while the pool works for another caller this one works alone.
void run_together(int threads, long join_timeout, void (*work)(void* context, Team& team, int member), void* context);

template <class F>
void together(int threads, long join_timeout, F& f) {
  run_together(threads, join_timeout, [](void* f, Team& team, int member) { (*static_cast<F*>(f))(team, member); }, &f);
}

}  // namespace keepgate
