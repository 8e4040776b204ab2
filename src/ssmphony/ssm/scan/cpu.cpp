// The selective scan of Mamba (S6) and its form with one decay a head (Mamba-2, SSD), float32, forward and backward.
//
//     h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t],    y[t] = C[t] . h[t] + D u[t]
//
// A vector holds the same state of neighbouring channels, and the states are the inner loop: what a step touches stays
// in registers and the first cache. The channels of SSD are those of its heads, side by side. Time runs in chunks:
// forward keeps the state in front of each, backward starts there again. Threads share rows of the batch and slices of
// the channels; what several slices add to (B, C and the steps of a head) has a buffer for each slice.

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

#include "vector.h"

namespace {

using at::Tensor;

constexpr int64_t STEPS = 32;  // of a chunk; Python keeps the states of as many

// The neighbouring channels of one vector.
struct Block {
  int64_t first, lanes, head, group;
};

// Inputs of either scan. HEADS: delta (batch, time, head), A and D (head,). Otherwise one head as wide as the channels,
// delta (batch, time, channel), A (channel, n), D (channel,). B, C (batch, time, group, n), state (batch, channel, n).
struct Scan {
  Tensor u, delta, A, B, C, D, state, reset;
  int64_t batch, time, heads, width, groups, n, channels, chunks, slices;
  std::vector<Block> blocks;

  Scan(bool per_head, const Tensor& u_, const Tensor& delta_, const Tensor& A_, const Tensor& B_, const Tensor& C_,
       const Tensor& D_, const Tensor& state_, const std::optional<Tensor>& reset_)
      : u(u_.contiguous()), delta(delta_.contiguous()), A(A_.contiguous()), B(B_.contiguous()), C(C_.contiguous()),
        D(D_.contiguous()), state(state_.contiguous()) {
    if (reset_) reset = reset_->contiguous();
    TORCH_CHECK(u.dim() == (per_head ? 4 : 3) && B.dim() == u.dim(), "scan: u or B has a wrong number of axes");
    batch = u.size(0), time = u.size(1), heads = per_head ? u.size(2) : 1, width = u.size(-1), n = B.size(-1);
    groups = per_head ? B.size(2) : 1, channels = heads * width, chunks = (time + STEPS - 1) / STEPS;
    const int64_t steps = batch * time;
    TORCH_CHECK(delta.numel() == steps * (per_head ? heads : width) && B.numel() == steps * groups * n &&
                    C.numel() == B.numel() && A.numel() == (per_head ? heads : width * n) &&
                    D.numel() == (per_head ? heads : width) && state.numel() == batch * channels * n &&
                    (!reset.defined() || (reset.numel() == steps && reset.scalar_type() == at::kBool)) &&
                    groups > 0 && heads % groups == 0,
                "scan: shapes do not fit each other");
    for (const Tensor& t : {u, delta, A, B, C, D, state})
      TORCH_CHECK(t.scalar_type() == at::kFloat, "scan: float32 only");
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t i = 0; i < width; i += LANES)
        blocks.push_back({head * width + i, std::min(LANES, width - i), head, head / (heads / groups)});
    // So many slices of the channels that every thread has as much to do.
    const int64_t threads = at::get_num_threads(), share = threads / std::gcd(std::max<int64_t>(batch, 1), threads);
    slices = std::max<int64_t>(std::min<int64_t>(share, blocks.size()), 1);
  }

  const bool* resets(int64_t row) const {
    return reset.defined() ? reset.const_data_ptr<bool>() + row * time : nullptr;
  }

  // work(row, slice, first block, last block + 1).
  template <typename Work>
  void parallel(const Work& work) const {
    const int64_t count = blocks.size();
    at::parallel_for(0, batch * slices, 1, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t slice = item % slices;
        work(item / slices, slice, count * slice / slices, count * (slice + 1) / slices);
      }
    });
  }
};

// A (lanes of channels, n), or one vector of the head's, and the skip D.
template <bool HEADS>
void parameters(const Scan& s, const Block& b, Vec* A, Vec& D) {
  const float* a = s.A.const_data_ptr<float>();
  const float* d = s.D.const_data_ptr<float>();
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
void forward(const Scan& s, int64_t row, int64_t from, int64_t to, float* y, float* last, float* kept) {
  const int64_t N = s.n, rows = HEADS ? 1 : N;
  const float *u = s.u.const_data_ptr<float>() + row * s.time * s.channels, *state = s.state.const_data_ptr<float>();
  const float* delta = s.delta.const_data_ptr<float>() + row * s.time * (HEADS ? s.heads : s.width);
  const int64_t stride = s.groups * N;
  const float* B = s.B.const_data_ptr<float>() + row * s.time * stride;
  const float* C = s.C.const_data_ptr<float>() + row * s.time * stride;
  const bool* reset = s.resets(row);
  std::vector<Vec> h((to - from) * N), A((to - from) * rows), D(to - from);
  for (int64_t i = from; i < to; ++i) {
    const Block& b = s.blocks[i];
    parameters<HEADS>(s, b, &A[(i - from) * rows], D[i - from]);
    for (int64_t n = 0; n < rows; ++n) A[(i - from) * rows + n] *= LOG2E;
    for (int64_t n = 0; n < N; ++n)
      for (int64_t l = 0; l < LANES; ++l)
        h[(i - from) * N + n][l] = l < b.lanes ? state[(row * s.channels + b.first + l) * N + n] : 0.0f;
  }
  for (int64_t chunk = 0; chunk < s.chunks; ++chunk) {
    for (int64_t i = from; i < to; ++i) {
      const Block b = s.blocks[i];
      Vec* __restrict x = &h[(i - from) * N];
      const Vec* __restrict a = &A[(i - from) * rows];
      const Vec skip = D[i - from];
      if (kept) {
        float* to_keep = kept + ((row * s.chunks + chunk) * s.channels + b.first) * N;
        for (int64_t n = 0; n < N; ++n) store(to_keep + n * b.lanes, x[n], b.lanes);
      }
      const int64_t end = std::min(s.time, (chunk + 1) * STEPS);
      for (int64_t t = chunk * STEPS; t < end; ++t) {
        if (reset && reset[t]) std::fill(x, x + N, Vec{});
        const Vec dt = step_size<HEADS>(s, delta, t, b), input = load(u + t * s.channels + b.first, b.lanes);
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
        store(y + (row * s.time + t) * s.channels + b.first, even + odd, b.lanes);
      }
    }
  }
  for (int64_t i = from; i < to; ++i) {
    const Block& b = s.blocks[i];
    for (int64_t n = 0; n < N; ++n)
      for (int64_t l = 0; l < b.lanes; ++l) last[(row * s.channels + b.first + l) * N + n] = h[(i - from) * N + n][l];
  }
}

// Where backward writes. A and D are sums over time still to be summed over the batch: (batch, channel, n or 1) and
// (batch, channel). B, C (slice, batch, time, group, n); delta (slice, batch, time, head) for heads.
struct Gradients {
  float *u, *delta, *A, *B, *C, *D, *state;
};

template <bool HEADS>
void backward(const Scan& s, const Gradients& grad, const float* grad_y, const float* grad_last, const float* kept,
              int64_t row, int64_t slice, int64_t from, int64_t to) {
  const int64_t N = s.n, rows = HEADS ? 1 : N, stride = s.groups * N, count = to - from;
  const float* u = s.u.const_data_ptr<float>() + row * s.time * s.channels;
  const float* delta = s.delta.const_data_ptr<float>() + row * s.time * (HEADS ? s.heads : s.width);
  const float* B = s.B.const_data_ptr<float>() + row * s.time * stride;
  const float* C = s.C.const_data_ptr<float>() + row * s.time * stride;
  const int64_t shared = slice * s.batch + row;  // of the buffers that each slice has for itself
  float *dB = grad.B + shared * s.time * stride, *dC = grad.C + shared * s.time * stride;
  float* ddelta = grad.delta + (HEADS ? shared * s.time * s.heads : row * s.time * s.width);
  const bool* reset = s.resets(row);
  std::vector<Vec> adjoint(count * N), A(count * rows), D(count), dA(count * rows), dD(count);
  std::vector<Vec> trace((STEPS + 1) * N), decays(STEPS * rows), sums_B(STEPS * N), sums_C(STEPS * N);
  for (int64_t i = from; i < to; ++i) {
    const Block& b = s.blocks[i];
    parameters<HEADS>(s, b, &A[(i - from) * rows], D[i - from]);
    for (int64_t n = 0; n < N; ++n)
      for (int64_t l = 0; l < LANES; ++l)
        adjoint[(i - from) * N + n][l] = l < b.lanes ? grad_last[(row * s.channels + b.first + l) * N + n] : 0.0f;
  }
  for (int64_t chunk = s.chunks - 1; chunk >= 0; --chunk) {
    const int64_t start = chunk * STEPS, steps = std::min(STEPS, s.time - start);
    for (int64_t i = from; i < to; ++i) {
      const Block b = s.blocks[i];
      const Vec *__restrict a = &A[(i - from) * rows], skip = D[i - from];
      if (i == from || b.group != s.blocks[i - 1].group) {
        std::fill(sums_B.begin(), sums_B.end(), Vec{});
        std::fill(sums_C.begin(), sums_C.end(), Vec{});
      }
      const float* before = kept + ((row * s.chunks + chunk) * s.channels + b.first) * N;
      for (int64_t n = 0; n < N; ++n) trace[n] = load(before + n * b.lanes, b.lanes);
      for (int64_t j = 0; j < steps; ++j) {
        const int64_t t = start + j;
        const Vec dt = step_size<HEADS>(s, delta, t, b), drive = dt * load(u + t * s.channels + b.first, b.lanes);
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
        const int64_t t = start + j, at = t * s.channels + b.first;
        const Vec dt = step_size<HEADS>(s, delta, t, b), input = load(u + at, b.lanes), drive = dt * input;
        const Vec gy = load(grad_y + row * s.time * s.channels + at, b.lanes);
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
        store(grad.u + row * s.time * s.channels + at, gy * skip + through_B * dt, b.lanes);
        const Vec step = through_B * input + through_A;
        if (HEADS) ddelta[t * s.heads + b.head] += sum(step);
        else store(ddelta + t * s.width + b.first, step, b.lanes);
      }
      dD[i - from] = dskip;
      if (i + 1 == to || b.group != s.blocks[i + 1].group)
        for (int64_t j = 0; j < steps; ++j)
          for (int64_t n = 0; n < N; ++n) {
            dB[(start + j) * stride + b.group * N + n] = sum(sums_B[j * N + n]);
            dC[(start + j) * stride + b.group * N + n] = sum(sums_C[j * N + n]);
          }
    }
  }
  for (int64_t i = from; i < to; ++i) {
    const Block& b = s.blocks[i];
    for (int64_t l = 0; l < b.lanes; ++l) {
      const int64_t channel = row * s.channels + b.first + l;
      grad.D[channel] = dD[i - from][l];
      for (int64_t n = 0; n < rows; ++n) grad.A[channel * rows + n] = dA[(i - from) * rows + n][l];
      for (int64_t n = 0; n < N; ++n) grad.state[channel * N + n] = adjoint[(i - from) * N + n][l];
    }
  }
}

template <bool HEADS>
std::tuple<Tensor, Tensor, Tensor> scan(const Tensor& u, const Tensor& delta, const Tensor& A, const Tensor& B,
                                        const Tensor& C, const Tensor& D, const Tensor& state,
                                        const std::optional<Tensor>& reset, bool keep) {
  const Scan s(HEADS, u, delta, A, B, C, D, state, reset);
  Tensor y = at::empty_like(s.u), last = at::empty_like(s.state);
  Tensor kept = at::empty({s.batch, keep ? s.chunks : 0, s.channels, s.n}, u.options());
  float *to_y = y.mutable_data_ptr<float>(), *to_last = last.mutable_data_ptr<float>();
  float* to_kept = keep ? kept.mutable_data_ptr<float>() : nullptr;
  s.parallel([&](int64_t row, int64_t, int64_t from, int64_t to) {
    forward<HEADS>(s, row, from, to, to_y, to_last, to_kept);
  });
  return {y, last, kept};
}

template <bool HEADS>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> scan_backward(
    const Tensor& grad_y, const Tensor& grad_last, const Tensor& u, const Tensor& delta, const Tensor& A,
    const Tensor& B, const Tensor& C, const Tensor& D, const Tensor& state, const std::optional<Tensor>& reset,
    const Tensor& kept) {
  const Scan s(HEADS, u, delta, A, B, C, D, state, reset);
  const Tensor gy = grad_y.contiguous(), gl = grad_last.contiguous(), states = kept.contiguous();
  TORCH_CHECK(gy.numel() == u.numel() && gl.numel() == state.numel() &&
                  states.numel() == s.batch * s.chunks * s.channels * s.n,
              "scan: backward needs the gradients of both outputs and the states that forward kept");
  Tensor du = at::empty_like(s.u), dstate = at::empty_like(s.state);
  Tensor ddelta = at::empty_like(s.delta);
  if (HEADS) ddelta = at::zeros({s.slices, s.batch, s.time, s.heads}, u.options());
  Tensor dA = at::empty({s.batch, s.channels, HEADS ? 1 : s.n}, u.options());
  Tensor dD = at::empty({s.batch, s.channels}, u.options());
  Tensor dB = at::zeros({s.slices, s.batch, s.time, s.groups, s.n}, u.options());
  Tensor dC = at::zeros(dB.sizes(), u.options());
  const Gradients grad{du.mutable_data_ptr<float>(), ddelta.mutable_data_ptr<float>(), dA.mutable_data_ptr<float>(),
                       dB.mutable_data_ptr<float>(), dC.mutable_data_ptr<float>(),     dD.mutable_data_ptr<float>(),
                       dstate.mutable_data_ptr<float>()};
  s.parallel([&](int64_t row, int64_t slice, int64_t from, int64_t to) {
    backward<HEADS>(s, grad, gy.const_data_ptr<float>(), gl.const_data_ptr<float>(), states.const_data_ptr<float>(),
                    row, slice, from, to);
  });
  const auto total = [&](const Tensor& parts, const Tensor& like) {
    return (s.slices == 1 ? parts.select(0, 0) : parts.sum(0)).view(like.sizes());
  };
  if (HEADS) {
    ddelta = total(ddelta, delta);
    dA = dA.view({s.batch, s.heads, s.width}).sum(at::IntArrayRef{0, 2});
    dD = dD.view({s.batch, s.heads, s.width}).sum(at::IntArrayRef{0, 2});
  } else {
    dA = dA.sum(0);
    dD = dD.sum(0);
  }
  return {du, ddelta, dA, total(dB, B), total(dC, C), dD, dstate};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(ssmphony, m) {
  for (const char* name : {"selective_scan", "ssd"}) {
    m.def((std::string(name) + "(Tensor u, Tensor delta, Tensor A, Tensor B, Tensor C, Tensor D, Tensor state, "
           "Tensor? reset, bool keep) -> (Tensor, Tensor, Tensor)").c_str());
    m.def((std::string(name) + "_backward(Tensor grad_y, Tensor grad_last, Tensor u, Tensor delta, Tensor A, Tensor B, "
           "Tensor C, Tensor D, Tensor state, Tensor? reset, Tensor kept) -> "
           "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)").c_str());
  }
}

TORCH_LIBRARY_IMPL(ssmphony, CPU, m) {
  m.impl("selective_scan", &scan<false>);
  m.impl("selective_scan_backward", &scan_backward<false>);
  m.impl("ssd", &scan<true>);
  m.impl("ssd_backward", &scan_backward<true>);
}
