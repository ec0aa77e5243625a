// SPDX-License-Identifier: Apache-2.0
//
// MetricsConfig: which statistics a data file's entry is to hold of each column, as the table's
// properties ask. Source: Iceberg table properties write.metadata.metrics.default, .column.<name>
// and .max-inferred-column-defaults, with the reference implementation's defaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "base/result.h"
#include "iceberg/metadata.h"
#include "iceberg/type.h"

namespace daypart::lake {

/// What is kept of one column. The size on disk is always kept.
struct MetricsMode {
  enum class Kind {
    kNone,
    kCounts,    // values, nulls, NaNs
    kTruncate,  // and bounds, of strings and binaries no longer than length_max
    kFull,      // and bounds, whole
  };
  Kind kind = Kind::kTruncate;
  size_t length_max = 16;  // of kTruncate, > 0
  bool has_counts() const { return kind != Kind::kNone; }
  bool has_bounds() const { return kind == Kind::kTruncate || kind == Kind::kFull; }
  friend bool operator==(const MetricsMode&, const MetricsMode&) = default;
};

/// "none", "counts", "full" or "truncate(16)", any case. errors: kInvalidArgument.
Result<MetricsMode> ParseMetricsMode(std::string_view text);

class MetricsConfig {
 public:
  /// The default mode, truncate(16), for every column.
  MetricsConfig() = default;
  /// Whole bounds of every column: for delete files, whose paths are compared for equality.
  static MetricsConfig Full();
  /// By the table's properties, columns by their full name ("user.city", "tags.element"). Without a
  /// default of the user's, the first 100 primitive columns have the default mode and the others
  /// none, so that entries of wide tables stay small; columns the table is sorted by always have
  /// bounds unless the user says otherwise. A mode that is not understood is logged and passed
  /// over, since other writers pass over it too.
  static MetricsConfig Of(const iceberg::TableMetadata& table);

  MetricsMode ModeOf(iceberg::FieldId id) const;

 private:
  MetricsMode default_;
  std::map<iceberg::FieldId, MetricsMode> by_column_;
};

}  // namespace daypart::lake
