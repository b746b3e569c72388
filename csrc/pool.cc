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

// Spins for some tenths of a millisecond, then lets others run: a thread that only spins beside a busy neighbour makes
// both wait, and one that steps aside at once is not given the processor back for milliseconds.
template <class Done>
void wait_until(Done done) {
  for (int i = 0; !done(); i++) i < 25000 ? pause() : void(sched_yield());
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
    const bool lent = parallel && own_turns == 0;
    if (!lent) hire(threads - 1);
    wanted = uint64_t(lent || threads < hired + 1 ? threads : hired + 1);
    this->work = work, this->context = context, this->patience = patience;
    for (auto& flag : team.flags) flag.passed.store(0, std::memory_order_relaxed);
    finished.store(0, std::memory_order_relaxed);
    const uint64_t open = ++turns << 16 | wanted << 8;
    door.store(open | 1, std::memory_order_seq_cst);
    if (lent) return on_lent_threads();
    if (own_turns > 0) own_turns--;
    wake();
    lead();
  }

  Parallel parallel = nullptr;
  long own_turns = 0;  // for which lent threads are left alone

 private:
  // The door's number: whose turn it is, how many members are wanted, whether it is closed, how many have entered.
  // Since it is one number, nobody enters a later work than the one whose door was seen open.
  static constexpr uint64_t closed = 1 << 7;
  static uint64_t entered(uint64_t door) { return door & (closed - 1); }
  static bool is_open(uint64_t door) { return !(door & closed) && entered(door) < (door >> 8 & 0xff); }

  // OpenMP returns when the last of its threads has come, which beside a busy neighbour can be milliseconds after the
  // work was done. Then threads of our own, for which nobody waits, take the next turns.
  void on_lent_threads() {
    caller = pthread_self();
    const auto take_part = [](void* pool) {
      Pool& p = *static_cast<Pool*>(pool);
      pthread_equal(p.caller, pthread_self()) ? p.lead() : p.follow(p.door.load(std::memory_order_acquire));
    };
    parallel(take_part, this, unsigned(wanted), 0);
    if (nanoseconds_since(done) > 300000) own_turns = 256;
  }

  // The caller's part: closes the door, works, and waits for who has entered.
  void lead() {
    const auto start = Clock::now();
    while (entered(door.load(std::memory_order_acquire)) < wanted && nanoseconds_since(start) < patience) pause();
    team.size = int(entered(door.fetch_or(closed, std::memory_order_acq_rel)));
    begun.store(turns, std::memory_order_release);
    work(context, team, 0);
    wait_until([&] { return finished.load(std::memory_order_acquire) == team.size - 1; });
    done = Clock::now();
  }

  // A helper's: enters through a door that was seen open, or does nothing.
  void follow(uint64_t now) {
    while (is_open(now))
      if (door.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) {
        wait_until([&] { return begun.load(std::memory_order_acquire) == now >> 16; });
        work(context, team, int(entered(now)));
        finished.fetch_add(1, std::memory_order_acq_rel);
        return;
      }
  }

  void hire(int wanted) {
    while (hired < wanted) {
      pthread_t thread;
      const auto serve = [](void* pool) -> void* { static_cast<Pool*>(pool)->serve(); };
      if (pthread_create(&thread, nullptr, serve, this) != 0) return;  // fewer do the work
      pthread_detach(thread);
      hired++;
    }
  }

  void wake() {
    if (asleep.load(std::memory_order_seq_cst) == 0) return;
    std::lock_guard<std::mutex> lock(bed);
    morning.notify_all();
  }

  [[noreturn]] void serve() {
    sigset_t every;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, nullptr);  // signals are for the threads of the program
    for (uint64_t seen = 0;;) {
      const uint64_t now = next_turn(seen);
      seen = now >> 16;
      follow(now);
    }
  }

  // The door of a later turn than the one seen last.
  uint64_t next_turn(uint64_t seen) {
    // About a millisecond or two, in which a program that trains comes back: to be woken costs as much as a small
    // layer. Who sleeps then is woken at once, even where others are busy; who has merely stepped aside is not.
    for (int i = 0; i < 100000; i++) {
      const uint64_t now = door.load(std::memory_order_acquire);
      if (now >> 16 != seen) return now;
      pause();
    }
    std::unique_lock<std::mutex> lock(bed);
    asleep.fetch_add(1, std::memory_order_seq_cst);
    morning.wait(lock, [&] { return door.load(std::memory_order_seq_cst) >> 16 != seen; });
    asleep.fetch_sub(1, std::memory_order_relaxed);
    return door.load(std::memory_order_acquire);
  }

  std::mutex one_caller;
  int hired = 0;
  long patience = 0;
  pthread_t caller;
  Clock::time_point done;
  uint64_t turns = 0, wanted = 0;
  void (*work)(void*, Team&, int) = nullptr;
  void* context = nullptr;
  Team team;
  std::atomic<uint64_t> door{closed}, begun{0};
  std::atomic<int> finished{0}, asleep{0};
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

void borrow_threads(Parallel parallel) { pool->parallel = parallel, pool->own_turns = 0; }

void run_together(int threads, long patience, void (*work)(void*, Team&, int), void* context) {
  pool->run(threads, patience, work, context);
}

}  // namespace keepgate
