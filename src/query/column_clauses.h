// SPDX-License-Identifier: Apache-2.0
//
// Clauses that CREATE TABLE and ALTER TABLE share: columns with their types, places and defaults,
// property lists.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/sql_reader.h"
#include "query/table_statement.h"

namespace daypart::query {

/// name or name.name…, without quotes.
Result<ColumnPath> ReadColumnPath(SqlReader& in);
/// A type up to the clause or comma behind it.
Result<iceberg::Type> ReadType(SqlReader& in);
/// The text of a literal up to the clause or comma behind it.
Result<std::string> ReadLiteralText(SqlReader& in);
/// FIRST, or AFTER a sibling, which stands before the reader.
Result<iceberg::ColumnPlace> ReadPlace(SqlReader& in);
bool is_place(const SqlReader& in);
/// name type [NOT NULL] [COMMENT '…'] [DEFAULT …] [FIRST | AFTER name]
Result<ColumnDefinition> ReadColumn(SqlReader& in);
/// ReadColumn, several with commas between.
Result<std::vector<ColumnDefinition>> ReadColumns(std::string_view text);
/// ('key' = 'value', …) or, without values, ('key', …); keys may be bare words with dots.
Result<std::map<std::string, std::string>> ReadProperties(SqlReader& in);
Result<std::vector<std::string>> ReadPropertyKeys(SqlReader& in);

}  // namespace daypart::query
