// A linear time-invariant system for each channel, diagonal plus low rank, forward and backward (S4 and S4D):
//
//     x[t] = x[t-1] + w * x[t-1] + sum_k q[k] (r[k] . x[t-1]) + b u[t],    y[t] = c . x[t] + D u[t]
//
// The state is in real coordinates: n real parts, then n imaginary parts; `w * x` is the product of complex numbers. The
// transition is given as its difference from the identity, so that slow modes keep the digits of their decay.
//
// A vector holds the same coordinate of neighbouring channels, and the coordinates are the inner loop. Time runs in
// chunks: forward keeps the state in front of each, backward starts there again. Parameters are float64; `Real` is what
// the recurrence is computed in.

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

namespace {

using at::Tensor;

constexpr int64_t STEPS = 32;  // of a chunk; Python keeps the states of as many
#if defined(__AVX512F__)
constexpr int64_t BYTES = 64;
#else
constexpr int64_t BYTES = 32;
#endif

template <typename Real>
struct Lanes {
  static constexpr int64_t COUNT = BYTES / sizeof(Real);
  typedef Real Vec __attribute__((vector_size(BYTES)));

  template <typename From>
  static Vec load(const From* from, int64_t lanes, int64_t stride = 1) {
    Vec v{};
    if (lanes == COUNT) for (int64_t i = 0; i < COUNT; ++i) v[i] = from[i * stride];
    else for (int64_t i = 0; i < lanes; ++i) v[i] = from[i * stride];
    return v;
  }

  template <typename To>
  static void store(To* to, Vec v, int64_t lanes, int64_t stride = 1) {
    if (lanes == COUNT) for (int64_t i = 0; i < COUNT; ++i) to[i * stride] = v[i];
    else for (int64_t i = 0; i < lanes; ++i) to[i * stride] = v[i];
  }
};

struct System {
  Tensor u, w, q, r, b, c, skip, state;
  int64_t batch, time, channels, N, rank, chunks;

  System(const Tensor& u_, const Tensor& w_, const Tensor& q_, const Tensor& r_, const Tensor& b_, const Tensor& c_,
         const Tensor& skip_, const Tensor& state_)
      : u(u_.contiguous()), w(w_.contiguous()), q(q_.contiguous()), r(r_.contiguous()), b(b_.contiguous()),
        c(c_.contiguous()), skip(skip_.contiguous()), state(state_.contiguous()) {
    TORCH_CHECK(u.dim() == 3 && w.dim() == 2 && q.dim() == 3, "linear_scan: shapes do not fit each other");
    batch = u.size(0), time = u.size(1), channels = u.size(2), N = w.size(1), rank = q.size(1);
    chunks = (time + STEPS - 1) / STEPS;
    TORCH_CHECK(w.size(0) == channels && N % 2 == 0 && rank <= 2 && q.size(0) == channels && q.size(2) == N &&
                    r.sizes() == q.sizes() && b.sizes() == w.sizes() && c.sizes() == w.sizes() &&
                    skip.numel() == channels && state.sizes() == at::IntArrayRef({batch, channels, N}),
                "linear_scan: shapes do not fit each other");
    for (const Tensor& t : {u, state}) TORCH_CHECK(t.scalar_type() == at::kFloat, "linear_scan: signals are float32");
    for (const Tensor& t : {w, q, r, b, c, skip})
      TORCH_CHECK(t.scalar_type() == at::kDouble, "linear_scan: parameters are float64");
  }

  // work(row, first channel, channels of the vector).
  template <typename Work>
  void parallel(int64_t lanes, const Work& work) const {
    const int64_t blocks = (channels + lanes - 1) / lanes;
    at::parallel_for(0, batch * blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t first = item % blocks * lanes;
        work(item / blocks, first, std::min(lanes, channels - first));
      }
    });
  }
};

// term(i, 0 or 2) for all i < n: a sum is spread over four accumulators, or each addition would wait for the last.
template <typename Term>
inline void in_pairs(int64_t n, const Term& term) {
  int64_t i = 0;
  for (; i + 1 < n; i += 2) term(i, 0), term(i + 1, 2);
  if (i < n) term(i, 0);
}

// The parameters of the channels of one vector.
template <typename Real, int RANK>
struct Coefficients {
  using L = Lanes<Real>;
  using Vec = typename L::Vec;
  struct Dots { Vec of[RANK + 1]; };

  int64_t n;
  std::vector<Vec> w, q, r, b, c;  // q and r: (rank, N)
  Vec skip;

  Coefficients(const System& s, int64_t first, int64_t lanes) : n(s.N / 2) {
    const auto gather = [&](const Tensor& from, int64_t count) {
      std::vector<Vec> to(count);
      const double* p = from.const_data_ptr<double>() + first * count;
      for (int64_t i = 0; i < count; ++i) to[i] = L::load(p + i, lanes, count);
      return to;
    };
    w = gather(s.w, s.N), b = gather(s.b, s.N), c = gather(s.c, s.N);
    q = gather(s.q, RANK * s.N), r = gather(s.r, RANK * s.N);
    skip = L::load(s.skip.const_data_ptr<double>() + first, lanes);
  }

  // r . x
  Dots dots(const Vec* x) const {
    Dots d{};
    for (int k = 0; k < RANK; ++k)
      for (int64_t i = 0; i < 2 * n; ++i) d.of[k] += r[k * 2 * n + i] * x[i];
    return d;
  }

  // One step from x to `to` (which may be x) with the dots of x; returns y and leaves the dots of the new state.
  Vec step(const Vec* x, Vec* to, Dots& d, Vec u) const {
    const Vec *wr = w.data(), *wi = wr + n, *br = b.data(), *bi = br + n, *cr = c.data(), *ci = cr + n;
    Vec y[4] = {skip * u};
    Dots next[4] = {};
    in_pairs(n, [&](int64_t i, int sum) {
      const Vec re = x[i], im = x[n + i];
      Vec by_re = wr[i] * re - wi[i] * im + br[i] * u, by_im = wr[i] * im + wi[i] * re + bi[i] * u;
      for (int k = 0; k < RANK; ++k) {
        by_re += q[k * 2 * n + i] * d.of[k];
        by_im += q[k * 2 * n + n + i] * d.of[k];
      }
      const Vec new_re = re + by_re, new_im = im + by_im;
      for (int k = 0; k < RANK; ++k) {
        next[sum].of[k] += r[k * 2 * n + i] * new_re;
        next[sum + 1].of[k] += r[k * 2 * n + n + i] * new_im;
      }
      y[sum] += cr[i] * new_re;
      y[sum + 1] += ci[i] * new_im;
      to[i] = new_re, to[n + i] = new_im;
    });
    for (int k = 0; k < RANK; ++k) d.of[k] = next[0].of[k] + next[1].of[k] + next[2].of[k] + next[3].of[k];
    return y[0] + y[1] + y[2] + y[3];
  }
};

template <typename Real, int RANK>
void forward(const System& s, float* y, float* last, float* kept) {
  using C = Coefficients<Real, RANK>;
  using L = Lanes<Real>;
  s.parallel(L::COUNT, [&](int64_t row, int64_t first, int64_t lanes) {
    const C k(s, first, lanes);
    std::vector<typename L::Vec> x(s.N);
    const float* state = s.state.const_data_ptr<float>() + (row * s.channels + first) * s.N;
    for (int64_t i = 0; i < s.N; ++i) x[i] = L::load(state + i, lanes, s.N);
    auto dots = k.dots(x.data());
    const float* u = s.u.const_data_ptr<float>() + row * s.time * s.channels + first;
    for (int64_t t = 0; t < s.time; ++t) {
      if (kept && t % STEPS == 0) {
        float* to = kept + ((row * s.chunks + t / STEPS) * s.channels + first) * s.N;
        for (int64_t i = 0; i < s.N; ++i) L::store(to + i * lanes, x[i], lanes);
      }
      __builtin_prefetch(u + (t + 8) * s.channels);
      const auto value = k.step(x.data(), x.data(), dots, L::load(u + t * s.channels, lanes));
      L::store(y + (row * s.time + t) * s.channels + first, value, lanes);
    }
    for (int64_t i = 0; i < s.N; ++i) L::store(last + (row * s.channels + first) * s.N + i, x[i], lanes, s.N);
  });
}

// Where backward writes; the gradients of the parameters have a place for each row of the batch.
struct Gradients {
  float *u, *state;
  double *w, *q, *r, *b, *c, *skip;
};

template <typename Real, int RANK>
void backward(const System& s, const Gradients& grad, const float* grad_y, const float* grad_last, const float* kept) {
  using C = Coefficients<Real, RANK>;
  using L = Lanes<Real>;
  using Vec = typename L::Vec;
  s.parallel(L::COUNT, [&](int64_t row, int64_t first, int64_t lanes) {
    const C k(s, first, lanes);
    const int64_t N = s.N, n = N / 2, place = row * s.channels + first;
    const int64_t width = N + 2;  // of a step: a power of two would send all steps to the same lines of the cache
    std::vector<Vec> trace((STEPS + 1) * width), adjoints(STEPS * width), l(N), inputs(STEPS), outer(STEPS);
    std::vector<typename C::Dots> through_r(STEPS), through_q(STEPS);
    std::vector<Vec> dw(N), dq(RANK * N), dr(RANK * N), db(N), dc(N);
    Vec dskip{};
    for (int64_t i = 0; i < N; ++i) l[i] = L::load(grad_last + place * N + i, lanes, N);
    for (int64_t chunk = s.chunks - 1; chunk >= 0; --chunk) {
      const int64_t start = chunk * STEPS, steps = std::min(STEPS, s.time - start);
      const int64_t at = (row * s.time + start) * s.channels + first;
      const float* before = kept + ((row * s.chunks + chunk) * s.channels + first) * N;
      for (int64_t i = 0; i < N; ++i) trace[i] = L::load(before + i * lanes, lanes);
      auto dots = k.dots(trace.data());
      for (int64_t j = 0; j < steps; ++j) {
        inputs[j] = L::load(s.u.const_data_ptr<float>() + at + j * s.channels, lanes);
        outer[j] = L::load(grad_y + at + j * s.channels, lanes);
        through_r[j] = dots;
        k.step(&trace[j * width], &trace[(j + 1) * width], dots, inputs[j]);
      }
      // The adjoint state, after each step and before the step is undone.
      for (int64_t j = steps - 1; j >= 0; --j) {
        const Vec gy = outer[j];
        Vec *saved = &adjoints[j * width], to_u[4] = {k.skip * gy};
        typename C::Dots sums[4] = {}, through{};
        in_pairs(n, [&](int64_t i, int sum) {
          const Vec re = l[i] + k.c[i] * gy, im = l[n + i] + k.c[n + i] * gy;
          saved[i] = re, saved[n + i] = im;
          to_u[sum] += k.b[i] * re, to_u[sum + 1] += k.b[n + i] * im;
          for (int m = 0; m < RANK; ++m) {
            sums[sum].of[m] += k.q[m * N + i] * re;
            sums[sum + 1].of[m] += k.q[m * N + n + i] * im;
          }
        });
        for (int m = 0; m < RANK; ++m)
          through.of[m] = sums[0].of[m] + sums[1].of[m] + sums[2].of[m] + sums[3].of[m];
        through_q[j] = through;
        dskip += gy * inputs[j];
        L::store(grad.u + at + j * s.channels, to_u[0] + to_u[1] + to_u[2] + to_u[3], lanes);
        for (int64_t i = 0; i < n; ++i) {
          const Vec re = saved[i], im = saved[n + i];
          Vec by_re = k.w[i] * re + k.w[n + i] * im, by_im = k.w[i] * im - k.w[n + i] * re;
          for (int m = 0; m < RANK; ++m) {
            by_re += k.r[m * N + i] * through.of[m];
            by_im += k.r[m * N + n + i] * through.of[m];
          }
          l[i] = re + by_re, l[n + i] = im + by_im;
        }
      }
      for (int64_t i = 0; i < n; ++i) {
        Vec along{}, back{}, across{}, over{}, b_re{}, b_im{}, c_re{}, c_im{};
        for (int64_t j = 0; j < steps; ++j) {
          const Vec *x = &trace[j * width], *next = x + width, *g = &adjoints[j * width];
          const Vec re = g[i], im = g[n + i];
          along += re * x[i], back += im * x[n + i], across += im * x[i], over += re * x[n + i];
          b_re += re * inputs[j], b_im += im * inputs[j];
          c_re += outer[j] * next[i], c_im += outer[j] * next[n + i];
        }
        dw[i] += along + back, dw[n + i] += across - over, db[i] += b_re, db[n + i] += b_im, dc[i] += c_re, dc[n + i] += c_im;
      }
      for (int m = 0; m < RANK; ++m)
        for (int64_t i = 0; i < N; ++i) {
          Vec to_q{}, to_r{};
          for (int64_t j = 0; j < steps; ++j) {
            to_q += through_r[j].of[m] * adjoints[j * width + i];
            to_r += through_q[j].of[m] * trace[j * width + i];
          }
          dq[m * N + i] += to_q, dr[m * N + i] += to_r;
        }
    }
    const auto scatter = [&](double* to, const std::vector<Vec>& from) {
      const int64_t count = from.size();
      for (int64_t i = 0; i < count; ++i) L::store(to + place * count + i, from[i], lanes, count);
    };
    scatter(grad.w, dw), scatter(grad.q, dq), scatter(grad.r, dr), scatter(grad.b, db), scatter(grad.c, dc);
    L::store(grad.skip + place, dskip, lanes);
    for (int64_t i = 0; i < N; ++i) L::store(grad.state + place * N + i, l[i], lanes, N);
  });
}

// work<Real, RANK>: float64 where the rank is not zero, since the low rank makes modes of very different speed meet.
#define BY_RANK(s, work, ...)                      \
  ((s).rank == 2   ? work<double, 2>(s, __VA_ARGS__) \
   : (s).rank == 1 ? work<double, 1>(s, __VA_ARGS__) \
                   : work<float, 0>(s, __VA_ARGS__))

std::tuple<Tensor, Tensor, Tensor> linear_scan(const Tensor& u, const Tensor& w, const Tensor& q, const Tensor& r,
                                               const Tensor& b, const Tensor& c, const Tensor& skip,
                                               const Tensor& state, bool keep) {
  const System s(u, w, q, r, b, c, skip, state);
  Tensor y = at::empty_like(s.u), last = at::empty_like(s.state);
  Tensor kept = at::empty({s.batch, keep ? s.chunks : 0, s.channels, s.N}, u.options());
  float* to_kept = keep ? kept.mutable_data_ptr<float>() : nullptr;
  BY_RANK(s, forward, y.mutable_data_ptr<float>(), last.mutable_data_ptr<float>(), to_kept);
  return {y, last, kept};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> linear_scan_backward(
    const Tensor& grad_y, const Tensor& grad_last, const Tensor& u, const Tensor& w, const Tensor& q, const Tensor& r,
    const Tensor& b, const Tensor& c, const Tensor& skip, const Tensor& state, const Tensor& kept) {
  const System s(u, w, q, r, b, c, skip, state);
  const Tensor gy = grad_y.contiguous(), gl = grad_last.contiguous(), states = kept.contiguous();
  TORCH_CHECK(gy.numel() == u.numel() && gl.numel() == state.numel() &&
                  states.numel() == s.batch * s.chunks * s.channels * s.N,
              "linear_scan: backward needs the gradients of both outputs and the states that forward kept");
  const auto rows = [&](at::IntArrayRef sizes) {
    std::vector<int64_t> all{s.batch};
    all.insert(all.end(), sizes.begin(), sizes.end());
    return at::empty(all, w.options());
  };
  Tensor du = at::empty_like(s.u), dstate = at::empty_like(s.state), dskip = rows(skip.sizes());
  Tensor dw = rows(w.sizes()), dq = rows(q.sizes()), dr = rows(r.sizes()), db = rows(b.sizes()), dc = rows(c.sizes());
  const Gradients grad{du.mutable_data_ptr<float>(),  dstate.mutable_data_ptr<float>(), dw.mutable_data_ptr<double>(),
                       dq.mutable_data_ptr<double>(), dr.mutable_data_ptr<double>(),    db.mutable_data_ptr<double>(),
                       dc.mutable_data_ptr<double>(), dskip.mutable_data_ptr<double>()};
  BY_RANK(s, backward, grad, gy.const_data_ptr<float>(), gl.const_data_ptr<float>(),
          states.const_data_ptr<float>());
  return {du, dw.sum(0), dq.sum(0), dr.sum(0), db.sum(0), dc.sum(0), dskip.sum(0), dstate};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(ssmphony, m) {
  m.def("linear_scan(Tensor u, Tensor w, Tensor q, Tensor r, Tensor b, Tensor c, Tensor skip, Tensor state, bool keep) "
        " -> (Tensor, Tensor, Tensor)");
  m.def("linear_scan_backward(Tensor grad_y, Tensor grad_last, Tensor u, Tensor w, Tensor q, Tensor r, Tensor b, "
        "Tensor c, Tensor skip, Tensor state, Tensor kept) -> "
        "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(ssmphony, CPU, m) {
  m.impl("linear_scan", &linear_scan);
  m.impl("linear_scan_backward", &linear_scan_backward);
}
