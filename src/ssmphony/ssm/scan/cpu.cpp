// The selective scan of Mamba (S6) and its form with one decay a head (Mamba-2, SSD), float32, forward and backward.
//
//     h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t],    y[t] = C[t] . h[t] + D u[t]
//
// A vector holds the same state of neighbouring channels, and the states are the inner loop: what a step touches stays
// in registers and the first cache. The channels of SSD are those of its heads, side by side. Time runs in chunks:
// forward keeps the state in front of each, backward starts there again. Threads share rows of the batch and slices of
// the channels; what several slices add to (B, C and the steps of a head) has a buffer for each slice.

#include <algorithm>
#include <numeric>
#include <vector>

#include "parallel.h"
#include "vector.h"

namespace {

constexpr int64_t STEPS = 32;  // of a chunk; Python keeps the states of as many

// The neighbouring channels of one vector.
struct Block {
  int64_t first, lanes, head, group;
};

// Inputs of either scan, as Python gives them. HEADS: delta (batch, time, head), A and D (head,). Otherwise one head as
// wide as the channels, delta (batch, time, channel), A (channel, n), D (channel,). B, C (batch, time, group, n), state
// (batch, channel, n). Slices of the channels share a row: so many that every thread has as much to do.
struct Scan {
  const float *u, *delta, *A, *B, *C, *D, *state;
  const bool* reset;  // (batch, time), or none
  int64_t batch, time, heads, width, groups, n, slices, threads;

  int64_t channels() const { return heads * width; }
  int64_t chunks() const { return (time + STEPS - 1) / STEPS; }
  const bool* resets(int64_t row) const { return reset ? reset + row * time : nullptr; }

  std::vector<Block> blocks() const {
    std::vector<Block> all;
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t i = 0; i < width; i += LANES)
        all.push_back({head * width + i, std::min(LANES, width - i), head, head / (heads / groups)});
    return all;
  }

  // work(row, slice, first block, last block + 1).
  template <typename Work>
  void parallel(int64_t count, const Work& work) const {
    parallel_for(batch * slices, threads, batch * count * time * n, [&](int64_t item) {
      const int64_t slice = item % slices;
      work(item / slices, slice, count * slice / slices, count * (slice + 1) / slices);
    });
  }
};

// A (lanes of channels, n), or one vector of the head's, and the skip D.
template <bool HEADS>
void parameters(const Scan& s, const Block& b, Vec* A, Vec& D) {
  const float *a = s.A, *d = s.D;
  D = HEADS ? Vec{} + d[b.head] : load(d + b.first, b.lanes);
  if (HEADS) A[0] = Vec{} + a[b.head];
  else for (int64_t n = 0; n < s.n; ++n)
    for (int64_t i = 0; i < LANES; ++i) A[n][i] = i < b.lanes ? a[(b.first + i) * s.n + n] : 0.0f;
}

template <bool HEADS>
Vec step_size(const Scan& s, const float* delta, int64_t t, const Block& b) {
  return HEADS ? Vec{} + delta[t * s.heads + b.head] : load(delta + t * s.width + b.first, b.lanes);
}

template <bool HEADS>
void forward(const Scan& s, const std::vector<Block>& blocks, int64_t row, int64_t from, int64_t to, float* y,
             float* last, float* kept) {
  const int64_t N = s.n, rows = HEADS ? 1 : N, channels = s.channels(), chunks = s.chunks();
  const float *u = s.u + row * s.time * channels, *state = s.state;
  const float* delta = s.delta + row * s.time * (HEADS ? s.heads : s.width);
  const int64_t stride = s.groups * N;
  const float *B = s.B + row * s.time * stride, *C = s.C + row * s.time * stride;
  const bool* reset = s.resets(row);
  std::vector<Vec> h((to - from) * N), A((to - from) * rows), D(to - from);
  for (int64_t i = from; i < to; ++i) {
    const Block& b = blocks[i];
    parameters<HEADS>(s, b, &A[(i - from) * rows], D[i - from]);
    for (int64_t n = 0; n < rows; ++n) A[(i - from) * rows + n] *= LOG2E;
    for (int64_t n = 0; n < N; ++n)
      for (int64_t l = 0; l < LANES; ++l)
        h[(i - from) * N + n][l] = l < b.lanes ? state[(row * channels + b.first + l) * N + n] : 0.0f;
  }
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (int64_t i = from; i < to; ++i) {
      const Block b = blocks[i];
      Vec* __restrict x = &h[(i - from) * N];
      const Vec* __restrict a = &A[(i - from) * rows];
      const Vec skip = D[i - from];
      if (kept) {
        float* to_keep = kept + ((row * chunks + chunk) * channels + b.first) * N;
        for (int64_t n = 0; n < N; ++n) store(to_keep + n * b.lanes, x[n], b.lanes);
      }
      const int64_t end = std::min(s.time, (chunk + 1) * STEPS);
      for (int64_t t = chunk * STEPS; t < end; ++t) {
        if (reset && reset[t]) std::fill(x, x + N, Vec{});
        const Vec dt = step_size<HEADS>(s, delta, t, b), input = load(u + t * channels + b.first, b.lanes);
        const Vec drive = dt * input, decay = HEADS ? exp2(dt * a[0]) : Vec{};
        const float *Bt = B + t * stride + b.group * N, *Ct = C + t * stride + b.group * N;
        Vec even = skip * input, odd{};
        int64_t n = 0;
        for (; n + 1 < N; n += 2) {
          x[n] = (HEADS ? decay : exp2(dt * a[n])) * x[n] + drive * Bt[n];
          x[n + 1] = (HEADS ? decay : exp2(dt * a[n + 1])) * x[n + 1] + drive * Bt[n + 1];
          even += x[n] * Ct[n];
          odd += x[n + 1] * Ct[n + 1];
        }
        if (n < N) {
          x[n] = (HEADS ? decay : exp2(dt * a[n])) * x[n] + drive * Bt[n];
          even += x[n] * Ct[n];
        }
        store(y + (row * s.time + t) * channels + b.first, even + odd, b.lanes);
      }
    }
  }
  for (int64_t i = from; i < to; ++i) {
    const Block& b = blocks[i];
    for (int64_t n = 0; n < N; ++n)
      for (int64_t l = 0; l < b.lanes; ++l) last[(row * channels + b.first + l) * N + n] = h[(i - from) * N + n][l];
  }
}

// Where backward writes. A and D are sums over time still to be summed over the batch: (batch, channel, n or 1) and
// (batch, channel). B, C (slice, batch, time, group, n); delta (slice, batch, time, head) for heads.
struct Gradients {
  float *u, *delta, *A, *B, *C, *D, *state;
};

template <bool HEADS>
void backward(const Scan& s, const std::vector<Block>& blocks, const Gradients& grad, const float* grad_y,
              const float* grad_last, const float* kept, int64_t row, int64_t slice, int64_t from, int64_t to) {
  const int64_t N = s.n, rows = HEADS ? 1 : N, stride = s.groups * N, count = to - from;
  const int64_t channels = s.channels(), chunks = s.chunks();
  const float* u = s.u + row * s.time * channels;
  const float* delta = s.delta + row * s.time * (HEADS ? s.heads : s.width);
  const float *B = s.B + row * s.time * stride, *C = s.C + row * s.time * stride;
  const int64_t shared = slice * s.batch + row;  // of the buffers that each slice has for itself
  float *dB = grad.B + shared * s.time * stride, *dC = grad.C + shared * s.time * stride;
  float* ddelta = grad.delta + (HEADS ? shared * s.time * s.heads : row * s.time * s.width);
  const bool* reset = s.resets(row);
  std::vector<Vec> adjoint(count * N), A(count * rows), D(count), dA(count * rows), dD(count);
  std::vector<Vec> trace((STEPS + 1) * N), decays(STEPS * rows), sums_B(STEPS * N), sums_C(STEPS * N);
  for (int64_t i = from; i < to; ++i) {
    const Block& b = blocks[i];
    parameters<HEADS>(s, b, &A[(i - from) * rows], D[i - from]);
    for (int64_t n = 0; n < N; ++n)
      for (int64_t l = 0; l < LANES; ++l)
        adjoint[(i - from) * N + n][l] = l < b.lanes ? grad_last[(row * channels + b.first + l) * N + n] : 0.0f;
  }
  for (int64_t chunk = chunks - 1; chunk >= 0; --chunk) {
    const int64_t start = chunk * STEPS, steps = std::min(STEPS, s.time - start);
    for (int64_t i = from; i < to; ++i) {
      const Block b = blocks[i];
      const Vec *__restrict a = &A[(i - from) * rows], skip = D[i - from];
      if (i == from || b.group != blocks[i - 1].group) {
        std::fill(sums_B.begin(), sums_B.end(), Vec{});
        std::fill(sums_C.begin(), sums_C.end(), Vec{});
      }
      const float* before = kept + ((row * chunks + chunk) * channels + b.first) * N;
      for (int64_t n = 0; n < N; ++n) trace[n] = load(before + n * b.lanes, b.lanes);
      for (int64_t j = 0; j < steps; ++j) {
        const int64_t t = start + j;
        const Vec dt = step_size<HEADS>(s, delta, t, b), drive = dt * load(u + t * channels + b.first, b.lanes);
        const bool cleared = reset && reset[t];
        const float* Bt = B + t * stride + b.group * N;
        const Vec* __restrict x = &trace[j * N];
        Vec *__restrict next = &trace[(j + 1) * N], *__restrict decay = &decays[j * rows];
        for (int64_t n = 0; n < rows; ++n) decay[n] = cleared ? Vec{} : exp2(dt * a[n] * LOG2E);
        for (int64_t n = 0; n < N; ++n) next[n] = decay[HEADS ? 0 : n] * x[n] + drive * Bt[n];
      }
      Vec *__restrict g = &adjoint[(i - from) * N], *__restrict da = &dA[(i - from) * rows];
      Vec dskip = dD[i - from];
      for (int64_t j = steps - 1; j >= 0; --j) {
        const int64_t t = start + j, at = t * channels + b.first;
        const Vec dt = step_size<HEADS>(s, delta, t, b), input = load(u + at, b.lanes), drive = dt * input;
        const Vec gy = load(grad_y + row * s.time * channels + at, b.lanes);
        const float *Bt = B + t * stride + b.group * N, *Ct = C + t * stride + b.group * N;
        const Vec *__restrict x = &trace[j * N], *__restrict next = x + N, *__restrict decay = &decays[j * rows];
        Vec *__restrict sb = &sums_B[j * N], *__restrict sc = &sums_C[j * N];
        Vec through_B{}, through_A{};
        for (int64_t n = 0; n < N; ++n) {
          const Vec k = g[n] + gy * Ct[n];
          sc[n] += gy * next[n];
          sb[n] += k * drive;
          through_B += k * Bt[n];
          g[n] = k * decay[HEADS ? 0 : n];
          const Vec q = g[n] * x[n];  // the gradient of delta A
          if (!HEADS) da[n] += q * dt;
          through_A += HEADS ? q : q * a[n];
        }
        if (HEADS) da[0] += through_A * dt, through_A *= a[0];
        dskip += gy * input;
        store(grad.u + row * s.time * channels + at, gy * skip + through_B * dt, b.lanes);
        const Vec step = through_B * input + through_A;
        if (HEADS) ddelta[t * s.heads + b.head] += sum(step);
        else store(ddelta + t * s.width + b.first, step, b.lanes);
      }
      dD[i - from] = dskip;
      if (i + 1 == to || b.group != blocks[i + 1].group)
        for (int64_t j = 0; j < steps; ++j)
          for (int64_t n = 0; n < N; ++n) {
            dB[(start + j) * stride + b.group * N + n] = sum(sums_B[j * N + n]);
            dC[(start + j) * stride + b.group * N + n] = sum(sums_C[j * N + n]);
          }
    }
  }
  for (int64_t i = from; i < to; ++i) {
    const Block& b = blocks[i];
    for (int64_t l = 0; l < b.lanes; ++l) {
      const int64_t channel = row * channels + b.first + l;
      grad.D[channel] = dD[i - from][l];
      for (int64_t n = 0; n < rows; ++n) grad.A[channel * rows + n] = dA[(i - from) * rows + n][l];
      for (int64_t n = 0; n < N; ++n) grad.state[channel * N + n] = adjoint[(i - from) * N + n][l];
    }
  }
}

}  // namespace

extern "C" {

int64_t ssmphony_lanes() { return LANES; }

// y as u, last as state, kept (batch, chunk, channel, n) or none.
void ssmphony_scan(const Scan* s, float* y, float* last, float* kept, int64_t per_head) {
  const std::vector<Block> blocks = s->blocks();
  s->parallel(blocks.size(), [&](int64_t row, int64_t, int64_t from, int64_t to) {
    (per_head ? forward<true> : forward<false>)(*s, blocks, row, from, to, y, last, kept);
  });
}

void ssmphony_scan_backward(const Scan* s, const float* grad_y, const float* grad_last, const float* kept,
                            const Gradients* grad, int64_t per_head) {
  const std::vector<Block> blocks = s->blocks();
  s->parallel(blocks.size(), [&](int64_t row, int64_t slice, int64_t from, int64_t to) {
    (per_head ? backward<true> : backward<false>)(*s, blocks, *grad, grad_y, grad_last, kept, row, slice, from, to);
  });
}

}  // extern "C"
