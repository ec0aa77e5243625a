// SPDX-License-Identifier: Apache-2.0
//
// VectorWriter: one column of Arrow batches -> DuckDB vectors, 2048 rows at a time. Fixed-width
// values are copied as blocks, a dictionary of texts is made a DuckDB dictionary once and shared by
// all vectors that are cut from it.
#pragma once

#include <arrow/type_fwd.h>
#include <duckdb.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace daypart::query {

/// A duckdb_logical_type that destroys itself.
class LogicalType {
 public:
  explicit LogicalType(duckdb_logical_type type) : type_(type) {}
  LogicalType(LogicalType&& other) noexcept : type_(other.type_) { other.type_ = nullptr; }
  LogicalType& operator=(LogicalType&&) = delete;
  ~LogicalType() { duckdb_destroy_logical_type(&type_); }
  duckdb_logical_type get() const { return type_; }

 private:
  duckdb_logical_type type_;
};

/// Of a field, because its mark tells uuids, which DuckDB has a type for, from fixed[16].
/// errors: kUnsupported for an Arrow type that no source of Daypart gives.
Result<LogicalType> ToDuckdbType(const arrow::Field& field);

class VectorWriter {
 public:
  VectorWriter();
  VectorWriter(VectorWriter&&) noexcept;
  ~VectorWriter();

  /// Writes rows [begin, begin + rows) of the array into the vector, which is fresh; rows is at
  /// most duckdb_vector_size(). The array is of the column's type, or a dictionary<int32, utf8> for
  /// utf8.
  Status Write(const std::shared_ptr<arrow::Array>& array, int64_t begin, int64_t rows,
               duckdb_vector vector);

 private:
  struct Dictionary;
  std::unique_ptr<Dictionary> dictionary_;  // that of the last array, if it had one
};

}  // namespace daypart::query
