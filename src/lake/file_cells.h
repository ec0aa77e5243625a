// SPDX-License-Identifier: Apache-2.0
//
// FileCells: data and delete files as rows of `t$files` and `t$entries`, with partition values of
// any of the table's specs brought under one struct and bounds made readable.
#pragma once

#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/metadata.h"
#include "lake/cell_batch.h"

namespace daypart::lake {

class FileCells {
 public:
  /// Of the table's partition fields and its current schema's columns.
  static Result<FileCells> Make(const iceberg::TableMetadata& metadata);

  /// Columns of a file without readable metrics, as `t$files` and `t$entries`.data_file have them.
  std::vector<iceberg::NestedField> FileFields() const;
  CellRow FileRow(const iceberg::DataFile& file, iceberg::SpecId spec_id) const;

  /// No field if the table has no partition field, or no primitive column.
  std::vector<iceberg::NestedField> PartitionFields() const;
  std::vector<iceberg::NestedField> MetricsFields() const;

  /// The file's values of all specs' fields; null where its own spec lacks the field.
  iceberg::PartitionTuple PartitionOf(const iceberg::DataFile& file, iceberg::SpecId spec_id) const;
  static Cell PartitionCell(const iceberg::PartitionTuple& partition);
  Cell MetricsCell(const iceberg::DataFile& file) const;

 private:
  struct Metric {
    std::string name;  // full, with dots
    iceberg::FieldId id;
    iceberg::Type type;
  };

  void AddMetrics(const std::vector<iceberg::NestedField>& fields, const std::string& prefix);

  std::vector<iceberg::PartitionSpec> specs_;
  std::vector<iceberg::PartitionField> partition_fields_;
  std::vector<iceberg::Type> partition_types_;
  std::vector<Metric> metrics_;
};

}  // namespace daypart::lake
