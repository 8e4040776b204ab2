// Numbers too small to be normal, as zero. A state that decays ends in them, and an operation on one takes a hundred
// times as long as on any other number.

#pragma once

#include <cstdint>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace {

// While it lives, arithmetic of this thread takes denormal numbers for zero and gives zero for them.
class DenormalsAsZero {
 public:
  DenormalsAsZero() : before(control()) { control(before | FLUSH); }
  ~DenormalsAsZero() { control(before); }
  DenormalsAsZero(const DenormalsAsZero&) = delete;
  DenormalsAsZero& operator=(const DenormalsAsZero&) = delete;

 private:
#if defined(__SSE__)
  using Word = unsigned int;
  static constexpr Word FLUSH = 0x8040;  // results (FTZ) and operands (DAZ)
  static Word control() { return _mm_getcsr(); }
  static void control(Word word) { _mm_setcsr(word); }
#elif defined(__aarch64__)
  using Word = uint64_t;
  static constexpr Word FLUSH = Word{1} << 24;  // FPCR.FZ
  static Word control() {
    Word word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void control(Word word) { __asm__ volatile("msr fpcr, %0" : : "r"(word)); }
#else
  using Word = int;
  static constexpr Word FLUSH = 0;
  static Word control() { return 0; }
  static void control(Word) {}
#endif
  const Word before;
};

}  // namespace
