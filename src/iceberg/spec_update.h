// SPDX-License-Identifier: Apache-2.0
//
// SpecUpdate: a table's next partition spec from its current one, field by field. Files written
// under older specs keep these; only rows to come are placed by the new one. Source: Iceberg table
// spec, "Partition Evolution".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/metadata.h"

namespace daypart::iceberg {

class SpecUpdate {
 public:
  /// base must outlive the update.
  explicit SpecUpdate(const TableMetadata& base) : base_(base), spec_(base.default_spec()) {}

  /// term: "day(seen)", "bucket(16, id)" or a column. name: empty for the usual one
  /// (id_bucket_16). errors: kInvalidArgument for an unknown column, a field that is there already
  /// or a name that is taken; kUnsupported for a nested column.
  Status Add(std::string_view term, const std::string& name);
  /// field: its name, or the term that it was made by. In format v1 it stays as a void field,
  /// because readers of v1 tell fields by their place.
  Status Drop(std::string_view field);
  Status Replace(std::string_view field, std::string_view term, const std::string& name);

  const PartitionSpec& spec() const { return spec_; }

 private:
  Result<size_t> Find(std::string_view field) const;
  Result<PartitionField> FieldOf(std::string_view term, const std::string& name) const;

  const TableMetadata& base_;
  PartitionSpec spec_;
};

}  // namespace daypart::iceberg
