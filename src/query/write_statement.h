// SPDX-License-Identifier: Apache-2.0
//
// Statements that change a table: INSERT INTO … SELECT, DELETE FROM and UPDATE, taken apart by
// their clauses. Expressions inside stay text, which DuckDB parses when the rows are looked for.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace daypart::query {

enum class WriteKind { kInsert, kDelete, kUpdate };

struct WriteStatement {
  WriteKind kind = WriteKind::kDelete;
  std::string table;                 // as written, quotes included: media.viewership
  std::string alias;                 // of DELETE and UPDATE; empty if none
  std::string where;                 // the condition; empty if there is none
  std::string select;                // of INSERT: SELECT, WITH or VALUES
  std::vector<std::string> columns;  // of INSERT; empty for all
  std::vector<std::pair<std::string, std::string>> assignments;  // of UPDATE: column, expression
};

/// errors: kInvalidArgument with the character position where something else was expected;
///   kUnsupported for another statement.
Result<WriteStatement> ParseWriteStatement(std::string_view sql);

/// "media"."viewership" or media.viewership -> its parts without quotes.
std::vector<std::string> NameParts(std::string_view name);

}  // namespace daypart::query
