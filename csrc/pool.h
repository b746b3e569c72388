// Threads: the members of a team compute one thing together, and wait for each other at barriers.
#pragma once
#include <atomic>
#include <cstdint>

namespace keepgate {

constexpr int max_members = 64;

// The members of one piece of work. How many take part never changes a result.
class Team {
 public:
  // Returns when every member has called it. What any member wrote before, all see after.
  void barrier(int member);
  int size = 1;

 private:
  friend class Pool;
  struct alignas(64) Flag {
    std::atomic<uint64_t> passed{0};
  };
  Flag flags[max_members];
};

// GNU's OpenMP: runs f(context) on so many threads, the caller among them, and waits for all.
using Parallel = void (*)(void (*f)(void* context), void* context, unsigned threads, unsigned flags);
// From now on, and until a fork, its threads do the work; null: threads of our own.
void borrow_threads(Parallel parallel);

// Runs work(context, team, member) on up to `threads` threads, the caller among them as member 0. A thread that does
// not come within `patience` nanoseconds is not waited for, and a pool that serves another caller is not waited for
// either: then fewer do the work.
void run_together(int threads, long patience, void (*work)(void* context, Team& team, int member), void* context);

template <class F>
void together(int threads, long patience, F& f) {
  run_together(threads, patience, [](void* f, Team& team, int member) { (*static_cast<F*>(f))(team, member); }, &f);
}

}  // namespace keepgate
