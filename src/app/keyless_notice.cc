// SPDX-License-Identifier: Apache-2.0
//
// The statement can be pasted.
#include "app/keyless_notice.h"

#include "app/output.h"

namespace daypart::app {

std::string KeylessNotice(const lake::CommitResult& result, std::string_view table) {
  if (result.rows_without_key == 0) return {};
  std::string names;
  std::string condition;
  for (const std::string& column : result.null_key_columns) {
    names += (names.empty() ? "" : ", ") + column;
    condition += (condition.empty() ? "" : " OR ") + column + " IS NULL";
  }
  return "daypart: " + Counted(result.rows_without_key, "row") + " without a value in the key " +
         names + " matched nothing and " + (result.rows_without_key == 1 ? "was" : "were") +
         " added; the same merge adds " + (result.rows_without_key == 1 ? "it" : "them") +
         " again: give each row a key, or before it daypart query --write \"DELETE FROM " +
         std::string(table) + " WHERE " + condition + '"';
}

}  // namespace daypart::app
