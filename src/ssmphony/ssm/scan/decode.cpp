// A few steps of a whole stack of residual blocks in one call: float32, forward only.
//
// One step multiplies every weight by as many numbers as the batch has rows, so it takes as long as reading the weights.
// They are stored one after another in the order of reading (`nn/decode.py` packs them), matrices as `matrix.h` says.
//
// Threads share the inner channels of a layer. Each computes its channels of the projection in, the convolution, the
// recurrence and the gate, and what these channels add to the projection out. Only those sums are exchanged, once to
// three times a layer, after a barrier in the one parallel region; every thread has its own copy of the residual stream.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

#include "denormals.h"
#include "matrix.h"
#include "vector.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace {

constexpr int64_t ALIGNMENT = 64;  // bytes between the beginnings of parameters
constexpr int64_t WORK = 1 << 15;  // multiplications of a layer that are worth another thread

enum Kind { MAMBA, MAMBA2, STATE_SPACE, FEED_FORWARD };

// 1 / (1 + e^-x).
inline Vec sigmoid(Vec x) {
  const Vec e = exp2((x < 0.0f ? x : -x) * LOG2E);
  return (x < 0.0f ? e : Vec{} + 1.0f) / (1.0f + e);
}

// log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|, by log(1 + e) = 2 artanh(e / (2 + e)), relative error 2e-9.
inline Vec softplus(Vec x) {
  const Vec e = exp2((x < 0.0f ? x : -x) * LOG2E), s = e / (2.0f + e), q = s * s;
  Vec p = q * (1.0f / 15) + 1.0f / 13;
  p = p * q + 1.0f / 11;
  p = p * q + 1.0f / 9;
  p = p * q + 1.0f / 7;
  p = p * q + 1.0f / 5;
  p = p * q + 1.0f / 3;
  p = p * q + 1.0f;
  return (x < 0.0f ? Vec{} : x) + 2.0f * s * p;
}

inline float gelu(float x) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678f)); }

// Threads of one parallel region wait for each other. They yield after a while: another may have no processor.
class Barrier {
 public:
  void wait(int64_t count) {
    const int64_t now = turn.load(std::memory_order_acquire);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
      arrived.store(0, std::memory_order_relaxed);
      turn.store(now + 1, std::memory_order_release);
      return;
    }
    for (int64_t spins = 0; turn.load(std::memory_order_acquire) == now; ++spins)
      if (spins > 2000) std::this_thread::yield();
  }

 private:
  alignas(64) std::atomic<int64_t> arrived{0};
  alignas(64) std::atomic<int64_t> turn{0};
};

// Reads the packed parameters one after another.
struct Weights {
  const char* next;
  int64_t storage;

  const char* bytes(int64_t count) {
    const char* found = next;
    next += up(count, ALIGNMENT);
    return found;
  }
  const float* take(int64_t count) { return reinterpret_cast<const float*>(bytes(4 * count)); }
  Matrix panels(int64_t inputs, int64_t outputs) {
    const int64_t size = storage == FLOAT32 ? 4 * inputs : storage == BFLOAT16 ? 2 * inputs : up(inputs, QUAD);
    const char* data = bytes(size * up(outputs, PANEL));
    return {data, storage == INT8 ? take(up(outputs, PANEL)) : nullptr};
  }
};

// One residual part of a block. width: inner channels; n: states of a channel; taps: of the convolution; extra: rank of
// Mamba's step size, heads of Mamba-2, 1 for a state-space layer with a low-rank term (S4); groups: of Mamba-2.
struct Layer {
  int64_t kind, width, n, taps, extra, groups;

  int64_t mixed() const { return kind == MAMBA2 ? width + 2 * groups * n : width; }
  int64_t maps() const { return kind == MAMBA2 ? 2 * groups * n + extra : extra + 2 * n; }  // B, C and the step size
};

struct NormWeights {
  const float *eps, *weight, *bias;

  NormWeights(Weights& w, int64_t D) : eps(w.take(1)), weight(w.take(D)), bias(w.take(D)) {}
};

struct MambaWeights {
  Matrix u;
  const float* u_bias;
  Matrix z;
  const float *z_bias, *taps, *taps_bias;
  Matrix maps, dt;
  const float *dt_bias, *A, *skip;
  Matrix out;
  const float* out_bias;

  MambaWeights(Weights& w, const Layer& l, int64_t D)
      : u(w.panels(D, l.width)), u_bias(w.take(l.width)), z(w.panels(D, l.width)), z_bias(w.take(l.width)),
        taps(w.take(l.taps * l.width)), taps_bias(w.take(l.width)), maps(w.panels(l.width, l.maps())),
        dt(w.panels(l.extra, l.width)), dt_bias(w.take(l.width)), A(w.take(l.width * l.n)), skip(w.take(l.width)),
        out(w.panels(l.width, D)), out_bias(w.take(D)) {}
};

struct Mamba2Weights {
  Matrix z;
  const float* z_bias;
  Matrix u;
  const float* u_bias;
  Matrix maps;
  const float *maps_bias, *taps, *taps_bias, *dt_bias, *A, *skip, *eps, *scale;
  Matrix out;
  const float* out_bias;

  Mamba2Weights(Weights& w, const Layer& l, int64_t D)
      : z(w.panels(D, l.width)), z_bias(w.take(l.width)), u(w.panels(D, l.width)), u_bias(w.take(l.width)),
        maps(w.panels(D, l.maps())), maps_bias(w.take(l.maps())), taps(w.take(l.taps * l.mixed())),
        taps_bias(w.take(l.mixed())), dt_bias(w.take(l.extra)), A(w.take(l.extra)), skip(w.take(l.extra)),
        eps(w.take(1)), scale(w.take(l.width)), out(w.panels(l.width, D)), out_bias(w.take(D)) {}
};

struct StateSpaceWeights {
  const float *Z, *b, *c, *skip, *p, *q;
  Matrix out;
  const float* out_bias;

  StateSpaceWeights(Weights& w, const Layer& l, int64_t D)
      : Z(w.take(D * l.n)), b(w.take(D * l.n)), c(w.take(D * l.n)), skip(w.take(D)),
        p(l.extra ? w.take(D * l.n) : nullptr), q(l.extra ? w.take(D * l.n) : nullptr), out(w.panels(D, 2 * D)),
        out_bias(w.take(2 * D)) {}
};

struct FeedForwardWeights {
  Matrix value;
  const float* value_bias;
  Matrix gate;
  const float* gate_bias;
  Matrix down;
  const float* down_bias;

  FeedForwardWeights(Weights& w, const Layer& l, int64_t D)
      : value(w.panels(D, l.width)), value_bias(w.take(l.width)), gate(w.panels(D, l.width)),
        gate_bias(w.take(l.width)), down(w.panels(l.width, D)), down_bias(w.take(D)) {}
};

// What the convolution remembers, (batch, taps - 1, channel), and h (batch, channel, n); before and after a step.
struct State {
  const float *old_context, *old_h;
  float *context, *h;
};

struct Shared {
  std::vector<Layer> layers;
  std::vector<State> states;
  const char* weights;
  int64_t storage;
  const float* inputs;
  const bool* mask;  // (batch, time), or none
  float *outputs, *exchanged;
  int64_t batch, time, channels, stride;
  Barrier barrier;
};

// One thread's share of a step. Rows of its buffers are `stride` apart.
class Worker {
 public:
  static constexpr int64_t BUFFERS = 6;

  Worker(Shared& shared, int64_t id, int64_t count, float* buffers)
      : s(shared), id(id), count(count), B(shared.batch), D(shared.channels), stride(shared.stride) {
    for (float** buffer : {&x, &in, &u, &z, &dt, &sums}) *buffer = buffers, buffers += B * stride;
    if (s.storage == INT8) rounded.resize(B, stride);
  }

  void run(int64_t time) {
    t = time;
    w = Weights{s.weights, s.storage};
    for (int64_t b = 0; b < B; ++b) std::copy_n(s.inputs + (b * s.time + t) * D, D, x + b * stride);
    for (size_t i = 0; i < s.layers.size(); ++i) {
      layer = s.layers[i];
      state = s.states[i];
      if (t > 0) state.old_context = state.context, state.old_h = state.h;  // every step after the first is in place
      const int64_t panels = up(layer.width, PANEL) / PANEL;
      first = std::min(layer.width, panels * id / count * PANEL);
      last = std::min(layer.width, panels * (id + 1) / count * PANEL);
      normalise();
      switch (layer.kind) {
        case MAMBA: mamba(); break;
        case MAMBA2: mamba2(); break;
        case STATE_SPACE: state_space(); break;
        default: feed_forward();
      }
    }
    if (id == 0)
      for (int64_t b = 0; b < B; ++b) std::copy_n(x + b * stride, D, s.outputs + (b * s.time + t) * D);
  }

 private:
  bool real(int64_t b) const { return !s.mask || s.mask[b * s.time + t]; }

  // For the outputs `from` (a multiple of a panel's) to `to`, and the inputs of one's own or all.
  void multiply_rows(const Matrix& matrix, int64_t inputs, int64_t i, int64_t j, int64_t from, int64_t to,
                     const float* rows, float* y) {
    if (s.storage == INT8)
      for (int64_t b = 0; b < B; ++b) rounded.round(b, stride, i, j, rows + b * stride);
    for (; from < to; from += PANEL)
      for (int64_t b = 0; b < B;) {
        const int64_t some = std::min<int64_t>(B - b, 3);
        if (some == 3) multiply_panel<3>(matrix, inputs, i, j, from, b, rows, y);
        if (some == 2) multiply_panel<2>(matrix, inputs, i, j, from, b, rows, y);
        if (some == 1) multiply_panel<1>(matrix, inputs, i, j, from, b, rows, y);
        b += some;
      }
  }
  // For the panel whose first output is `at`, and R rows from b on.
  template <int64_t R>
  void multiply_panel(const Matrix& matrix, int64_t inputs, int64_t i, int64_t j, int64_t at, int64_t b,
                      const float* rows, float* y) {
    rows += b * stride, y += b * stride + at;
    const auto* w8 = reinterpret_cast<const uint8_t*>(matrix.data) + at * up(inputs, QUAD);
    switch (s.storage) {
      case FLOAT32: return multiply<R>(reinterpret_cast<const float*>(matrix.data) + at * inputs, i, j, rows, y, stride);
      case BFLOAT16: return multiply<R>(reinterpret_cast<const uint16_t*>(matrix.data) + at * inputs, i, j, rows, y, stride);
      default: return multiply<R>(w8, matrix.scale + at, i, j, rounded, b, y, stride);
    }
  }
  // One's own outputs of all inputs.
  void project_in(const Matrix& matrix, int64_t inputs, const float* rows, float* y) {
    multiply_rows(matrix, inputs, 0, inputs, first, last, rows, y);
  }
  // What one's own inputs add to all outputs.
  void project_out(const Matrix& matrix, int64_t outputs, const float* rows) {
    multiply_rows(matrix, layer.width, first, last, 0, outputs, rows, mine());
  }
  // Where a thread leaves what it adds to the sums. Two take turns, so that nobody overwrites what another still reads.
  float* mine(int64_t thread = -1) {
    return s.exchanged + (turn * count + (thread < 0 ? id : thread)) * B * stride;
  }
  void add_up(int64_t outputs) {
    s.barrier.wait(count);
    for (int64_t b = 0; b < B; ++b) {
      float* total = sums + b * stride;
      std::copy_n(mine(0) + b * stride, outputs, total);
      for (int64_t k = 1; k < count; ++k) {
        const float* more = mine(k) + b * stride;
        for (int64_t i = 0; i < outputs; ++i) total[i] += more[i];
      }
    }
    turn ^= 1;
  }
  void add_to_residual(const float* bias) {
    for (int64_t b = 0; b < B; ++b)
      for (int64_t i = 0; i < D; ++i) x[b * stride + i] += sums[b * stride + i] + bias[i];
  }
  // work(row, channel, lanes) on vectors of the channels from `i` to `j` of every row.
  template <typename Work>
  void each(int64_t i, int64_t j, const Work& work) {
    for (int64_t b = 0; b < B; ++b)
      for (int64_t c = i; c < j; c += LANES) work(b, c, lanes(c, j));
  }

  // Layer norm; zero where the mask says that there is nothing.
  void normalise() {
    const NormWeights p(w, D);
    for (int64_t b = 0; b < B; ++b) {
      const float* row = x + b * stride;
      float* to = in + b * stride;
      if (!real(b)) {
        std::fill_n(to, D, 0.0f);
        continue;
      }
      Vec total{}, squares{};
      for (int64_t i = 0; i < D; i += LANES) total += load(row + i, lanes(i, D));
      const float mean = sum(total) / D;
      for (int64_t i = 0; i < D; ++i) to[i] = row[i] - mean;
      for (int64_t i = 0; i < D; i += LANES) {
        const Vec part = load(to + i, lanes(i, D));
        squares += part * part;
      }
      const float scale = 1.0f / std::sqrt(sum(squares) / D + *p.eps);
      for (int64_t i = 0; i < D; ++i) to[i] = to[i] * scale * p.weight[i] + p.bias[i];
    }
  }

  // silu of the causal convolution of `rows`, whose column i is channel i + offset; what it remembers moves by a step.
  void convolve(float* rows, int64_t i, int64_t j, int64_t offset, const float* weight, const float* bias) {
    const int64_t channels = layer.mixed(), memory = layer.taps - 1;
    each(i, j, [&](int64_t b, int64_t column, int64_t n) {
      const int64_t c = column + offset;
      const Vec input = load(rows + b * stride + column, n);
      Vec y = load(bias + c, n) + input * load(weight + memory * channels + c, n);
      for (int64_t k = 0; k < memory; ++k) {
        const int64_t at = (b * memory + k) * channels + c;
        const Vec old = load(state.old_context + at, n);
        y += old * load(weight + k * channels + c, n);
        if (!real(b)) store(state.context + at, old, n);
        else if (k > 0) store(state.context + at - channels, old, n);
      }
      if (memory && real(b)) store(state.context + (b * memory + memory - 1) * channels + c, input, n);
      store(rows + b * stride + column, y * sigmoid(y), n);
    });
  }

  // C.h of one channel after a step; decay(n, lanes) is what the old states are multiplied by.
  template <typename Decay>
  float advance(int64_t b, int64_t c, float drive, const float* Bt, const float* Ct, const Decay& decay) {
    const int64_t N = layer.n, at = (b * layer.width + c) * N;
    Vec y{};
    for (int64_t n = 0; n < N; n += LANES) {
      const int64_t some = lanes(n, N);
      const Vec h = decay(n, some) * load(state.old_h + at + n, some) + drive * load(Bt + n, some);
      store(state.h + at + n, h, some);
      y += h * load(Ct + n, some);
    }
    return sum(y);
  }

  void mamba() {
    const int64_t N = layer.n, rank = layer.extra;
    const MambaWeights p(w, layer, D);
    project_in(p.u, D, in, u);
    project_in(p.z, D, in, z);
    each(first, last, [&](int64_t b, int64_t c, int64_t n) {
      float* at = u + b * stride + c;
      store(at, load(at, n) + load(p.u_bias + c, n), n);
    });
    convolve(u, first, last, 0, p.taps, p.taps_bias);
    project_out(p.maps, rank + 2 * N, u);
    add_up(rank + 2 * N);
    project_in(p.dt, rank, sums, dt);
    each(first, last, [&](int64_t b, int64_t c, int64_t n) {
      float *step = dt + b * stride + c, *gate = z + b * stride + c;
      store(step, real(b) ? softplus(load(step, n) + load(p.dt_bias + c, n)) : Vec{}, n);
      const Vec g = load(gate, n) + load(p.z_bias + c, n);
      store(gate, g * sigmoid(g), n);
    });
    for (int64_t b = 0; b < B; ++b) {
      const float *Bt = sums + b * stride + rank, *Ct = Bt + N;
      for (int64_t c = first; c < last; ++c) {
        const int64_t i = b * stride + c;
        const float step = dt[i];
        const float *a = p.A + c * N;
        const float y = advance(b, c, step * u[i], Bt, Ct, [&](int64_t n, int64_t some) {
          return exp2(step * load(a + n, some));
        });
        z[i] *= y + p.skip[c] * u[i];
      }
    }
    project_out(p.out, D, z);
    add_up(D);
    add_to_residual(p.out_bias);
  }

  void mamba2() {
    const int64_t width = layer.width, N = layer.n, heads = layer.extra, groups = layer.groups, maps = layer.maps();
    const Mamba2Weights p(w, layer, D);
    project_in(p.z, D, in, z);
    project_in(p.u, D, in, u);
    each(first, last, [&](int64_t b, int64_t c, int64_t n) {
      float *to = u + b * stride + c, *gate = z + b * stride + c;
      store(to, load(to, n) + load(p.u_bias + c, n), n);
      const Vec g = load(gate, n) + load(p.z_bias + c, n);
      store(gate, g * sigmoid(g), n);
    });
    convolve(u, first, last, 0, p.taps, p.taps_bias);
    // B, C and the steps of the heads: each thread has some of them, and zeros for the rest.
    const int64_t panels = up(maps, PANEL) / PANEL, from = std::min(maps, panels * id / count * PANEL);
    const int64_t to = std::min(maps, panels * (id + 1) / count * PANEL);
    for (int64_t b = 0; b < B; ++b) std::fill_n(mine() + b * stride, maps, 0.0f);
    multiply_rows(p.maps, D, 0, D, from, to, in, mine());
    each(from, to, [&](int64_t b, int64_t i, int64_t n) {
      float* at = mine() + b * stride + i;
      store(at, load(at, n) + load(p.maps_bias + i, n), n);
    });
    convolve(mine(), from, std::min(to, 2 * groups * N), width, p.taps, p.taps_bias);
    add_up(maps);
    each(0, heads, [&](int64_t b, int64_t h, int64_t n) {
      const Vec step = softplus(load(sums + b * stride + 2 * groups * N + h, n) + load(p.dt_bias + h, n));
      store(dt + b * stride + h, real(b) ? step : Vec{}, n);
    });
    for (int64_t b = 0; b < B; ++b) {
      float* squares = mine() + b * stride;
      std::fill_n(squares, groups, 0.0f);
      for (int64_t c = first; c < last; ++c) {
        const int64_t i = b * stride + c, head = c * heads / width, group = head * groups / heads;
        const float step = dt[b * stride + head], *Bt = sums + b * stride + group * N;
        const Vec decay = exp2(Vec{} + step * p.A[head]);
        const float y = advance(b, c, step * u[i], Bt, Bt + groups * N, [&](int64_t, int64_t) { return decay; });
        z[i] *= y + p.skip[head] * u[i];
        squares[group] += z[i] * z[i];
      }
    }
    add_up(groups);
    for (int64_t b = 0; b < B; ++b)
      for (int64_t c = first; c < last; ++c)
        z[b * stride + c] *= p.scale[c] / std::sqrt(sums[b * stride + c * groups / width] * groups / width + *p.eps);
    project_out(p.out, D, z);
    add_up(D);
    add_to_residual(p.out_bias);
  }

  // S4D: x' = Z x + b u, a complex number for each pair of states, real parts first; S4 takes q (p.x) from that.
  void state_space() {
    const int64_t N = layer.n, half = N / 2;
    const StateSpaceWeights p(w, layer, D);
    for (int64_t b = 0; b < B; ++b)
      for (int64_t c = first; c < last; ++c) {
        const float input = in[b * stride + c], *old = state.old_h + (b * D + c) * N;
        float* h = state.h + (b * D + c) * N;
        Vec low_rank{}, y{};
        for (int64_t n = 0; p.p && n < N; n += LANES)
          low_rank += load(p.p + c * N + n, lanes(n, N)) * load(old + n, lanes(n, N));
        const float taken = p.p ? sum(low_rank) : 0.0f;
        for (int64_t n = 0; n < half; n += LANES) {
          const int64_t some = lanes(n, half), re = c * N + n, im = re + half;
          const Vec z_re = load(p.Z + re, some), old_re = load(old + n, some);
          const Vec z_im = load(p.Z + im, some), old_im = load(old + half + n, some);
          Vec next_re = z_re * old_re - z_im * old_im + input * load(p.b + re, some);
          Vec next_im = z_re * old_im + z_im * old_re + input * load(p.b + im, some);
          if (p.q) next_re -= taken * load(p.q + re, some), next_im -= taken * load(p.q + im, some);
          store(h + n, next_re, some);
          store(h + half + n, next_im, some);
          y += next_re * load(p.c + re, some) + next_im * load(p.c + im, some);
        }
        u[b * stride + c] = gelu(sum(y) + p.skip[c] * input);
      }
    project_out(p.out, 2 * D, u);
    add_up(2 * D);
    each(0, D, [&](int64_t b, int64_t i, int64_t n) {
      const float *value = sums + b * stride + i, *gate = value + D;
      float* to = x + b * stride + i;
      const Vec v = load(value, n) + load(p.out_bias + i, n), g = load(gate, n) + load(p.out_bias + D + i, n);
      store(to, load(to, n) + v * sigmoid(g), n);
    });
  }

  void feed_forward() {
    const FeedForwardWeights p(w, layer, D);
    project_in(p.value, D, in, u);
    project_in(p.gate, D, in, z);
    each(first, last, [&](int64_t b, int64_t c, int64_t n) {
      float* to = u + b * stride + c;
      const Vec g = load(z + b * stride + c, n) + load(p.gate_bias + c, n);
      store(to, (load(to, n) + load(p.value_bias + c, n)) * g * sigmoid(g), n);
    });
    project_out(p.down, D, u);
    add_up(D);
    add_to_residual(p.down_bias);
  }

  Shared& s;
  const int64_t id, count, B, D, stride;
  float *x, *in, *u, *z, *dt, *sums;  // residual stream, normalised, inner channels, gate, step sizes, added up
  int64_t t = 0, turn = 0, first = 0, last = 0;
  Rounded rounded;  // the rows that are being multiplied, for INT8
  Weights w{nullptr, FLOAT32};
  Layer layer{};
  State state{};
};

// Bytes that a layer reads.
int64_t parameters(const Layer& l, int64_t D, int64_t storage) {
  Weights w{nullptr, storage};
  NormWeights(w, D);
  switch (l.kind) {
    case MAMBA: MambaWeights(w, l, D); break;
    case MAMBA2: Mamba2Weights(w, l, D); break;
    case STATE_SPACE: StateSpaceWeights(w, l, D); break;
    default: FeedForwardWeights(w, l, D);
  }
  return w.next - static_cast<const char*>(nullptr);
}

}  // namespace

extern "C" {

// Bytes that these layers read, which Python compares with those it has packed.
int64_t ssmphony_decode_parameters(const Layer* layers, int64_t count, int64_t channels, int64_t storage) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += parameters(layers[i], channels, storage);
  return total;
}

// x and y (batch, time, channel), mask (batch, time) or none. States: for each layer the context and h, where it has
// them; `after` is written. `threads` at most; fewer where a step has too little work for them.
void ssmphony_decode(const char* weights, const Layer* layers, int64_t count, const float* x, const bool* mask,
                     const float* const* before, float* const* after, float* y, int64_t batch, int64_t time,
                     int64_t channels, int64_t threads, int64_t storage) {
  Shared s{};
  s.layers.assign(layers, layers + count);
  s.batch = batch, s.time = time, s.channels = channels, s.stride = up(2 * channels, PANEL);
  int64_t work = 0;
  for (const Layer& l : s.layers) {
    work += parameters(l, channels, FLOAT32) / 4;
    s.stride = std::max({s.stride, up(l.width, PANEL), up(l.maps(), PANEL)});
    State state{};
    if (l.taps > 0) state.old_context = *before++, state.context = *after++;
    if (l.n > 0) state.old_h = *before++, state.h = *after++;
    s.states.push_back(state);
  }
  const int64_t team = std::clamp<int64_t>(work * batch / (WORK * std::max<int64_t>(count, 1)), 1, threads);
  std::vector<float> buffers(team * (Worker::BUFFERS + 2) * batch * s.stride);
  s.weights = weights, s.storage = storage, s.inputs = x, s.mask = mask, s.outputs = y;
  s.exchanged = buffers.data() + team * Worker::BUFFERS * batch * s.stride;
  const auto run = [&](int64_t id, int64_t members) {
    const DenormalsAsZero flushed;
    Worker worker(s, id, members, buffers.data() + id * Worker::BUFFERS * batch * s.stride);
    for (int64_t t = 0; t < time; ++t) worker.run(t);
  };
#ifdef _OPENMP
#pragma omp parallel num_threads(team) if (team > 1)
  run(omp_get_thread_num(), omp_get_num_threads());
#else
  run(0, 1);
#endif
}

}  // extern "C"
