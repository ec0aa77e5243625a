// SPDX-License-Identifier: Apache-2.0
//
// Chooses the vector loops and mends where they stop: records with quotes out of order.
#include "decode/csv_index.h"

#include <algorithm>
#include <atomic>

#include "decode/csv_index_level.h"

namespace daypart::decode {
namespace {

/// Records walked byte by byte before the vector loop is tried again: stray quotes come in
/// clusters.
constexpr size_t kRecordsByHand = 16;

std::atomic<VectorLevel>& LevelInUse() {
  static std::atomic<VectorLevel> level{BestVectorLevel()};
  return level;
}

/// Null for the scalar level.
const IndexKernels* Kernels() {
#ifdef DAYPART_CSV_VECTORS
  switch (LevelInUse().load(std::memory_order_relaxed)) {
    case VectorLevel::kScalar: return nullptr;
    case VectorLevel::kSse2: return &Sse2Kernels();
    case VectorLevel::kAvx2: return &Avx2Kernels();
    case VectorLevel::kAvx512: return &Avx512Kernels();
  }
#endif
  return nullptr;
}

/// Appends the record that begins at `begin`. returns: whether it is whole.
bool IndexByHand(std::string_view text, size_t begin, CsvSyntax syntax, bool is_end,
                 CsvIndex* index) {
  const size_t ends_before = index->ends_count;
  while (true) {
    const CsvField field = ScanField(text, begin, syntax);
    if (field.end == text.size() || (field.is_open && !is_end)) {
      index->ends_count = ends_before;
      return false;
    }
    index->has_quotes = index->has_quotes || text[begin] == syntax.quote;
    if (field.is_malformed) {
      index->ends_count = ends_before;
      index->malformed.push_back(static_cast<uint32_t>(index->records_count));
    }
    index->ends[index->ends_count++] = static_cast<uint32_t>(field.end);
    if (text[field.end] == '\n') break;
    begin = field.end + 1;
  }
  index->lasts[index->records_count++] = static_cast<uint32_t>(index->ends_count - 1);
  index->bytes = index->ends[index->ends_count - 1] + size_t{1};
  return true;
}

/// Appends as many records as the vector loop can. returns: whether it came to the end of the text.
bool IndexByVector(const IndexKernels& kernels, std::string_view text, CsvSyntax syntax,
                   CsvIndex* index) {
  IndexOutput out{.ends = index->ends.data(),
                  .ends_count = index->ends_count,
                  .lasts = index->lasts.data(),
                  .records_count = index->records_count,
                  .has_quotes = index->has_quotes};
  const bool is_good = kernels.index(text.data(), index->bytes, text.size(), syntax, &out);
  index->has_quotes = out.has_quotes;
  if (out.records_count > index->records_count) {
    index->records_count = out.records_count;
    index->ends_count = index->lasts[out.records_count - 1] + size_t{1};
    index->bytes = index->ends[index->ends_count - 1] + size_t{1};
  }
  return is_good;
}

}  // namespace

void IndexRecords(const char* text, size_t size, CsvSyntax syntax, bool is_end, CsvIndex* index) {
  const size_t room = size + kIndexSlack;
  if (index->ends.size() < room) {
    index->ends.resize(room);
    index->lasts.resize(room);
  }
  index->ends[0] = 0xFFFFFFFF;
  index->ends_count = 1;
  index->records_count = 0;
  index->malformed.clear();
  index->bytes = 0;
  index->has_quotes = false;
  const std::string_view view(text, size);
  const IndexKernels* kernels = Kernels();
  while (index->bytes < size) {
    if (kernels != nullptr && IndexByVector(*kernels, view, syntax, index) &&
        (index->bytes == size || !is_end)) {
      return;
    }
    for (size_t i = 0; i < kRecordsByHand && index->bytes < size; ++i) {
      if (!IndexByHand(view, index->bytes, syntax, is_end, index)) return;
    }
  }
}

size_t WholeRecordsBytes(std::string_view text, CsvSyntax syntax) {
  if (syntax.quote == '\0' || text.find(syntax.quote) == std::string_view::npos) {
    const size_t line_end = text.rfind('\n');
    return line_end == std::string_view::npos ? 0 : line_end + 1;
  }
  const IndexKernels* kernels = Kernels();
  size_t bytes = 0;
  while (bytes < text.size()) {
    const bool is_all_seen =
        kernels != nullptr && kernels->last_end(text.data(), bytes, text.size(), syntax, &bytes);
    for (size_t i = 0; is_all_seen || i < kRecordsByHand; ++i) {
      const CsvRecord record = ScanRecord(text, bytes, syntax);
      if (record.end == text.size() || record.is_open) return bytes;
      bytes = record.end + 1;
    }
  }
  return bytes;
}

size_t CountByte(std::string_view text, char byte) {
  if (const IndexKernels* kernels = Kernels()) {
    return kernels->count_byte(text.data(), text.size(), byte);
  }
  return static_cast<size_t>(std::count(text.begin(), text.end(), byte));
}

VectorLevel BestVectorLevel() {
#ifdef DAYPART_CSV_VECTORS
  if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("pclmul")) {
    return VectorLevel::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("pclmul")) {
    return VectorLevel::kAvx2;
  }
  return VectorLevel::kSse2;
#else
  return VectorLevel::kScalar;
#endif
}

void LimitVectorLevel(VectorLevel level) {
  LevelInUse().store(std::min(level, BestVectorLevel()), std::memory_order_relaxed);
}

}  // namespace daypart::decode
