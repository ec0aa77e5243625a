// SPDX-License-Identifier: Apache-2.0
//
// Column metrics: what a manifest says about the values of one column in one file. Computed from
// the rows themselves as they are written, never from the Parquet footer, so that a bound that a
// reader prunes by is always one that every row obeys. Source: Iceberg table spec, fields 109, 110,
// 125, 128, 137; FIELD.md's traps: NaN is never a bound, -0.0 lies below +0.0, a truncated upper
// bound is raised.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"
#include "lake/metrics_config.h"

namespace daypart::lake {

/// A lower bound of at most `length_max` code points (string) or bytes (binary): the value's front.
std::string TruncateLowerBound(std::string_view value, const iceberg::Type& type,
                               size_t length_max);
/// An upper bound of at most `length_max`: the value itself or its front raised by one in the last
/// place that can be; nullopt if no place can.
std::optional<std::string> TruncateUpperBound(std::string_view value, const iceberg::Type& type,
                                              size_t length_max);

/// Accumulates the metrics of one primitive column over any number of arrays.
class ColumnMetrics {
 public:
  explicit ColumnMetrics(iceberg::Type type, MetricsMode mode = {})
      : type_(std::move(type)), mode_(mode) {}

  /// array: of the column's Arrow type, or dictionary<int32, utf8> for a string column.
  /// errors: kUnsupported for an array of another type.
  Status Add(const arrow::Array& array);

  int64_t value_count() const { return value_count_; }
  int64_t null_count() const { return null_count_; }
  /// Absent but for float and double.
  std::optional<int64_t> nan_count() const;
  /// Serialised as the manifest wants it; absent if there was no value or none that can bound.
  Result<std::optional<std::string>> LowerBound() const;
  Result<std::optional<std::string>> UpperBound() const;

 private:
  void Widen(iceberg::Literal low, iceberg::Literal high);
  template <typename ArrayType, typename Value>
  void AddNumbers(const arrow::Array& array);
  template <typename ArrayType, typename Value>
  void AddFloats(const arrow::Array& array);
  template <typename ArrayType>
  void AddBytes(const ArrayType& array);
  void AddBooleans(const arrow::Array& array);
  void AddDecimals(const arrow::Array& array);
  Status AddDictionary(const arrow::Array& array);
  Status AddValues(const arrow::Array& array);
  void WidenBytes(std::string_view low, std::string_view high);

  size_t LengthMax() const;

  iceberg::Type type_;
  MetricsMode mode_;
  int64_t value_count_ = 0;
  int64_t null_count_ = 0;
  int64_t nan_count_ = 0;
  iceberg::Literal lowest_;  // null until there is a value
  iceberg::Literal highest_;
};

}  // namespace daypart::lake
