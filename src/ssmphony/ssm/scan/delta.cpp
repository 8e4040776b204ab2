// The gated delta rule (gated DeltaNet), float32, forward and backward:
//
//     e[t] = v[t] - a[t] S[t-1] k[t],    S[t] = a[t] S[t-1] + beta[t] e[t] k[t]^T,    y[t] = S[t] q[t]
//
// with a = exp(log_decay). A vector holds neighbouring rows of S, which are values and do not meet, and the keys are the
// inner loop. One pass over S takes a step and the products with the next key and query. Time runs in chunks: forward
// keeps the state in front of each, backward starts there again. Threads share the heads of all rows of the batch.

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel.h"
#include "vector.h"

namespace {

constexpr int64_t STEPS = 32;  // of a chunk; Python keeps the states of as many

// q, k (batch, time, head, key), v (batch, time, head, value), log_decay, beta (batch, time, head), state (batch, head,
// value, key), as Python gives them.
struct Rule {
  const float *q, *k, *v, *log_decay, *beta, *state;
  const bool* reset;  // (batch, time), or none: the state is cleared before these steps
  int64_t batch, time, heads, keys, values, threads;

  int64_t chunks() const { return (time + STEPS - 1) / STEPS; }
  int64_t blocks() const { return (values + LANES - 1) / LANES; }
  int64_t updates() const { return batch * heads * time * blocks() * keys; }
  int64_t lanes(int64_t block) const { return std::min(LANES, values - block * LANES); }
};

// A chunk of one head of one row. Its vectors of keys and of values are `stride` steps of a head apart.
struct Chunk {
  const Rule& r;
  const int64_t row, head, chunk, start, steps;
  float a[STEPS], beta[STEPS], kq[STEPS];
  bool cleared[STEPS];

  Chunk(const Rule& rule, int64_t row, int64_t head, int64_t chunk)
      : r(rule), row(row), head(head), chunk(chunk), start(chunk * STEPS), steps(std::min(STEPS, r.time - start)) {
    for (int64_t j = 0; j < steps; ++j) {
      a[j] = std::exp(r.log_decay[step(j)]), beta[j] = r.beta[step(j)];
      cleared[j] = r.reset && r.reset[row * r.time + start + j];
      kq[j] = 0.0f;
      for (int64_t i = 0; i < r.keys; ++i) kq[j] += k(j)[i] * q(j)[i];
    }
  }
  int64_t step(int64_t j) const { return (row * r.time + start + j) * r.heads + head; }
  int64_t value(int64_t j, int64_t block) const { return step(j) * r.values + block * LANES; }
  const float* q(int64_t j) const { return r.q + step(j) * r.keys; }
  const float* k(int64_t j) const { return r.k + step(j) * r.keys; }
  // Where the state before the chunk is kept.
  int64_t kept(int64_t block) const {
    return (((row * r.heads + head) * r.chunks() + chunk) * r.values + block * LANES) * r.keys;
  }
};

// S k and S q.
struct Products {
  Vec k{}, q{};
};

// term(i, 0 … 3) for all i < n: four sums at a time, or each addition would wait for the last.
template <typename Term>
inline void spread(int64_t n, const Term& term) {
  int64_t i = 0;
  for (; i + 3 < n; i += 4) term(i, 0), term(i + 1, 1), term(i + 2, 2), term(i + 3, 3);
  for (; i < n; ++i) term(i, 0);
}

inline Vec total(const Vec* sums) { return (sums[0] + sums[1]) + (sums[2] + sums[3]); }

inline Products products(const Vec* S, int64_t keys, const float* k, const float* q) {
  Vec by_k[4]{}, by_q[4]{};
  spread(keys, [&](int64_t i, int sum) { by_k[sum] += S[i] * k[i], by_q[sum] += S[i] * q[i]; });
  return {total(by_k), total(by_q)};
}

// S' = a S + w k^T, which may be in the place of S, and its products with the next key and query.
inline Products advance(const Vec* S, Vec* to, int64_t keys, float a, Vec w, const float* k, const float* next_k,
                        const float* next_q) {
  Vec by_k[4]{}, by_q[4]{};
  spread(keys, [&](int64_t i, int sum) {
    const Vec s = a * S[i] + w * k[i];
    by_k[sum] += s * next_k[i], by_q[sum] += s * next_q[i];
    to[i] = s;
  });
  return {total(by_k), total(by_q)};
}

// The states of one block from (value, key) and back.
void gather(const Rule& r, const float* from, int64_t block, Vec* to) {
  for (int64_t l = 0; l < LANES; ++l)
    for (int64_t i = 0; i < r.keys; ++i) to[i][l] = l < r.lanes(block) ? from[(block * LANES + l) * r.keys + i] : 0.0f;
}
void scatter(const Rule& r, const Vec* from, int64_t block, float* to) {
  for (int64_t l = 0; l < r.lanes(block); ++l)
    for (int64_t i = 0; i < r.keys; ++i) to[(block * LANES + l) * r.keys + i] = from[i][l];
}

void forward(const Rule& r, int64_t row, int64_t head, float* y, float* last, float* kept) {
  const int64_t keys = r.keys, place = (row * r.heads + head) * r.values * keys;
  std::vector<Vec> states(r.blocks() * keys);
  for (int64_t block = 0; block < r.blocks(); ++block) gather(r, r.state + place, block, &states[block * keys]);
  for (int64_t chunk = 0; chunk < r.chunks(); ++chunk) {
    const Chunk c(r, row, head, chunk);
    for (int64_t block = 0; block < r.blocks(); ++block) {
      const int64_t lanes = r.lanes(block);
      Vec* __restrict S = &states[block * keys];
      for (int64_t i = 0; kept && i < keys; ++i) store(kept + c.kept(block) + i * lanes, S[i], lanes);
      Products p = products(S, keys, c.k(0), c.q(0));
      for (int64_t j = 0; j < c.steps; ++j) {
        if (c.cleared[j]) std::fill(S, S + keys, Vec{}), p = {};
        const Vec w = c.beta[j] * (load(r.v + c.value(j, block), lanes) - c.a[j] * p.k);
        store(y + c.value(j, block), c.a[j] * p.q + w * c.kq[j], lanes);
        const int64_t next = std::min(j + 1, c.steps - 1);
        p = advance(S, S, keys, c.a[j], w, c.k(j), c.k(next), c.q(next));
      }
    }
  }
  for (int64_t block = 0; block < r.blocks(); ++block) scatter(r, &states[block * keys], block, last + place);
}

// Where backward writes, as the inputs.
struct Gradients {
  float *q, *k, *v, *log_decay, *beta, *state;
};

// What backward needs of the steps of a chunk, computed again for one block.
struct Trace {
  std::vector<Vec> states, nothing;  // after each step, the one before the first; and a cleared one
  const Vec* before[STEPS];
  Vec w[STEPS], error[STEPS], by_k[STEPS];

  explicit Trace(int64_t keys) : states((STEPS + 1) * keys), nothing(keys) {}

  void run(const Chunk& c, int64_t block, const float* kept) {
    const int64_t keys = c.r.keys, lanes = c.r.lanes(block);
    for (int64_t i = 0; i < keys; ++i) states[i] = load(kept + c.kept(block) + i * lanes, lanes);
    Products p = products(states.data(), keys, c.k(0), c.q(0));
    for (int64_t j = 0; j < c.steps; ++j) {
      if (c.cleared[j]) p = {};
      before[j] = c.cleared[j] ? nothing.data() : &states[j * keys];
      by_k[j] = p.k;
      error[j] = load(c.r.v + c.value(j, block), lanes) - c.a[j] * p.k;
      w[j] = c.beta[j] * error[j];
      const int64_t next = std::min(j + 1, c.steps - 1);
      p = advance(before[j], &states[(j + 1) * keys], keys, c.a[j], w[j], c.k(j), c.k(next), c.q(next));
    }
  }
};

void backward(const Rule& r, int64_t row, int64_t head, const float* grad_y, const float* grad_last, const float* kept,
              const Gradients& grad) {
  const int64_t keys = r.keys, place = (row * r.heads + head) * r.values * keys;
  std::vector<Vec> adjoints(r.blocks() * keys), dq(STEPS * keys), dk(STEPS * keys);
  Vec dlog[STEPS], dbeta[STEPS];
  Trace trace(keys);
  for (int64_t block = 0; block < r.blocks(); ++block) gather(r, grad_last + place, block, &adjoints[block * keys]);
  for (int64_t chunk = r.chunks() - 1; chunk >= 0; --chunk) {
    const Chunk c(r, row, head, chunk);
    std::fill(dq.begin(), dq.end(), Vec{}), std::fill(dk.begin(), dk.end(), Vec{});
    std::fill(dlog, dlog + STEPS, Vec{}), std::fill(dbeta, dbeta + STEPS, Vec{});
    for (int64_t block = 0; block < r.blocks(); ++block) {
      trace.run(c, block, kept);
      Vec* __restrict G = &adjoints[block * keys];
      for (int64_t j = c.steps - 1; j >= 0; --j) {
        const float *k = c.k(j), *q = c.q(j), a = c.a[j], beta = c.beta[j];
        const Vec gy = load(grad_y + c.value(j, block), r.lanes(block)), w = trace.w[j];
        const Vec *S = trace.before[j], *next = &trace.states[(j + 1) * keys];
        Vec *__restrict to_q = &dq[j * keys], *__restrict to_k = &dk[j * keys], dws[4]{}, decays[4]{};
        spread(keys, [&](int64_t i, int sum) {
          const Vec g = G[i] + gy * q[i];
          to_q[i] += next[i] * gy, to_k[i] += g * w;
          dws[sum] += g * k[i], decays[sum] += g * S[i];
          G[i] = g;
        });
        const Vec dw = total(dws), through = -beta * dw;  // the gradient of a S k
        store(grad.v + c.value(j, block), beta * dw, r.lanes(block));
        dbeta[j] += dw * trace.error[j];
        dlog[j] += a * (total(decays) + through * trace.by_k[j]);
        const Vec along = a * through;
        for (int64_t i = 0; i < keys; ++i) to_k[i] += along * S[i], G[i] = a * G[i] + along * k[i];
        if (c.cleared[j]) std::fill(G, G + keys, Vec{});
      }
    }
    for (int64_t j = 0; j < c.steps; ++j) {
      for (int64_t i = 0; i < keys; ++i) {
        grad.q[c.step(j) * keys + i] = sum(dq[j * keys + i]);
        grad.k[c.step(j) * keys + i] = sum(dk[j * keys + i]);
      }
      grad.log_decay[c.step(j)] = sum(dlog[j]), grad.beta[c.step(j)] = sum(dbeta[j]);
    }
  }
  for (int64_t block = 0; block < r.blocks(); ++block) scatter(r, &adjoints[block * keys], block, grad.state + place);
}

}  // namespace

extern "C" {

// y as v, last as state, kept (batch, head, chunk, value, key) or none.
void ssmphony_delta(const Rule* r, float* y, float* last, float* kept) {
  parallel_for(r->batch * r->heads, r->threads, r->updates(),
               [&](int64_t i) { forward(*r, i / r->heads, i % r->heads, y, last, kept); });
}

void ssmphony_delta_backward(const Rule* r, const float* grad_y, const float* grad_last, const float* kept,
                             const Gradients* grad) {
  parallel_for(r->batch * r->heads, r->threads, r->updates(),
               [&](int64_t i) { backward(*r, i / r->heads, i % r->heads, grad_y, grad_last, kept, *grad); });
}

}  // extern "C"
