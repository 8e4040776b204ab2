// Work shared by threads, without PyTorch's headers: they take longer to compile than all that is here.

#pragma once

#include <algorithm>
#include <cstdint>

namespace {

// work(i) for all i < count, in `threads` threads at most, each with a run of neighbours.
template <typename Work>
void parallel_for(int64_t count, int64_t threads, const Work& work) {
  const int64_t team = std::max<int64_t>(std::min(count, threads), 1);
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads(team) if (team > 1)
#endif
  for (int64_t i = 0; i < count; ++i) work(i);
  (void)team;
}

}  // namespace
