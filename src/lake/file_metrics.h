// SPDX-License-Identifier: Apache-2.0
//
// FileMetrics: the statistics of all leaf columns of one file, gathered from its rows as they are
// written. Leaves inside of structs have bounds like others, a value being null where a struct
// around it is. Leaves inside of lists and maps have counts only, since a bound would be of no
// row: theirs are those of the Parquet footer, empty lists counting as one null, as the reference
// counts. Of the columns of row lineage nothing is kept: they are no columns of the table.
#pragma once

#include <arrow/type_fwd.h>

#include <map>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "iceberg/type.h"
#include "lake/column_metrics.h"
#include "lake/metrics_config.h"

namespace parquet {
class FileMetaData;
}

namespace daypart::lake {

class FileMetrics {
 public:
  FileMetrics(const iceberg::Schema& schema, const MetricsConfig& config);

  /// column: of the type of `field`, which is one of the schema's top-level fields.
  Status Add(const iceberg::NestedField& field, const arrow::Array& column);
  /// Puts what is known, and the sizes that the footer tells, into the entry.
  Status Fill(const parquet::FileMetaData& footer, iceberg::DataFile& file) const;

 private:
  struct Leaf {
    ColumnMetrics metrics;
    MetricsMode mode;
    bool is_repeated = false;
  };
  void AddLeaves(const iceberg::NestedField& field, const MetricsConfig& config, bool is_repeated);
  Status AddRepeated(const iceberg::NestedField& field, const arrow::Array& column);
  bool HasFloats(const iceberg::NestedField& field) const;

  std::map<iceberg::FieldId, Leaf> leaves_;
};

}  // namespace daypart::lake
