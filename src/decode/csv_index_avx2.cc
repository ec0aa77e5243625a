// SPDX-License-Identifier: Apache-2.0
//
// The index loops for AVX2 with BMI and carry-less multiplication (Haswell, Zen and later).
#include "decode/csv_index_level.h"

#ifdef DAYPART_CSV_VECTORS
#include <immintrin.h>

// Everything from here on is compiled for these instructions; csv_index.cc asks the processor
// first.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt,pclmul"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt,pclmul")
#endif

#include "decode/csv_index_kernel.h"

namespace daypart::decode {
namespace {

struct Avx2 {
  struct Needles {
    __m256i delimiter;
    __m256i quote;
  };
  static Needles MakeNeedles(CsvSyntax syntax) {
    return {_mm256_set1_epi8(syntax.delimiter), _mm256_set1_epi8(syntax.quote)};
  }
  static uint64_t EqualTo(const char* text, __m256i needle) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text) + 1);
    const auto low_mask =
        static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, needle)));
    const auto high_mask =
        static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, needle)));
    return low_mask | (uint64_t{high_mask} << 32);
  }
  static uint64_t Equal(const char* text, char byte) {
    return EqualTo(text, _mm256_set1_epi8(byte));
  }
  static ByteMasks Masks(const char* text, const Needles& needles) {
    return {EqualTo(text, needles.delimiter), Equal(text, '\n'), EqualTo(text, needles.quote)};
  }
  static uint64_t PrefixXor(uint64_t bits) {
    const __m128i product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<int64_t>(bits)), _mm_set1_epi8(-1), 0);
    return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
  }
  static uint32_t CountBits(uint64_t bits) {
    return static_cast<uint32_t>(__builtin_popcountll(bits));
  }
  // Twelve are written without asking how many there are: fields of 5 bytes and more fill no more.
  static void WriteEnds(uint64_t bits, uint32_t base, uint32_t* ends) {
    const uint32_t count = CountBits(bits);
    for (uint32_t i = 0; i < 12; ++i) {
      ends[i] = base + static_cast<uint32_t>(_tzcnt_u64(bits));
      bits = _blsr_u64(bits);
    }
    for (uint32_t i = 12; i < count; ++i) {
      ends[i] = base + static_cast<uint32_t>(_tzcnt_u64(bits));
      bits = _blsr_u64(bits);
    }
  }
};

}  // namespace

const IndexKernels& Avx2Kernels() {
  static constexpr IndexKernels kKernels{IndexBy<Avx2>, LastEndBy<Avx2>, CountByteBy<Avx2>};
  return kKernels;
}

}  // namespace daypart::decode

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
