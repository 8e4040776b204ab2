// Work shared by threads, without PyTorch's headers: they take longer to compile than all that is here.
//
// Not OpenMP, whose threads all have to arrive at the end: one that has no processor then holds up the others. Here a
// thread that comes late finds nothing left to do, and nobody waits for it.

#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "denormals.h"

namespace {

constexpr int64_t WORTH = 1 << 16;  // updates of a vector of states that are worth another thread

// What the threads of one call share. It outlives the call where a thread comes late.
struct Team {
  explicit Team(int64_t count) : count(count) {}

  // The next item, or `count` and more.
  int64_t take() { return next.fetch_add(1, std::memory_order_relaxed); }
  void finish() {
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 < count) return;
    std::lock_guard<std::mutex> lock(mutex);
    finished.notify_one();
  }
  void wait() {
    std::unique_lock<std::mutex> lock(mutex);
    finished.wait(lock, [&] { return done.load(std::memory_order_acquire) == count; });
  }

  const int64_t count;
  std::atomic<int64_t> next{0}, done{0};
  std::mutex mutex;
  std::condition_variable finished;
};

// work(i) for all i < count, in `threads` threads at most, with denormals as zero. `updates` is about how many vectors of
// states all of it takes.
template <typename Work>
void parallel_for(int64_t count, int64_t threads, int64_t updates, const Work& work) {
  const int64_t helpers = std::min({count, threads, updates / WORTH + 1}) - 1;
  if (helpers < 1) {
    const DenormalsAsZero flushed;
    for (int64_t i = 0; i < count; ++i) work(i);
    return;
  }
  const auto team = std::make_shared<Team>(count);
  const auto run = [team, &work] {  // `work` is there as long as there is an item to take
    const DenormalsAsZero flushed;
    for (int64_t i; (i = team->take()) < team->count;) work(i), team->finish();
  };
  try {
    for (int64_t i = 0; i < helpers; ++i) std::thread(run).detach();
  } catch (const std::system_error&) {  // no more threads: what there are will do
  }
  run();
  team->wait();
}

}  // namespace
