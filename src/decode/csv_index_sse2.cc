// SPDX-License-Identifier: Apache-2.0
//
// The index loops with what every x86-64 processor has.
#include "decode/csv_index_level.h"

#ifdef DAYPART_CSV_VECTORS
#include <emmintrin.h>

#include "decode/csv_index_kernel.h"

namespace daypart::decode {
namespace {

struct Sse2 {
  struct Needles {
    __m128i delimiter;
    __m128i quote;
  };
  static Needles MakeNeedles(CsvSyntax syntax) {
    return {_mm_set1_epi8(syntax.delimiter), _mm_set1_epi8(syntax.quote)};
  }
  static uint64_t EqualTo(const char* text, __m128i needle) {
    uint64_t mask = 0;
    for (unsigned part = 0; part < 4; ++part) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text) + part);
      mask |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, needle)))}
              << (16 * part);
    }
    return mask;
  }
  static uint64_t Equal(const char* text, char byte) { return EqualTo(text, _mm_set1_epi8(byte)); }
  static ByteMasks Masks(const char* text, const Needles& needles) {
    return {EqualTo(text, needles.delimiter), Equal(text, '\n'), EqualTo(text, needles.quote)};
  }
  static uint64_t PrefixXor(uint64_t bits) {
    for (unsigned step = 1; step < 64; step *= 2) bits ^= bits << step;
    return bits;
  }
  static uint32_t CountBits(uint64_t bits) {
    return static_cast<uint32_t>(__builtin_popcountll(bits));
  }
  static void WriteEnds(uint64_t bits, uint32_t base, uint32_t* ends) {
    for (; bits != 0; bits &= bits - 1) {
      *ends++ = base + static_cast<uint32_t>(__builtin_ctzll(bits));
    }
  }
};

}  // namespace

const IndexKernels& Sse2Kernels() {
  static constexpr IndexKernels kKernels{IndexBy<Sse2>, LastEndBy<Sse2>, CountByteBy<Sse2>};
  return kKernels;
}

}  // namespace daypart::decode
#endif
