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

#include <algorithm>
#include <cstring>
#include <vector>

#include "parallel.h"

namespace {

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

// Inputs, as Python gives them: u (batch, time, channel), state (batch, channel, N), parameters as in `LinearSystem`.
struct System {
  const float *u, *state;
  const double *w, *q, *r, *b, *c, *skip;
  const bool* reset;  // (batch, time), or none: the state is cleared before these steps
  int64_t batch, time, channels, N, rank, threads;

  int64_t chunks() const { return (time + STEPS - 1) / STEPS; }
  bool cleared(int64_t row, int64_t t) const { return reset && reset[row * time + t]; }

  // work(row, first channel, channels of the vector).
  template <typename Work>
  void parallel(int64_t lanes, const Work& work) const {
    const int64_t blocks = (channels + lanes - 1) / lanes;
    parallel_for(batch * blocks, threads, batch * blocks * time * N, [&](int64_t item) {
      const int64_t first = item % blocks * lanes;
      work(item / blocks, first, std::min(lanes, channels - first));
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
    const auto gather = [&](const double* from, int64_t count) {
      std::vector<Vec> to(count);
      for (int64_t i = 0; i < count; ++i) to[i] = L::load(from + first * count + i, lanes, count);
      return to;
    };
    w = gather(s.w, s.N), b = gather(s.b, s.N), c = gather(s.c, s.N);
    q = gather(s.q, RANK * s.N), r = gather(s.r, RANK * s.N);
    skip = L::load(s.skip + first, lanes);
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
    const float* state = s.state + (row * s.channels + first) * s.N;
    for (int64_t i = 0; i < s.N; ++i) x[i] = L::load(state + i, lanes, s.N);
    auto dots = k.dots(x.data());
    const float* u = s.u + row * s.time * s.channels + first;
    for (int64_t t = 0; t < s.time;) {
      if (kept && t % STEPS == 0) {
        float* to = kept + ((row * s.chunks() + t / STEPS) * s.channels + first) * s.N;
        for (int64_t i = 0; i < s.N; ++i) L::store(to + i * lanes, x[i], lanes);
      }
      if (s.cleared(row, t)) std::fill(x.begin(), x.end(), typename L::Vec{}), dots = {};
      // Without a question at each step, which would cost a sixth.
      int64_t stop = kept ? std::min(s.time, (t / STEPS + 1) * STEPS) : s.time;
      if (s.reset) stop = std::find(s.reset + row * s.time + t + 1, s.reset + row * s.time + stop, true) - s.reset - row * s.time;
      for (; t < stop; ++t) {
        __builtin_prefetch(u + (t + 8) * s.channels);
        const auto value = k.step(x.data(), x.data(), dots, L::load(u + t * s.channels, lanes));
        L::store(y + (row * s.time + t) * s.channels + first, value, lanes);
      }
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
    std::vector<const Vec*> pre(STEPS);  // the states before the steps
    const std::vector<Vec> nothing(N);
    std::vector<Vec> dw(N), dq(RANK * N), dr(RANK * N), db(N), dc(N);
    Vec dskip{};
    for (int64_t i = 0; i < N; ++i) l[i] = L::load(grad_last + place * N + i, lanes, N);
    for (int64_t chunk = s.chunks() - 1; chunk >= 0; --chunk) {
      const int64_t start = chunk * STEPS, steps = std::min(STEPS, s.time - start);
      const int64_t at = (row * s.time + start) * s.channels + first;
      const float* before = kept + ((row * s.chunks() + chunk) * s.channels + first) * N;
      for (int64_t i = 0; i < N; ++i) trace[i] = L::load(before + i * lanes, lanes);
      auto dots = k.dots(trace.data());
      for (int64_t j = 0; j < steps; ++j) {
        inputs[j] = L::load(s.u + at + j * s.channels, lanes);
        outer[j] = L::load(grad_y + at + j * s.channels, lanes);
        const bool cleared = s.cleared(row, start + j);
        if (cleared) dots = {};
        pre[j] = cleared ? nothing.data() : &trace[j * width];
        through_r[j] = dots;
        k.step(pre[j], &trace[(j + 1) * width], dots, inputs[j]);
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
        if (pre[j] == nothing.data()) std::fill(l.begin(), l.end(), Vec{});
      }
      for (int64_t i = 0; i < n; ++i) {
        Vec along{}, back{}, across{}, over{}, b_re{}, b_im{}, c_re{}, c_im{};
        for (int64_t j = 0; j < steps; ++j) {
          const Vec *x = pre[j], *next = &trace[(j + 1) * width], *g = &adjoints[j * width];
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
            to_r += through_q[j].of[m] * pre[j][i];
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

}  // namespace

extern "C" {

// y as u, last as state, kept (batch, chunk, channel, N) or none.
void ssmphony_linear(const System* s, float* y, float* last, float* kept) { BY_RANK(*s, forward, y, last, kept); }

void ssmphony_linear_backward(const System* s, const float* grad_y, const float* grad_last, const float* kept,
                              const Gradients* grad) {
  BY_RANK(*s, backward, *grad, grad_y, grad_last, kept);
}

}  // extern "C"
