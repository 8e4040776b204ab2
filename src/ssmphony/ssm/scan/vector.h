// A few floats at once, as the compiler's vector types: the same code for AVX2, AVX-512, NEON and none of them.

#pragma once

#include <cstdint>
#include <cstring>

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

inline Vec load(const float* from, int64_t lanes) {
  Vec v{};
  if (lanes == LANES) std::memcpy(&v, from, sizeof(Vec));
  else for (int64_t i = 0; i < lanes; ++i) v[i] = from[i];
  return v;
}

inline void store(float* to, Vec v, int64_t lanes) {
  if (lanes == LANES) std::memcpy(to, &v, sizeof(Vec));
  else for (int64_t i = 0; i < lanes; ++i) to[i] = v[i];
}

inline float sum(Vec v) {
  float total = 0.0f;
  for (int64_t i = 0; i < LANES; ++i) total += v[i];
  return total;
}

}  // namespace
