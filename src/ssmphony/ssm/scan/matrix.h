// A few rows times a matrix that is read once: its numbers have 32, 16 or 8 bits.
//
// A matrix (inputs, outputs) is cut into panels of 32 outputs: a panel's outputs stay in registers while its inputs run
// through. Of 32 or 16 bits it lies as (panel, input, 32), of 8 bits as (panel, input / 4, 32, 4), which is how the
// instructions read it that add four products of integers at once. Sums of floats are float32, those of integers exact.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

constexpr int64_t PANEL = 32, VECS = PANEL / LANES;  // outputs of a panel; Python packs as many
constexpr int64_t GROUP = 32;                        // neighbouring inputs that are rounded with one scale
constexpr int64_t QUAD = 4;                          // inputs whose products with 8 bits are added at once

// Of the numbers of a matrix: float32, the upper half of a float32, or 128 more than an integer from -127 to 127, which
// is to be multiplied by its output's scale.
enum Storage { FLOAT32, BFLOAT16, INT8 };

struct Matrix {
  const char* data;
  const float* scale;  // (output,) for INT8
};

inline int64_t up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

inline int64_t lanes(int64_t from, int64_t to) { return std::min(LANES, to - from); }

inline Vec load_weights(const float* w) { return load(w, LANES); }

// One instruction each to widen, which compilers do not find in the general form.
inline Vec load_weights(const uint16_t* w) {
#if defined(__AVX512F__)
  return (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)w)), 16);
#elif defined(__AVX2__)
  return (Vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)w)), 16);
#else
  Bits bits{};
  for (int64_t i = 0; i < LANES; ++i) bits[i] = (int32_t)((uint32_t)w[i] << 16);
  return (Vec)bits;
#endif
}

// y[r][j] = sum_i x[r][i] W[i][j] over the inputs from `from` to `to`, for one panel w of W and R rows `stride` apart.
template <int64_t R, typename Number>
void multiply(const Number* __restrict w, int64_t from, int64_t to, const float* __restrict x, float* __restrict y,
              int64_t stride) {
  constexpr int64_t UNROLL = R == 1 ? 2 : 1;  // as many sums at a time as hide the latency of an addition
  Vec sums[UNROLL][R][VECS]{};
  int64_t i = from;
  for (; i + UNROLL <= to; i += UNROLL)
    for (int64_t k = 0; k < UNROLL; ++k)
      for (int64_t v = 0; v < VECS; ++v) {
        const Vec weight = load_weights(w + (i + k) * PANEL + v * LANES);
        for (int64_t r = 0; r < R; ++r) sums[k][r][v] += weight * x[r * stride + i + k];
      }
  for (; i < to; ++i)
    for (int64_t v = 0; v < VECS; ++v)
      for (int64_t r = 0; r < R; ++r) sums[0][r][v] += load_weights(w + i * PANEL + v * LANES) * x[r * stride + i];
  for (int64_t r = 0; r < R; ++r)
    for (int64_t v = 0; v < VECS; ++v) {
      Vec total = sums[0][r][v];
      for (int64_t k = 1; k < UNROLL; ++k) total += sums[k][r][v];
      store(y + r * stride + v * LANES, total, LANES);
    }
}

// Rows of floats as integers from -127 to 127 and a scale for each group of inputs.
struct Rounded {
  std::vector<int8_t> numbers;  // (row, stride)
  std::vector<float> scales;    // (row, stride / GROUP)
  std::vector<int32_t> shares;  // (row, stride / GROUP): 128 times the sum of the group

  void resize(int64_t rows, int64_t stride) {
    numbers.resize(rows * stride), scales.resize(rows * stride / GROUP), shares.resize(rows * stride / GROUP);
  }

  // The inputs from `from`, a multiple of GROUP, to `to`, and zeros up to the next quad. What is no number leaves a
  // scale that is none, and so outputs that are none.
  void round(int64_t row, int64_t stride, int64_t from, int64_t to, const float* x) {
    constexpr int32_t ROUND = 0x4b400000;  // the float whose last bit stands for 1
    for (int64_t start = from; start < to; start += GROUP) {
      const int64_t end = std::min(start + GROUP, to), at = (row * stride + start) / GROUP;
      Bits largest{};  // absolute values are ordered as their bits are, and NaN is above all
      for (int64_t i = start; i < end; i += LANES) {
        const Bits bits = (Bits)load(x + i, lanes(i, end)) & 0x7fffffff;
        largest = bits > largest ? bits : largest;
      }
      const int32_t bits = fold<int32_t>(largest, [](auto a, auto b) { return a > b ? a : b; });
      float most;
      std::memcpy(&most, &bits, sizeof(most));
      const float inverse = bits == 0 ? 0.0f : 127.0f / most;
      Bits total{};
      for (int64_t i = start; i < end; i += LANES) {
        const Vec shifted = load(x + i, lanes(i, end)) * inverse + (Vec)(Bits{} + ROUND);
        const Bits integers = (Bits)shifted - ROUND;
        total += integers;
        narrow(&numbers[row * stride + i], integers, std::min(LANES, up(end - i, QUAD)));
      }
      scales[at] = most / 127.0f, shares[at] = 128 * sum(total);
    }
  }

 private:
  static void narrow(int8_t* to, Bits v, int64_t count) {
#if defined(__AVX512F__)
    if (count == LANES) return _mm_storeu_si128((__m128i*)to, _mm512_cvtepi32_epi8((__m512i)v));
#endif
    for (int64_t i = 0; i < count; ++i) to[i] = (int8_t)v[i];
  }
};

#if defined(__AVX512VNNI__)
constexpr bool SHARED = true;  // the instruction takes the weights as they are stored, 128 too large
#else
constexpr bool SHARED = false;
#endif

#if defined(__AVX2__)
// The same for eight outputs. |w| times x with the sign of w: two such products fit 16 bits.
inline __m256i quads(const uint8_t* w, int32_t x) {
  const __m256i weights = _mm256_xor_si256(_mm256_loadu_si256((const __m256i*)w), _mm256_set1_epi8((char)0x80));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(_mm256_set1_epi32(x), weights));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif

// For each output of a vector, `sums` and the products of its four weights with the four integers in x.
inline Bits add_quads(Bits sums, const uint8_t* w, int32_t x) {
#if defined(__AVX512VNNI__)
  return (Bits)_mm512_dpbusd_epi32((__m512i)sums, _mm512_loadu_si512(w), _mm512_set1_epi32(x));
#elif defined(__AVX512F__)
  return sums + (Bits)_mm512_inserti64x4(_mm512_castsi256_si512(quads(w, x)), quads(w + 32, x), 1);
#elif defined(__AVX2__)
  return sums + (Bits)quads(w, x);
#else
  int8_t inputs[QUAD];
  std::memcpy(inputs, &x, sizeof(x));
  for (int64_t i = 0; i < LANES; ++i)
    for (int64_t k = 0; k < QUAD; ++k) sums[i] += (w[QUAD * i + k] - 128) * inputs[k];
  return sums;
#endif
}

// As above, from rounded rows of which the first is `row`.
template <int64_t R>
void multiply(const uint8_t* __restrict w, const float* scale, int64_t from, int64_t to, const Rounded& x, int64_t row,
              float* __restrict y, int64_t stride) {
  Vec sums[R][VECS]{};
  for (int64_t start = from; start < to; start += GROUP) {
    const int64_t end = std::min(start + GROUP, to), at = start / GROUP, groups = stride / GROUP;
    Bits products[R][VECS];
    for (int64_t r = 0; r < R; ++r)
      for (int64_t v = 0; v < VECS; ++v) products[r][v] = Bits{} - (SHARED ? x.shares[(row + r) * groups + at] : 0);
    for (int64_t i = start; i < end; i += QUAD)
      for (int64_t r = 0; r < R; ++r) {
        int32_t quad;
        std::memcpy(&quad, &x.numbers[(row + r) * stride + i], sizeof(quad));
        for (int64_t v = 0; v < VECS; ++v)
          products[r][v] = add_quads(products[r][v], w + i * PANEL + v * LANES * QUAD, quad);
      }
    for (int64_t r = 0; r < R; ++r)
      for (int64_t v = 0; v < VECS; ++v)
        sums[r][v] += __builtin_convertvector(products[r][v], Vec) * x.scales[(row + r) * groups + at];
  }
  for (int64_t r = 0; r < R; ++r)
    for (int64_t v = 0; v < VECS; ++v)
      store(y + r * stride + v * LANES, sums[r][v] * load(scale + v * LANES, LANES), LANES);
}

}  // namespace
