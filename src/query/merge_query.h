// SPDX-License-Identifier: Apache-2.0
//
// MERGE INTO as SELECTs: one that gathers the source's rows, one that joins them with the target
// and says of each row what becomes of it. Text only; Engine::QueryMerge runs it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/metadata.h"
#include "query/duckdb_session.h"
#include "query/write_statement.h"

namespace daypart::query {

/// Names of the target and of the gathered source in the SELECTs of a MergeQuery.
inline constexpr char kMergeTarget[] = "daypart_merge_target";
inline constexpr char kMergeSource[] = "daypart_merge_source";
/// The source's columns that MergeQuery::keys names, for KeyConditions.
inline constexpr char kMergeKeys[] = "daypart_merge_keys";

/// target.column = source.column, one of the conditions that all hold where rows match.
struct MergeKey {
  std::string target;
  std::string source;
};

struct MergeQuery {
  /// The source's rows; to be run once, whatever the join does with them, unless `is_name`.
  std::string source;
  /// The source is named: if that is a table, it gives the same rows each time.
  bool is_name = false;
  /// What lake::ChangeRows takes: `_file`, `_pos`, `_action`, then the table's columns if any row
  /// is written.
  std::string rows;
  /// `_file` of the target's rows that match; empty if rows that match none matter too, or if
  /// knowing the files first would spare nothing.
  std::string touched;
  /// Where rows of the target can only match if they are within the bounds of the source's keys.
  std::vector<MergeKey> keys;
  /// A target row may be matched twice without harm: all matched rows are deleted.
  bool may_repeat = false;
};

/// Makes kMergeSource and, of its columns, kMergeKeys.
/// source_sql: `merge.source` as the session understands it. is_table: it gives the same rows each
/// time, so that only the keys are copied and the join reads the table itself.
Status GatherSource(Session& session, const MergeQuery& merge, const std::string& source_sql,
                    bool is_table);

/// errors: kInvalidArgument for a column that the table does not have.
Result<MergeQuery> PlanMerge(const WriteStatement& statement,
                             const iceberg::TableMetadata& target);

/// The column of that name, in this case or another; kInvalidArgument if there is none.
Result<const iceberg::NestedField*> FindColumn(const iceberg::Schema& schema,
                                               const std::string& name);

/// Conditions that hold for all rows of the target that match a source row.
/// schema: the target's. session: has kMergeKeys. returns: SQL over the target's columns; FALSE if
/// no source row can match.
Result<std::vector<std::string>> KeyConditions(Session& session, const iceberg::Schema& schema,
                                               const std::vector<MergeKey>& keys);

}  // namespace daypart::query
