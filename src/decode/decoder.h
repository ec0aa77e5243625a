// SPDX-License-Identifier: Apache-2.0
//
// Text records -> Arrow record batches of a target schema, and the rows that do not fit. Nothing
// that does not fit becomes null: it becomes a RejectedRow. Pure: no files, no threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "decode/chunk.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace daypart::decode {

/// A column to fill. Arrow types taken: boolean, int32, int64, float, double, decimal128, date32,
/// timestamp(us) with or without zone "UTC", time64(us), utf8, binary (base64 in JSON, as is in
/// CSV).
struct TargetColumn {
  std::string name;          // in the batch
  std::string source_name;   // CSV header cell, JSON key ("a.b" reaches into an object)
  bool is_required = false;  // a missing or empty value is a reject, not a null
  /// Cells and keys that fill it as well; of two in one record, the record is a reject.
  std::vector<std::string> other_names = {};
  /// JSON: a string column that takes numbers and truth values as their text.
  bool takes_scalars = false;
};

struct DecodeTarget {
  /// One Arrow field for each of `columns`, in the same order.
  std::shared_ptr<arrow::Schema> schema;  // shared because Arrow shares its schemas
  std::vector<TargetColumn> columns;
};

struct DecodedChunk {
  /// Rows that fit, in record order. A utf8 column comes as dictionary<int32, utf8> while it has
  /// few distinct values and as utf8 from the chunk on where it turns out to have many; between two
  /// dictionary chunks of one decoder the older dictionary is a prefix of the newer.
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<RejectedRow> rejects;
  uint64_t records_count = 0;  // rows + rejects; blank lines are no records
  /// JSON: keys ("a.b" within an object, "a.*" for an object) with a value that no column takes,
  /// each told once by a decoder, in the chunk where it came first; at most kUnknownKeysMax by one
  /// decoder.
  std::vector<std::string> unknown_keys;
};
inline constexpr size_t kUnknownKeysMax = 8'192;

/// Decodes chunks of one format for one thread, which may be of any files of that format.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual Result<DecodedChunk> Decode(const Chunk& chunk) = 0;
};

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';
  /// Texts that stand for null in a non-string column; in a string column only an unquoted one
  /// does. The empty text is a null in every column but a quoted empty string, which is the empty
  /// string.
  std::vector<std::string> null_texts = {"", "NULL", "null", "\\N"};
  /// The file's header cells in order (names made unique by the caller); which column is where.
  std::vector<std::string> file_columns;
  /// Line 1 is the header and is skipped in the chunk with first_line 1.
  bool has_header = true;
};

/// What is a record and a field is told in csv_record.h. A cell of a column that is no string is
/// read without its quotes and the spaces around it: integers are an optional sign and digits in
/// the type's range; float and double decimal or scientific, NaN, Infinity, inf; booleans
/// true/false, t/f, yes/no, 1/0; all these words in any case; decimals exact in the column's scale,
/// else refused; dates YYYY-MM-DD; timestamps as base/calendar.h reads them; times
/// HH:MM[:SS[.fraction]].
///
/// errors: kInvalidArgument for a delimiter or quote that is no ASCII byte or is the other's, and
/// where
///   schema and columns do not match; kUnsupported for a type that is not among those above.
/// errors of Decode: none for bad data, which is rejected row by row: wrong number of fields, a
/// value that is not of the type or out of its range, invalid UTF-8, a quote not closed (the row is
/// rejected up to its line end and decoding goes on at the next line). kInvalidArgument for a chunk
/// of 2 GiB.
Result<std::unique_ptr<Decoder>> MakeCsvDecoder(const DecodeTarget& target,
                                                const CsvOptions& options);

/// One JSON object a line. Unknown keys are ignored; a missing key or null is null; numbers for
/// string columns are rejected, as are strings for numbers unless `coerce_strings`; of duplicate
/// keys the first counts… and the row is rejected, because nobody knows which was meant.
struct JsonOptions {
  bool coerce_strings = false;
};
Result<std::unique_ptr<Decoder>> MakeJsonDecoder(const DecodeTarget& target,
                                                 const JsonOptions& options);

/// The cells of one CSV record, unquoted; for headers, the crawler and messages, not for bulk.
std::vector<std::string> SplitCsvRecord(std::string_view record, char delimiter, char quote);

/// Header cells as unique names: empty ones become column_N (N from 1), repeated ones get _2, _3, …
std::vector<std::string> UniqueColumnNames(std::vector<std::string> cells);

}  // namespace daypart::decode
