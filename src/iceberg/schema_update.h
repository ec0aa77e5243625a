// SPDX-License-Identifier: Apache-2.0
//
// SchemaUpdate: a table's next schema from its current one, column by column. Columns keep their
// ids, so that files written before are read as before; what would change the meaning of stored
// rows is refused. Source: Iceberg table spec, "Schema Evolution" and "Default values".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/metadata.h"

namespace daypart::iceberg {

/// Where a column stands among its siblings.
struct ColumnPlace {
  enum class Kind { kLast, kFirst, kAfter, kBefore };
  Kind kind = Kind::kLast;
  std::string sibling;  // of kAfter and kBefore: its own name, without the path
};

struct NewColumn {
  /// From the top: {"user", "city"}. Parts of lists and maps are "element", "key" and "value".
  std::vector<std::string> path;
  Type type;
  std::string doc;
  bool is_required = false;
  /// JSON of the value that rows written before have; needs format v3. Empty for null.
  std::string default_json;
  ColumnPlace place;
};

class SchemaUpdate {
 public:
  /// base must outlive the update.
  explicit SchemaUpdate(const TableMetadata& base);

  /// errors: kInvalidArgument if the name is taken (case does not count), the parent is no struct,
  /// or a required column has no default; kUnsupported for a default before format v3.
  Status Add(const NewColumn& column);
  /// errors: kInvalidArgument for a column that the partition spec, sort order or row identifier
  /// uses, and for the last column of a struct.
  Status Drop(const std::vector<std::string>& path);
  Status Rename(const std::vector<std::string>& path, const std::string& name);
  /// int to long, float to double, decimal to a higher precision. errors: kInvalidArgument for
  /// another change of type.
  Status Widen(const std::vector<std::string>& path, const Type& type);
  Status Move(const std::vector<std::string>& path, const ColumnPlace& place);
  Status MakeOptional(const std::vector<std::string>& path);
  Status SetDoc(const std::vector<std::string>& path, const std::string& doc);
  /// The value of rows to come that lack the column; stored rows keep theirs. Empty takes it away.
  Status SetWriteDefault(const std::vector<std::string>& path, const std::string& default_json);
  /// Top-level or nested primitive columns that together name a row; all must be required.
  Status SetIdentifier(const std::vector<std::vector<std::string>>& paths);

  const Schema& schema() const { return schema_; }

 private:
  Result<const NestedField*> Find(const std::vector<std::string>& path) const;
  Status CheckDefault(const Type& type, const std::string& default_json) const;

  const TableMetadata& base_;
  Schema schema_;
  int32_t next_id_;
};

}  // namespace daypart::iceberg
