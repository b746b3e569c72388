#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>

namespace keepgate {
namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins for a moment, then lets others run: a thread that only spins beside a busy neighbour makes both wait.
template <class Done>
void wait_until(Done done) {
  for (int i = 0; !done(); i++) {
    if (i < 2000)
      pause();
    else
      sched_yield();
  }
}

using Clock = std::chrono::steady_clock;

long nanoseconds_since(Clock::time_point start) {
  return long(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

}  // namespace

void Team::barrier(int member) {
  if (size == 1) return;
  const uint64_t mine = flags[member].passed.load(std::memory_order_relaxed) + 1;
  flags[member].passed.store(mine, std::memory_order_release);
  for (int other = 0; other < size; other++)
    wait_until([&] { return flags[other].passed.load(std::memory_order_acquire) >= mine; });
}

// One piece of work at a time. Its door is open until the caller begins; who has entered by then takes part.
class Pool {
 public:
  void run(int threads, long patience, void (*work)(void*, Team&, int), void* context) {
    if (threads > max_members) threads = max_members;
    std::unique_lock<std::mutex> turn(one_caller, std::defer_lock);
    if (threads <= 1 || !turn.try_lock()) {
      Team alone;
      return work(context, alone, 0);
    }
    hire(threads - 1);
    this->work = work, this->context = context;
    for (auto& flag : team.flags) flag.passed.store(0, std::memory_order_relaxed);
    working.store(0, std::memory_order_relaxed);
    const int wanted = threads < hired + 1 ? threads : hired + 1;
    places.store(wanted, std::memory_order_relaxed);
    door.store(1, std::memory_order_release);
    call();
    const auto start = Clock::now();
    while (int(door.load(std::memory_order_acquire)) < wanted && nanoseconds_since(start) < patience) pause();
    team.size = int(door.exchange(closed, std::memory_order_acq_rel));
    working.store(team.size - 1, std::memory_order_relaxed);
    begun.store(generation.load(std::memory_order_relaxed), std::memory_order_release);
    work(context, team, 0);
    wait_until([&] { return working.load(std::memory_order_acquire) == 0; });
  }

 private:
  static constexpr uint32_t closed = ~0u;

  void hire(int wanted) {
    while (hired < wanted) {
      pthread_t thread;
      if (pthread_create(&thread, nullptr, &Pool::serve, this) != 0) return;  // fewer do the work
      pthread_detach(thread);
      hired++;
    }
  }

  void call() {
    generation.fetch_add(1, std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_seq_cst) == 0) return;
    std::lock_guard<std::mutex> lock(bed);
    morning.notify_all();
  }

  static void* serve(void* pool) {
    static_cast<Pool*>(pool)->serve();
    return nullptr;
  }

  [[noreturn]] void serve() {
    sigset_t every;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, nullptr);  // signals are for the threads of the program
    for (uint64_t seen = 0;;) {
      seen = next_call(seen);
      uint32_t before = door.load(std::memory_order_acquire);
      while (before != closed && before != 0 && int(before) < places.load(std::memory_order_relaxed))
        if (door.compare_exchange_weak(before, before + 1, std::memory_order_acq_rel)) {
          wait_until([&] { return begun.load(std::memory_order_acquire) == generation.load(std::memory_order_relaxed); });
          work(context, team, int(before));
          working.fetch_sub(1, std::memory_order_acq_rel);
          break;
        }
    }
  }

  uint64_t next_call(uint64_t seen) {
    const auto start = Clock::now();
    for (int i = 0;; i++) {
      const uint64_t now = generation.load(std::memory_order_acquire);
      if (now != seen) return now;
      if (i < 1500) {
        pause();
      } else if (nanoseconds_since(start) < 300000) {
        sched_yield();
      } else {
        break;
      }
    }
    std::unique_lock<std::mutex> lock(bed);
    asleep.fetch_add(1, std::memory_order_seq_cst);
    morning.wait(lock, [&] { return generation.load(std::memory_order_seq_cst) != seen; });
    asleep.fetch_sub(1, std::memory_order_relaxed);
    return generation.load(std::memory_order_acquire);
  }

  std::mutex one_caller;
  int hired = 0;
  void (*work)(void*, Team&, int) = nullptr;
  void* context = nullptr;
  Team team;
  std::atomic<uint64_t> generation{0}, begun{0};
  std::atomic<uint32_t> door{0};  // how many have entered; 0 before the first work
  std::atomic<int> places{0}, working{0}, asleep{0};
  std::mutex bed;
  std::condition_variable morning;
};

namespace {

alignas(Pool) unsigned char place[sizeof(Pool)];

// In a child process the threads are gone and a lock may be held for ever: there the pool begins anew. What the old one
// held is left as it is, for its threads exist in the parent only.
Pool* begin() { return new (place) Pool; }
Pool* pool = [] {
  pthread_atfork(nullptr, nullptr, [] { begin(); });
  return begin();
}();

}  // namespace

void run_together(int threads, long patience, void (*work)(void*, Team&, int), void* context) {
  pool->run(threads, patience, work, context);
}

}  // namespace keepgate
