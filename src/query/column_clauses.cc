// SPDX-License-Identifier: Apache-2.0
//
// Types have commas and words of their own, between < and >, which the tokenizer takes for no
// brackets.
#include "query/column_clauses.h"

#include <algorithm>
#include <utility>

#include "iceberg/type_text.h"

namespace daypart::query {
namespace {

/// The text up to what may stand behind a column's type.
std::string UntilBehindType(SqlReader& in) {
  return in.Until({",", "NOT", "COMMENT", "DEFAULT", "FIRST", "AFTER"});
}

/// 'text' or a bare word with dots.
Result<std::string> ReadKey(SqlReader& in) {
  if (in.is_name()) return in.Name();
  return in.Text();
}

Result<std::string> ReadValue(SqlReader& in) {
  std::string value = in.Until({","});
  if (value.empty()) return in.Expected("a value");
  if (value.front() != '\'') return value;
  DAYPART_TRY(SqlReader text, SqlReader::Open(value));
  DAYPART_TRY(value, text.Text());
  DAYPART_RETURN_IF_ERROR(text.ExpectEnd());
  return value;
}

}  // namespace

Result<ColumnPath> ReadColumnPath(SqlReader& in) {
  DAYPART_TRY(const std::string name, in.Name());
  return NameParts(name);
}

Result<iceberg::Type> ReadType(SqlReader& in) {
  std::string text = UntilBehindType(in);
  const auto open_count = [&text] {
    return std::count(text.begin(), text.end(), '<') - std::count(text.begin(), text.end(), '>');
  };
  while (open_count() > 0) {
    if (in.Take(",")) {
      text += ", ";
    } else if (in.Take("NOT")) {
      text += " NOT ";
    } else {
      break;
    }
    text += UntilBehindType(in);
  }
  if (text.empty()) return in.Expected("a type");
  return iceberg::ParseType(text);
}

Result<std::string> ReadLiteralText(SqlReader& in) {
  std::string text = in.Until({",", "NOT", "COMMENT", "FIRST", "AFTER"});
  if (text.empty()) return in.Expected("a value");
  return text;
}

bool is_place(const SqlReader& in) { return in.is_next("FIRST") || in.is_next("AFTER"); }

Result<iceberg::ColumnPlace> ReadPlace(SqlReader& in) {
  iceberg::ColumnPlace place;
  if (in.Take("FIRST")) {
    place.kind = iceberg::ColumnPlace::Kind::kFirst;
    return place;
  }
  DAYPART_RETURN_IF_ERROR(in.Expect("AFTER"));
  place.kind = iceberg::ColumnPlace::Kind::kAfter;
  DAYPART_TRY(const ColumnPath sibling, ReadColumnPath(in));
  place.sibling = sibling.back();
  return place;
}

Result<ColumnDefinition> ReadColumn(SqlReader& in) {
  ColumnDefinition column;
  DAYPART_TRY(column.path, ReadColumnPath(in));
  DAYPART_TRY(column.type, ReadType(in));
  while (true) {
    if (in.TakeAll({"NOT", "NULL"})) {
      column.is_required = true;
    } else if (in.Take("COMMENT")) {
      DAYPART_TRY(column.comment, in.Text());
    } else if (in.Take("DEFAULT")) {
      DAYPART_TRY(column.default_text, ReadLiteralText(in));
    } else if (is_place(in)) {
      DAYPART_TRY(column.place, ReadPlace(in));
    } else {
      return column;
    }
  }
}

Result<std::vector<ColumnDefinition>> ReadColumns(std::string_view text) {
  DAYPART_TRY(SqlReader in, SqlReader::Open(text));
  std::vector<ColumnDefinition> columns;
  do {
    auto column = ReadColumn(in);
    if (!column) return std::move(column).error().WithContext("in the list of columns");
    columns.push_back(std::move(column).value());
  } while (in.Take(","));
  if (Status end = in.ExpectEnd(); !end) {
    return std::move(end).error().WithContext("in the list of columns");
  }
  return columns;
}

Result<std::map<std::string, std::string>> ReadProperties(SqlReader& in) {
  DAYPART_TRY(const std::string list, in.Bracketed());
  DAYPART_TRY(SqlReader inner, SqlReader::Open(list));
  std::map<std::string, std::string> properties;
  do {
    DAYPART_TRY(const std::string key, ReadKey(inner));
    DAYPART_RETURN_IF_ERROR(inner.Expect("="));
    DAYPART_TRY(properties[key], ReadValue(inner));
  } while (inner.Take(","));
  DAYPART_RETURN_IF_ERROR(inner.ExpectEnd());
  return properties;
}

Result<std::vector<std::string>> ReadPropertyKeys(SqlReader& in) {
  DAYPART_TRY(const std::string list, in.Bracketed());
  DAYPART_TRY(SqlReader inner, SqlReader::Open(list));
  std::vector<std::string> keys;
  do {
    DAYPART_TRY(std::string key, ReadKey(inner));
    keys.push_back(std::move(key));
  } while (inner.Take(","));
  DAYPART_RETURN_IF_ERROR(inner.ExpectEnd());
  return keys;
}

}  // namespace daypart::query
