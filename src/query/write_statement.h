// SPDX-License-Identifier: Apache-2.0
//
// Statements that change a table's rows: INSERT INTO or OVERWRITE … SELECT, DELETE FROM, UPDATE and
// MERGE INTO, taken apart by their clauses. Expressions inside stay text, which DuckDB parses when
// the rows are looked for.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace daypart::query {

enum class WriteKind { kInsert, kOverwrite, kDelete, kUpdate, kMerge };

/// Column and expression.
using Assignment = std::pair<std::string, std::string>;

/// WHEN [NOT] MATCHED [BY SOURCE] [AND condition] THEN action.
struct MergeClause {
  enum class Match { kMatched, kNotMatched, kNotMatchedBySource };
  enum class Action { kUpdate, kDelete, kInsert };
  Match match = Match::kMatched;
  std::string condition;  // empty for none
  Action action = Action::kUpdate;
  bool is_all = false;  // UPDATE SET * or INSERT *: all columns from the source's of these names
  std::vector<Assignment> assignments;  // of INSERT too
};

struct WriteStatement {
  WriteKind kind = WriteKind::kDelete;
  std::string table;                    // as written, quotes included: media.viewership
  std::string alias;                    // of DELETE, UPDATE and MERGE; empty if none
  std::string where;                    // the condition; empty if there is none
  std::string select;                   // of INSERT: SELECT, WITH or VALUES
  std::vector<std::string> columns;     // of INSERT; empty for all
  std::vector<Assignment> assignments;  // of UPDATE
  std::string source;                   // of MERGE: a table's name or (SELECT …)
  std::string source_alias;             // of MERGE; empty if none
  std::string on;                       // of MERGE
  std::vector<MergeClause> clauses;     // of MERGE, in order: the first that holds acts
};

/// errors: kInvalidArgument with the character position where something else was expected;
///   kUnsupported for another statement.
Result<WriteStatement> ParseWriteStatement(std::string_view sql);

}  // namespace daypart::query
