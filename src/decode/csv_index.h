// SPDX-License-Identifier: Apache-2.0
//
// Finds where the fields and records of a CSV text end, 64 bytes at a time: the first of the two
// passes of the CSV decoder, and what the chunker cuts by. The vector code answers only for text
// whose quotes are in order; where they are not, the grammar of csv_record.h is walked byte by byte
// for some records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "decode/csv_record.h"

namespace daypart::decode {

/// Bytes that must be readable after a text that is indexed.
inline constexpr size_t kIndexPadding = 64;

/// Fields and records of a piece of text. Field i of the text is [ends[i] + 1, ends[i + 1]);
/// ends[0] is the position before the text, 0xFFFFFFFF, so that adding 1 in uint32_t gives 0.
struct CsvIndex {
  std::vector<uint32_t> ends;   // room for more than the count below
  size_t ends_count = 0;        // with ends[0]
  std::vector<uint32_t> lasts;  // a record: index in `ends` of its last field's end
  size_t records_count = 0;
  std::vector<uint32_t> malformed;  // numbers of the records with a malformed field, ascending;
                                    // each of these records counts as one field
  size_t bytes = 0;                 // up to behind the LF of the last whole record
  bool has_quotes = false;
};

/// Indexes the whole records of text[0, size), which begins at a record's start; a record is whole
/// if its LF is there. is_end: no text follows, so that a quote that is open at the end is
/// malformed; otherwise its record is not whole. text: kIndexPadding readable bytes behind.
void IndexRecords(const char* text, size_t size, CsvSyntax syntax, bool is_end, CsvIndex* index);

/// Bytes of the whole records that `text`, which begins at a record's start and which more text may
/// follow, begins with.
size_t WholeRecordsBytes(std::string_view text, CsvSyntax syntax);

/// How often `byte` is in `text`.
size_t CountByte(std::string_view text, char byte);

/// What a processor can do; for tests and the benchmark, which go through all that the machine has.
enum class VectorLevel { kScalar, kSse2, kAvx2, kAvx512 };
VectorLevel BestVectorLevel();
/// Caps what the functions above use, for the whole process.
void LimitVectorLevel(VectorLevel level);

}  // namespace daypart::decode
