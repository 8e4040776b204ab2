// A few floats at once, as the compiler's vector types: the same code for AVX2, AVX-512, NEON and none of them.

#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int64_t LANES = 16;
#else
constexpr int64_t LANES = 8;
#endif
typedef float Vec __attribute__((vector_size(LANES * 4)));
typedef int32_t Bits __attribute__((vector_size(LANES * 4)));

constexpr float LOG2E = 1.4426950408889634f;

// 2^x for x <= 0, relative error 3e-9 before rounding. The magic number rounds: its last bits become the integer, which
// is added to the exponent. The first two coefficients are exact: decays near 1 are multiplied thousands of times.
inline Vec exp2(Vec x) {
  const Vec magic = Vec{} + 12582912.0f, least = Vec{} - 126.0f;
  x = x < least ? least : x;
  const Vec shifted = x + magic;
  const Vec f = x - (shifted - magic);
  Vec p = f * 0.0001532115275f + 0.001339016133f;
  p = p * f + 0.009618526325f;
  p = p * f + 0.0555036217f;
  p = p * f + 0.2402264774f;
  p = p * f + 0.69314718056f;
  p = p * f + 1.0f;
  return (Vec)((Bits)p + ((Bits)shifted << 23));
}

// A few lanes at the end of a row: by a mask where there is one, without a way through memory.
inline Vec load(const float* from, int64_t lanes) {
  Vec v{};
  if (lanes == LANES) std::memcpy(&v, from, sizeof(Vec));
#if defined(__AVX512F__)
  else v = (Vec)_mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), from);
#else
  else for (int64_t i = 0; i < lanes; ++i) v[i] = from[i];
#endif
  return v;
}

inline void store(float* to, Vec v, int64_t lanes) {
  if (lanes == LANES) std::memcpy(to, &v, sizeof(Vec));
#if defined(__AVX512F__)
  else _mm512_mask_storeu_ps(to, (__mmask16)((1u << lanes) - 1), (__m512)v);
#else
  else for (int64_t i = 0; i < lanes; ++i) to[i] = v[i];
#endif
}

template <typename Number, int64_t N>
struct Some {
  typedef Number Vec __attribute__((vector_size(N * 4)));
};

// All numbers of a vector by `combine`, half onto half: additions one after another would wait for each other.
template <typename Number, int64_t N = LANES, typename Combine>
inline Number fold(typename Some<Number, N>::Vec v, const Combine& combine) {
  if constexpr (N == 4) {
    return combine(combine(v[0], v[2]), combine(v[1], v[3]));
  } else {
    typename Some<Number, N / 2>::Vec halves[2];
    std::memcpy(halves, &v, sizeof(v));
    return fold<Number, N / 2>(combine(halves[0], halves[1]), combine);
  }
}

inline float sum(Vec v) {
  return fold<float>(v, [](auto a, auto b) { return a + b; });
}

inline int32_t sum(Bits v) {
  return fold<int32_t>(v, [](auto a, auto b) { return a + b; });
}

}  // namespace
