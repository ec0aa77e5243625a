// SPDX-License-Identifier: Apache-2.0
//
// Differential fuzzing of the CSV half: chunker, index and decoder against the plain reference
// reader. The first two bytes choose the chunk size and how much one read gives; the rest is the
// text.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "decode/csv_compare.h"
#include "decode/csv_dialect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace daypart::decode;
  if (size < 2) return 0;
  const size_t chunk_bytes = size_t{1} + data[0] * (size_t{1} + data[0] / 16);
  const size_t step = size_t{1} + data[1] * size_t{16};
  // The LF keeps texts with lone CRs from being read by their own rule.
  const std::string text = "\n" + std::string(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::string difference = reference::Difference(text, chunk_bytes, step);
  if (!difference.empty()) {
    std::fprintf(stderr, "chunk_bytes %zu, step %zu: %s\n", chunk_bytes, step, difference.c_str());
    std::abort();
  }
  const CsvDialect dialect = DetectDialect(text, {.is_whole_file = size % 2 == 0});
  if (dialect.regular_share < 0 || dialect.regular_share > 1) std::abort();
  return 0;
}
