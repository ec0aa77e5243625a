// SPDX-License-Identifier: Apache-2.0
//
// The index loops for AVX-512 with VBMI2 (Ice Lake, Zen 4 and later).
#include "decode/csv_index_level.h"

#ifdef DAYPART_CSV_VECTORS
#include <immintrin.h>

// Everything from here on is compiled for these instructions; csv_index.cc asks the processor
// first.
#if defined(__clang__)
#pragma clang attribute push(                                                                \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt,pclmul"))), \
    apply_to = function)
#else
#pragma GCC push_options
// g++ 12 takes the deliberately undefined operand of its own intrinsics for a mistake (GCC bug
// 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt,pclmul")
#endif

#include "decode/csv_index_kernel.h"

namespace daypart::decode {
namespace {

struct Avx512 {
  struct Needles {
    __m512i delimiter;
    __m512i quote;
  };
  static Needles MakeNeedles(CsvSyntax syntax) {
    return {_mm512_set1_epi8(syntax.delimiter), _mm512_set1_epi8(syntax.quote)};
  }
  static uint64_t Equal(const char* text, char byte) {
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(text), _mm512_set1_epi8(byte));
  }
  static ByteMasks Masks(const char* text, const Needles& needles) {
    const __m512i bytes = _mm512_loadu_si512(text);
    return {_mm512_cmpeq_epi8_mask(bytes, needles.delimiter),
            _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n')),
            _mm512_cmpeq_epi8_mask(bytes, needles.quote)};
  }
  static uint64_t PrefixXor(uint64_t bits) {
    const __m128i product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<int64_t>(bits)), _mm_set1_epi8(-1), 0);
    return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
  }
  static uint32_t CountBits(uint64_t bits) {
    return static_cast<uint32_t>(__builtin_popcountll(bits));
  }
  // Packs the numbers 0..63 of the set bits together, then widens 16 of them at a time.
  static void WriteEnds(uint64_t bits, uint32_t base, uint32_t* ends) {
    const __m512i numbers = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41,
        40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
        17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i bases = _mm512_set1_epi32(static_cast<int32_t>(base));
    const __m512i packed = _mm512_maskz_compress_epi8(bits, numbers);
    const uint32_t count = CountBits(bits);
    _mm512_storeu_si512(
        ends, _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed))));
    if (count <= 16) [[likely]]
      return;
    _mm512_storeu_si512(
        ends + 16,
        _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 1))));
    if (count <= 32) return;
    _mm512_storeu_si512(
        ends + 32,
        _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 2))));
    _mm512_storeu_si512(
        ends + 48,
        _mm512_add_epi32(bases, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 3))));
  }
};

}  // namespace

const IndexKernels& Avx512Kernels() {
  static constexpr IndexKernels kKernels{IndexBy<Avx512>, LastEndBy<Avx512>, CountByteBy<Avx512>};
  return kKernels;
}

}  // namespace daypart::decode

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
