// The selective scan with a complex A, float32, forward and backward; one state of each conjugate pair:
//
//     h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t],    y[t] = 2 Re(C[t] . h[t]) + D u[t]
//
// Complex arrays come as their real parts and then their imaginary parts. A vector holds the same state of neighbouring
// channels, and the states are the inner loop. Time runs in chunks: forward keeps the state in front of each, backward
// starts there again. Threads share rows of the batch and vectors of channels; B and C have a buffer for each vector.

#include <algorithm>
#include <vector>

#include "parallel.h"
#include "vector.h"

namespace {

constexpr int64_t STEPS = 32;  // of a chunk; Python keeps the states of as many

struct Complex {
  Vec re{}, im{};
};
inline Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
inline Complex operator*(Vec a, Complex b) { return {a * b.re, a * b.im}; }
inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline void operator+=(Complex& a, Complex b) { a = a + b; }
inline Complex conj(Complex a) { return {a.re, -a.im}; }
// Re(conj(a) b).
inline Vec dot(Complex a, Complex b) { return a.re * b.re + a.im * b.im; }

// cos + i sin of an angle, to about 1e-7 for angles up to 1e4: what is left of the nearest multiple of pi / 2, taken in
// three parts, goes through the polynomials of Cephes.
inline Complex turn(Vec x) {
  const Vec magic = Vec{} + 12582912.0f, shifted = x * 0.63661977236f + magic, count = shifted - magic;
  Vec f = ((x - count * 1.5703125f) - count * 4.837512969970703e-4f) - count * 7.54978995489188e-8f;
  f = f < -1.0f ? Vec{} - 1.0f : f > 1.0f ? Vec{} + 1.0f : f;  // angles without digits stay on the circle
  const Vec q = f * f;
  const Vec s = f + f * q * (-1.6666654611e-1f + q * (8.3321608736e-3f + q * -1.9515295891e-4f));
  const Vec c = 1.0f - 0.5f * q + q * q * (4.166664568298827e-2f + q * (-1.388731625493765e-3f + q * 2.443315711809948e-5f));
  const Bits quarter = (Bits)shifted;
  const Vec cos = (quarter & 1) != 0 ? s : c, sin = (quarter & 1) != 0 ? c : s;
  return {((quarter + 1) & 2) != 0 ? -cos : cos, (quarter & 2) != 0 ? -sin : sin};
}

inline Complex exponential(Complex x) { return exp2(x.re * LOG2E) * turn(x.im); }

// u, delta (batch, time, channel), D (channel,); complex: A (channel, n), B, C (batch, time, n), state (batch, channel, n).
struct ComplexScan {
  const float *u, *delta, *A, *B, *C, *D, *state;
  const bool* reset;  // (batch, time), or none: the state is cleared before these steps
  int64_t batch, time, channels, n, threads;

  int64_t chunks() const { return (time + STEPS - 1) / STEPS; }
  int64_t blocks() const { return (channels + LANES - 1) / LANES; }
  bool cleared(int64_t row, int64_t t) const { return reset && reset[row * time + t]; }

  template <typename Work>
  void parallel(const Work& work) const {
    // an exponential and two turns cost as much as ten states
    parallel_for(batch * blocks(), threads, 10 * batch * blocks() * time * n, [&](int64_t item) {
      const int64_t first = item % blocks() * LANES;
      work(item / blocks(), first, std::min(LANES, channels - first));
    });
  }
};

// Of lanes that lie `stride` apart, and whose imaginary part lies `imaginary` further.
inline Complex gather(const float* from, int64_t imaginary, int64_t stride, int64_t lanes) {
  Complex v;
  for (int64_t l = 0; l < lanes; ++l) v.re[l] = from[l * stride], v.im[l] = from[imaginary + l * stride];
  return v;
}
inline void scatter(float* to, int64_t imaginary, int64_t stride, Complex v, int64_t lanes) {
  for (int64_t l = 0; l < lanes; ++l) to[l * stride] = v.re[l], to[imaginary + l * stride] = v.im[l];
}

// The vector of channels of a row, with its A and D.
struct Lane {
  const ComplexScan& s;
  const int64_t row, first, lanes, n;
  std::vector<Complex> A;
  Vec D;

  Lane(const ComplexScan& s, int64_t row, int64_t first, int64_t lanes)
      : s(s), row(row), first(first), lanes(lanes), n(s.n), A(n), D(load(s.D + first, lanes)) {
    for (int64_t i = 0; i < n; ++i) A[i] = gather(s.A + first * n + i, s.channels * n, n, lanes);
  }
  int64_t at(int64_t t) const { return (row * s.time + t) * s.channels + first; }
  Complex map(const float* from, int64_t t, int64_t i) const {
    const int64_t at = (row * s.time + t) * n + i;
    return {Vec{} + from[at], Vec{} + from[s.batch * s.time * n + at]};
  }
  // The states (batch, channel, n) of the vector.
  void read(const float* from, Complex* to) const {
    for (int64_t i = 0; i < n; ++i)
      to[i] = gather(from + (row * s.channels + first) * n + i, s.batch * s.channels * n, n, lanes);
  }
  void write(float* to, const Complex* from) const {
    for (int64_t i = 0; i < n; ++i)
      scatter(to + (row * s.channels + first) * n + i, s.batch * s.channels * n, n, from[i], lanes);
  }
  // Where the state before a chunk is kept: (batch, chunk, channel, n, 2).
  int64_t kept(int64_t chunk) const { return ((row * s.chunks() + chunk) * s.channels + first) * n * 2; }
};

void forward(const Lane& l, float* y, float* last, float* kept) {
  const ComplexScan& s = l.s;
  const int64_t n = l.n;
  std::vector<Complex> states(n);
  Complex* __restrict h = states.data();
  l.read(s.state, h);
  for (int64_t t = 0; t < s.time; ++t) {
    if (kept && t % STEPS == 0)
      for (int64_t i = 0; i < n; ++i) {
        float* to = kept + l.kept(t / STEPS) + 2 * i * l.lanes;
        store(to, h[i].re, l.lanes), store(to + l.lanes, h[i].im, l.lanes);
      }
    if (s.cleared(l.row, t)) std::fill(h, h + n, Complex{});
    const Vec dt = load(s.delta + l.at(t), l.lanes), u = load(s.u + l.at(t), l.lanes), drive = dt * u;
    Vec output{};
    for (int64_t i = 0; i < n; ++i) {
      h[i] = exponential(dt * l.A[i]) * h[i] + drive * l.map(s.B, t, i);
      output += dot(conj(l.map(s.C, t, i)), h[i]);
    }
    store(y + l.at(t), 2.0f * output + l.D * u, l.lanes);
  }
  l.write(last, h);
}

// Where backward writes. A and D are sums over time still to be summed over the batch, (batch, channel, n, 2) and (batch,
// channel); B and C (vector of channels, batch, time, n, 2).
struct Gradients {
  float *u, *delta, *A, *B, *C, *D, *state;
};

void backward(const Lane& l, const float* grad_y, const float* grad_last, const float* kept, const Gradients& grad) {
  const ComplexScan& s = l.s;
  const int64_t n = l.n, shared = (l.first / LANES * s.batch + l.row) * s.time * n * 2;
  std::vector<Complex> adjoint(n), dA(n), trace((STEPS + 1) * n), decays(STEPS * n);
  Vec dD{};
  l.read(grad_last, adjoint.data());
  for (int64_t chunk = s.chunks() - 1; chunk >= 0; --chunk) {
    const int64_t start = chunk * STEPS, steps = std::min(STEPS, s.time - start);
    for (int64_t i = 0; i < n; ++i) {
      const float* from = kept + l.kept(chunk) + 2 * i * l.lanes;
      trace[i] = {load(from, l.lanes), load(from + l.lanes, l.lanes)};
    }
    for (int64_t j = 0; j < steps; ++j) {
      const int64_t t = start + j;
      const bool cleared = s.cleared(l.row, t);
      const Vec dt = load(s.delta + l.at(t), l.lanes), drive = dt * load(s.u + l.at(t), l.lanes);
      for (int64_t i = 0; i < n; ++i) {
        const Complex decay = cleared ? Complex{} : exponential(dt * l.A[i]);
        const Complex old = cleared ? Complex{} : decay * trace[j * n + i];
        trace[(j + 1) * n + i] = old + drive * l.map(s.B, t, i);
        decays[j * n + i] = decay;
      }
    }
    for (int64_t j = steps - 1; j >= 0; --j) {
      const int64_t t = start + j;
      const bool cleared = s.cleared(l.row, t);
      const Vec dt = load(s.delta + l.at(t), l.lanes), u = load(s.u + l.at(t), l.lanes), drive = dt * u;
      const Vec gy = load(grad_y + l.at(t), l.lanes);
      Vec to_drive{}, to_step{};
      for (int64_t i = 0; i < n; ++i) {
        const int64_t at = shared + (t * n + i) * 2;
        const Complex dC = 2.0f * gy * conj(trace[(j + 1) * n + i]);
        grad.C[at] = sum(dC.re), grad.C[at + 1] = sum(dC.im);
        const Complex k = adjoint[i] + 2.0f * gy * conj(l.map(s.C, t, i)), dB = drive * k;
        grad.B[at] = sum(dB.re), grad.B[at + 1] = sum(dB.im);
        to_drive += dot(l.map(s.B, t, i), k);
        adjoint[i] = cleared ? Complex{} : conj(decays[j * n + i]) * k;
        if (cleared) continue;
        const Complex exponent = conj(trace[j * n + i]) * adjoint[i];  // the gradient of delta A
        dA[i] += dt * exponent;
        to_step += dot(l.A[i], exponent);
      }
      store(grad.u + l.at(t), l.D * gy + dt * to_drive, l.lanes);
      store(grad.delta + l.at(t), u * to_drive + to_step, l.lanes);
      dD += gy * u;
    }
  }
  for (int64_t i = 0; i < n; ++i)
    scatter(grad.A + ((l.row * s.channels + l.first) * n + i) * 2, 1, 2 * n, dA[i], l.lanes);
  store(grad.D + l.row * s.channels + l.first, dD, l.lanes);
  l.write(grad.state, adjoint.data());
}

}  // namespace

extern "C" {

// y as u, last as state, kept (batch, chunk, channel, n, 2) or none.
void ssmphony_complex_scan(const ComplexScan* s, float* y, float* last, float* kept) {
  s->parallel([&](int64_t row, int64_t first, int64_t lanes) { forward(Lane(*s, row, first, lanes), y, last, kept); });
}

void ssmphony_complex_scan_backward(const ComplexScan* s, const float* grad_y, const float* grad_last, const float* kept,
                                    const Gradients* grad) {
  s->parallel([&](int64_t row, int64_t first, int64_t lanes) {
    backward(Lane(*s, row, first, lanes), grad_y, grad_last, kept, *grad);
  });
}

}  // extern "C"
