// SPDX-License-Identifier: Apache-2.0
//
// What Athena answers as rows: its texts become Arrow columns of the types it names, so that every
// output format shows the same as of the embedded engine. Small results come in the pages that the
// API gives, larger ones from the CSV object that Athena left in S3, which is one read instead of a
// call for each thousand rows. Nested values stay the text that Athena makes of them.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/athena.h"
#include "base/result.h"
#include "source/batch_source.h"
#include "store/object_store.h"

namespace daypart::query {

/// A cell as Athena gives it; null is not the empty text.
using AthenaCell = std::optional<std::string>;

/// The Arrow type for a column. Types without one that is shown alike are text.
std::shared_ptr<arrow::DataType> ArrowTypeOfAthena(const aws::AthenaColumn& column);

/// errors: kCorruptData for a cell that is not of its column's type, with column and text;
///   kUnsupported for a time in a zone other than UTC that is named, not an offset.
Result<std::shared_ptr<arrow::RecordBatch>> BatchOfAthena(
    const std::vector<aws::AthenaColumn>& columns,
    const std::vector<std::vector<AthenaCell>>& rows);

/// Takes the CSV of a result apart, fed in pieces that may end anywhere: every value stands between
/// quotes, a quote in it twice; null is nothing at all.
class AthenaCsv {
 public:
  /// Appends the rows that end in `bytes` to `rows`. errors: kCorruptData with the byte offset.
  Status Feed(std::string_view bytes, std::vector<std::vector<AthenaCell>>& rows);
  /// errors: kCorruptData if the text ended within a row.
  Status Finish() const;

 private:
  enum class State { kCellBegin, kQuoted, kQuoteInQuoted };
  void EndCell();

  State state_ = State::kCellBegin;
  bool is_row_open_ = false;
  bool is_quoted_ = false;
  std::string cell_;
  std::vector<AthenaCell> row_;
  uint64_t offset_ = 0;
};

/// The rows of a statement that has succeeded. One cursor. athena and store must outlive it.
/// errors: those of the first page.
Result<std::unique_ptr<source::BatchSource>> RowsOfAthena(aws::Athena& athena,
                                                          store::ObjectStore& store,
                                                          aws::AthenaStatement statement);

}  // namespace daypart::query
