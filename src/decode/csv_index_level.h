// SPDX-License-Identifier: Apache-2.0
//
// What csv_index.cc and the files with its vector loops agree on: one table of functions a vector
// width.
#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/csv_record.h"

namespace daypart::decode {

/// Arrays of the caller, appended to.
struct IndexOutput {
  uint32_t* ends = nullptr;  // room for one entry a byte of text and kIndexSlack more
  size_t ends_count = 0;
  uint32_t* lasts = nullptr;  // as `ends`
  size_t records_count = 0;
  bool has_quotes = false;
};

/// Entries that a loop may write behind those that count.
inline constexpr size_t kIndexSlack = 80;

struct IndexKernels {
  /// Indexes text[begin, size) until the end or until quotes are not in order, then false. Sets
  /// records_count and has_quotes; entries of `ends` behind the last record are for the caller to
  /// cut.
  bool (*index)(const char* text, size_t begin, size_t size, CsvSyntax syntax, IndexOutput* out);
  /// Sets *bytes to behind the last whole record's LF, unless none ends; false as above.
  bool (*last_end)(const char* text, size_t begin, size_t size, CsvSyntax syntax, size_t* bytes);
  size_t (*count_byte)(const char* text, size_t size, char byte);
};

#if defined(__x86_64__)
#define DAYPART_CSV_VECTORS 1
const IndexKernels& Sse2Kernels();
const IndexKernels& Avx2Kernels();
const IndexKernels& Avx512Kernels();
#endif

}  // namespace daypart::decode
