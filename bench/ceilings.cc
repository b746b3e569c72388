// What this machine can do at most, to hold a kernel's time against: products in registers, reads, a barrier.
// Compiled once for each vector width by ceilings.py, with KEEPGATE_BYTES the size of a register.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

constexpr int lanes = KEEPGATE_BYTES / 4;
// As many sums as fit in the registers beside two factors; a product takes 4 cycles and two start in each.
constexpr int sums = KEEPGATE_BYTES == 64 ? 24 : 12;
typedef float Vector __attribute__((vector_size(KEEPGATE_BYTES)));

#if defined(__x86_64__)
#define KEEPGATE_IN_REGISTER(v) asm volatile("" : "+v"(v))
void pause_a_moment() { __builtin_ia32_pause(); }
#else
#define KEEPGATE_IN_REGISTER(v) asm volatile("" : "+w"(v))
void pause_a_moment() {}
#endif

volatile float sink;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Where all threads wait for each other, without sleep.
class Barrier {
 public:
  explicit Barrier(int threads) : flags_(threads) {}

  void wait(int me, long turn) {
    flags_[me].turn.store(turn, std::memory_order_release);
    for (Flag& other : flags_)
      while (other.turn.load(std::memory_order_acquire) < turn) pause_a_moment();
  }

 private:
  struct alignas(64) Flag {
    std::atomic<long> turn{0};
  };
  std::vector<Flag> flags_;
};

// Seconds until the last of the threads has done `work`; all begin together.
template <class Work>
double seconds_of(int threads, Work work) {
  Barrier barrier(threads);
  std::vector<double> began(threads), ended(threads);
  auto one = [&](int me) {
    barrier.wait(me, 1);
    began[me] = now();
    work(me, barrier);
    ended[me] = now();
  };
  std::vector<std::thread> others;
  for (int me = 1; me < threads; ++me) others.emplace_back(one, me);
  one(0);
  for (std::thread& other : others) other.join();
  double first = began[0], last = ended[0];
  for (int me = 1; me < threads; ++me) {
    if (began[me] < first) first = began[me];
    if (ended[me] > last) last = ended[me];
  }
  return last - first;
}

__attribute__((noinline)) float multiply_add(long times) {
  Vector sum[sums], factor, term;
  for (int lane = 0; lane < lanes; ++lane) factor[lane] = 0.999f, term[lane] = 1e-3f;
#pragma GCC unroll 32
  for (int i = 0; i < sums; ++i) sum[i] = factor;
  for (long k = 0; k < times; ++k) {
#pragma GCC unroll 32
    for (int i = 0; i < sums; ++i) sum[i] = sum[i] * factor + term;
    // Without this the compiler may see that every sum is the same.
#pragma GCC unroll 32
    for (int i = 0; i < sums; ++i) KEEPGATE_IN_REGISTER(sum[i]);
  }
#pragma GCC unroll 32
  for (int i = 1; i < sums; ++i) sum[0] += sum[i];
  return sum[0][0];
}

__attribute__((noinline)) float read(const Vector* data, long vectors) {
  Vector sum[8] = {};
  for (long k = 0; k < vectors; k += 8) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) sum[i] += data[k + i];
  }
#pragma GCC unroll 8
  for (int i = 1; i < 8; ++i) sum[0] += sum[i];
  return sum[0][0];
}

}  // namespace

// fp32 operations a second, all threads together; `times` sets how long it takes.
extern "C" double multiply_add_rate(int threads, long times) {
  const double seconds = seconds_of(threads, [&](int, Barrier&) { sink = multiply_add(times); });
  return 2.0 * lanes * sums * times * threads / seconds;
}

// Bytes a second, all threads together, each reading its own `bytes` (a multiple of 4096) `times` over.
extern "C" double read_rate(int threads, long bytes, long times) {
  std::vector<void*> data(threads);
  for (void*& each : data) {
    each = std::aligned_alloc(4096, bytes);
    if (!each) return 0;
    std::memset(each, 0, bytes);
  }
  const double seconds = seconds_of(threads, [&](int me, Barrier&) {
    for (long k = 0; k < times; ++k) sink = read(static_cast<const Vector*>(data[me]), bytes / sizeof(Vector));
  });
  for (void* each : data) std::free(each);
  return static_cast<double>(bytes) * times * threads / seconds;
}

// Seconds that one wait for each other takes.
extern "C" double barrier_seconds(int threads, long times) {
  return seconds_of(threads,
                    [&](int me, Barrier& barrier) {
                      for (long turn = 2; turn < times + 2; ++turn) barrier.wait(me, turn);
                    }) /
         times;
}
