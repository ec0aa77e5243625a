// SPDX-License-Identifier: Apache-2.0
//
// Guesses how a CSV file is written from its first bytes: delimiter, whether there is a header, the
// column names. For the crawler and for loads that were told nothing; what the caller knows is
// passed in the options and not guessed again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace daypart::decode {

struct CsvDialect {
  char delimiter = ',';
  char quote = '"';
  bool has_header = true;
  /// Names of the columns, unique: the header's cells, or column_1, column_2, … without one.
  std::vector<std::string> columns;
  /// Share (0..1) of the sampled records that have as many fields as `columns`; 0 for an empty
  /// text.
  double regular_share = 0;
};

struct DialectOptions {
  std::optional<char> delimiter;
  char quote = '"';
  std::optional<bool> has_header;
  /// Whether `head` is the whole file, so that its last line counts although no line end follows.
  bool is_whole_file = false;
};

/// Judges the first 1,000 records of `head`, which is decompressed UTF-8 without a byte order mark
/// (what OpenText yields; 64 KiB are plenty).
///
/// Delimiter: of `,` `|` tab `;` Ctrl-A the one under which most records have the same number of
/// fields, two at least; with equals the one that gives more fields. None: one column.
///
/// Header: the first record is one if its cells read like names (a letter or _ first, under 150
/// bytes, no number, date or truth value) and differ from each other, and no cell recurs among the
/// data of its own column, nor looks like the data but for its digits ("ch001" above "ch002"). No
/// column needs to be of another type, so that a file of nothing but strings keeps its header.
CsvDialect DetectDialect(std::string_view head, const DialectOptions& options);

}  // namespace daypart::decode
