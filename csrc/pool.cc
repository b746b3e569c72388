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

long now() { return long(std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count()); }

// Spins for up to a millisecond, then yields: beside a busy process a thread that only spins delays both, and
// one that yields at once does not get its processor back for milliseconds. Returns the nanoseconds of a long wait.
template <class Condition>
long wait_until(Condition condition) {
  long since = 0;
  for (int i = 0; !condition(); i++) {
    if (i == 100) since = now();
    i < 25000 ? pause() : void(sched_yield());
  }
  return since ? now() - since : 0;
}

// Nanoseconds that member 0 waits for the others whatever it works itself.
constexpr long tolerated_wait = 200000;

}  // namespace

long Team::lost() const {
  const long taken = now() - start;
  return taken - size * (taken - waited);
}

bool Team::barrier(int member) {
  const int members = size;
  if (members == 1) return true;
  const uint64_t mine = flags[member].passed.load(std::memory_order_relaxed) + 1;
  if (member == 0 && waited > tolerated_wait && lost() > 0) last_barrier.store(mine, std::memory_order_relaxed);
  flags[member].passed.store(mine, std::memory_order_release);
  for (int other = 0; other < members; other++) {
    const long wait = wait_until([&] { return flags[other].passed.load(std::memory_order_acquire) >= mine; });
    if (member == 0) waited += wait;
  }
  const bool dissolved = last_barrier.load(std::memory_order_relaxed) == mine;
  if (dissolved && member == 0) size = 1;
  return !dissolved || member == 0;
}

// One problem at a time. Threads join through `ticket` until the caller closes it; who has joined by then takes part.
class Pool {
 public:
  void run(int threads, long join_timeout, void (*work)(void*, Team&, int), void* context) {
    if (threads > max_members) threads = max_members;
    std::unique_lock<std::mutex> lock(one_caller, std::defer_lock);
    if (threads <= 1 || !lock.try_lock() || (alone_until && now() < alone_until)) {
      Team alone;
      return work(context, alone, 0);
    }
    const bool borrowed = parallel && own_thread_runs == 0;
    if (!borrowed) spawn(threads - 1);
    wanted = uint64_t(borrowed || threads < spawned + 1 ? threads : spawned + 1);
    this->work = work, this->context = context, this->join_timeout = join_timeout;
    for (auto& flag : team.flags) flag.passed.store(0, std::memory_order_relaxed);
    finished.store(0, std::memory_order_relaxed);
    const uint64_t open = ++run_number << 16 | wanted << 8;
    ticket.store(open | 1, std::memory_order_seq_cst);
    if (borrowed) return run_on_borrowed_threads();
    if (own_thread_runs > 0) own_thread_runs--;
    wake();
    run_as_caller();
  }

  void borrow(Parallel parallel) {
    std::lock_guard<std::mutex> lock(one_caller);
    this->parallel = parallel, own_thread_runs = 0, alone_until = 0;
  }

 private:
  // The ticket packs: the number of the run (bits 16 up), how many members are wanted (8-15), whether joining is closed
  // (7), how many have joined (0-6). As it is one atomic, nobody joins a later run than the one whose ticket was read.
  static constexpr uint64_t closed = 1 << 7;
  static uint64_t joined(uint64_t ticket) { return ticket & (closed - 1); }
  static bool is_open(uint64_t ticket) { return !(ticket & closed) && joined(ticket) < (ticket >> 8 & 0xff); }

  // OpenMP joins when its last thread has come, beside a busy process milliseconds after the work was done. If that
  // happens, the pool's own threads, for which nobody waits, take the next runs.
  void run_on_borrowed_threads() {
    caller = pthread_self();
    const auto take_part = [](void* pool) {
      Pool& p = *static_cast<Pool*>(pool);
      pthread_equal(p.caller, pthread_self()) ? p.run_as_caller() : p.join(p.ticket.load(std::memory_order_acquire));
    };
    parallel(take_part, this, unsigned(wanted), 0);
    if (now() - done > 300000) own_thread_runs = 256;
  }

  // Member 0: closes the ticket, works, and waits for the members that joined.
  void run_as_caller() {
    const long start = now();
    while (joined(ticket.load(std::memory_order_acquire)) < wanted && now() - start < join_timeout) pause();
    const int members = int(joined(ticket.fetch_or(closed, std::memory_order_acq_rel)));
    team.size = members, team.start = now(), team.waited = 0;
    team.last_barrier.store(0, std::memory_order_relaxed);
    started.store(run_number, std::memory_order_release);
    work(context, team, 0);
    team.waited += wait_until([&] { return finished.load(std::memory_order_acquire) == members - 1; });
    done = now();
    const long lost = team.lost();
    alone_until = lost > 0 ? done + 20 * lost : 0;
  }

  // Another member: joins the run whose ticket was read if that is still open, and works.
  void join(uint64_t read) {
    while (is_open(read))
      if (ticket.compare_exchange_weak(read, read + 1, std::memory_order_acq_rel)) {
        wait_until([&] { return started.load(std::memory_order_acquire) == read >> 16; });
        work(context, team, int(joined(read)));
        finished.fetch_add(1, std::memory_order_acq_rel);
        return;
      }
  }

  void spawn(int wanted) {
    while (spawned < wanted) {
      pthread_t thread;
      const auto serve = [](void* pool) -> void* { static_cast<Pool*>(pool)->serve(); };
      if (pthread_create(&thread, nullptr, serve, this) != 0) return;  // the team is smaller
      pthread_detach(thread);
      spawned++;
    }
  }

  void wake() {
    if (sleeping.load(std::memory_order_seq_cst) == 0) return;
    std::lock_guard<std::mutex> lock(sleep_mutex);
    wake_condition.notify_all();
  }

  [[noreturn]] void serve() {
    sigset_t every;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, nullptr);  // signals go to the program's threads
    for (uint64_t last_run = 0;;) {
      const uint64_t next = next_ticket(last_run);
      last_run = next >> 16;
      join(next);
    }
  }

  // The ticket of a later run than `last_run`.
  uint64_t next_ticket(uint64_t last_run) {
    // Waking a sleeping thread costs as much as a small layer, so it spins for 1 to 2 ms first. A condition variable
    // wakes at once even on a busy machine; sched_yield does not.
    for (int i = 0; i < 100000; i++) {
      const uint64_t now = ticket.load(std::memory_order_acquire);
      if (now >> 16 != last_run) return now;
      pause();
    }
    std::unique_lock<std::mutex> lock(sleep_mutex);
    sleeping.fetch_add(1, std::memory_order_seq_cst);
    wake_condition.wait(lock, [&] { return ticket.load(std::memory_order_seq_cst) >> 16 != last_run; });
    sleeping.fetch_sub(1, std::memory_order_relaxed);
    return ticket.load(std::memory_order_acquire);
  }

  std::mutex one_caller;  // guards all that is no atomic, for the length of a run
  Parallel parallel = nullptr;
  long own_thread_runs = 0;  // runs for which borrowed threads are left alone
  int spawned = 0;
  long join_timeout = 0;
  pthread_t caller;
  long done = 0, alone_until = 0;
  uint64_t run_number = 0, wanted = 0;
  void (*work)(void*, Team&, int) = nullptr;
  void* context = nullptr;
  Team team;
  std::atomic<uint64_t> ticket{closed}, started{0};
  std::atomic<int> finished{0}, sleeping{0};
  std::mutex sleep_mutex;
  std::condition_variable wake_condition;
};

namespace {

alignas(Pool) unsigned char pool_storage[sizeof(Pool)];

// A forked child has none of the threads, and a mutex may be locked for ever: there the pool is constructed anew over
// the old one, whose threads exist in the parent only.
Pool* construct() { return new (pool_storage) Pool; }
Pool* pool = [] {
  pthread_atfork(nullptr, nullptr, [] { construct(); });
  return construct();
}();

}  // namespace

void borrow_threads(Parallel parallel) { pool->borrow(parallel); }

void run_together(int threads, long join_timeout, void (*work)(void*, Team&, int), void* context) {
  pool->run(threads, join_timeout, work, context);
}

}  // namespace keepgate
