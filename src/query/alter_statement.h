// SPDX-License-Identifier: Apache-2.0
//
// ALTER TABLE: columns, properties, partition fields, order, identifier fields, branches and tags.
#pragma once

#include "base/result.h"
#include "query/sql_reader.h"
#include "query/table_statement.h"

namespace daypart::query {

/// Reads what follows ALTER TABLE. errors: those of ParseTableStatement.
Result<TableStatement> ReadAlter(SqlReader& in);

}  // namespace daypart::query
