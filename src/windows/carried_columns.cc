// SPDX-License-Identifier: Apache-2.0
//
// The SELECT list item by item: what is not understood to the last word is not carried on.
#include "windows/carried_columns.h"

#include <algorithm>
#include <utility>

#include "query/sql_reader.h"
#include "query/sql_tokens.h"
#include "query/view_sql.h"

namespace daypart::windows {
namespace {

using iceberg::NestedField;
using iceberg::TypeKind;
using query::SqlReader;
using query::Upper;

const NestedField* FieldOf(const iceberg::Schema& schema, const std::string& name) {
  const auto found = std::ranges::find_if(
      schema.fields, [&](const auto& field) { return Upper(field.name) == Upper(name); });
  return found == schema.fields.end() ? nullptr : &*found;
}

bool is_whole(TypeKind kind) { return kind == TypeKind::kInt || kind == TypeKind::kLong; }

/// Equal values are the same to the bit and have one order, which doubles (NaN, -0.0) do not.
bool is_plain(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kDecimal:
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
    case TypeKind::kString:
      return true;
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kTime:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs:
    case TypeKind::kUuid:
    case TypeKind::kFixed:
    case TypeKind::kBinary:
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap:
      return false;
  }
  return false;
}

/// The column if the text is its name and nothing else.
const NestedField* ColumnOf(std::string_view text, const iceberg::Schema& source) {
  auto reader = SqlReader::Open(text);
  if (!reader) return nullptr;
  const auto name = reader->Name();
  if (!name || !reader->is_at_end()) return nullptr;
  const auto parts = query::NameParts(*name);
  return parts.size() > 2 ? nullptr : FieldOf(source, parts.back());
}

/// Aggregates are computed before a row's windows are known.
bool has_window_words(std::string_view text) {
  const auto tokens = query::Tokenize(text);
  return !tokens || std::ranges::any_of(*tokens, [](const query::Token& token) {
    const std::string word = Upper(query::NameParts(token.text).front());
    return word == "WINDOW_START" || word == "WINDOW_END";
  });
}

struct Call {
  std::string name;  // in capitals
  bool is_distinct = false;
  std::string argument;
  std::string filter;  // the condition alone
  bool is_cast = false;
};

/// name(argument) [FILTER (WHERE …)]
std::optional<Call> TakeCall(SqlReader& reader) {
  Call call;
  for (const char* name : {"COUNT", "SUM", "MIN", "MAX"}) {
    if (call.name.empty() && reader.Take(name)) call.name = name;
  }
  if (call.name.empty() || !reader.is_next("(")) return std::nullopt;
  auto argument = reader.Bracketed();
  if (!argument) return std::nullopt;
  auto inner = SqlReader::Open(*argument);
  if (!inner) return std::nullopt;
  call.is_distinct = inner->Take("DISTINCT");
  call.argument = inner->Until({"ORDER", ","});
  if (!inner->is_at_end() || call.argument.empty()) return std::nullopt;
  if (!reader.Take("FILTER")) return call;
  if (!reader.is_next("(")) return std::nullopt;
  auto filter = reader.Bracketed();
  if (!filter) return std::nullopt;
  auto condition = SqlReader::Open(*filter);
  if (!condition || !condition->Take("WHERE")) return std::nullopt;
  call.filter = condition->Rest();
  return call;
}

/// Words of a type, as DECIMAL(18, 4).
bool SkipType(SqlReader& reader) {
  if (!reader.Identifier()) return false;
  return !reader.is_next("(") || reader.Bracketed();
}

/// An aggregate, perhaps cast, and its name.
std::optional<Call> ReadAggregate(std::string_view item, std::string& name) {
  auto reader = SqlReader::Open(item);
  if (!reader) return std::nullopt;
  std::optional<Call> call;
  if (reader->Take("CAST")) {
    if (!reader->is_next("(")) return std::nullopt;
    const auto cast = reader->Bracketed();
    if (!cast) return std::nullopt;
    auto inner = SqlReader::Open(*cast);
    if (!inner || !(call = TakeCall(*inner))) return std::nullopt;
    if (!inner->Take("AS") || !SkipType(*inner) || !inner->is_at_end()) return std::nullopt;
    call->is_cast = true;
  } else if (!(call = TakeCall(*reader))) {
    return std::nullopt;
  } else if (reader->TakeAll({":", ":"})) {
    if (!SkipType(*reader)) return std::nullopt;
    call->is_cast = true;
  }
  const std::string alias = reader->Alias({});
  if (alias.empty() || !reader->is_at_end()) return std::nullopt;
  name = query::NameParts(alias).front();
  return call;
}

/// Whether the sum loses nothing on its way into the target's type.
bool is_exact_sum(const iceberg::Type& source, const iceberg::Type& target) {
  if (is_whole(source.kind)) return is_whole(target.kind) || target.kind == TypeKind::kDecimal;
  return source.kind == TypeKind::kDecimal && target.kind == TypeKind::kDecimal &&
         target.scale >= source.scale;
}

class Reading {
 public:
  Reading(const WindowDeclaration& window, const iceberg::Schema& source,
          const iceberg::Schema& target)
      : window_(window), source_(source), target_(target) {}

  std::optional<std::vector<CarriedColumn>> Run() {
    if (!window_.having.empty()) return std::nullopt;
    const auto tokens = query::Tokenize(window_.select_list);
    if (!tokens) return std::nullopt;
    size_t begin = 0;
    for (const query::Token& token : *tokens) {
      if (token.text != "," || token.depth != 0) continue;
      if (!Add(std::string_view(window_.select_list).substr(begin, token.begin - begin))) {
        return std::nullopt;
      }
      begin = token.begin + 1;
    }
    if (!Add(std::string_view(window_.select_list).substr(begin))) return std::nullopt;
    return InOrder();
  }

 private:
  bool Add(std::string_view item) {
    auto reader = SqlReader::Open(item);
    if (!reader) return false;
    const auto name = reader->Name();
    if (name && reader->is_at_end()) return AddName(query::NameParts(*name));
    std::string alias;
    auto call = ReadAggregate(item, alias);
    return call && AddCall(*call, alias);
  }

  bool AddName(const std::vector<std::string>& parts) {
    const std::string word = Upper(parts.back());
    CarriedColumn column{.name = parts.back(), .kind = CarryKind::kKey};
    if (word == "WINDOW_START") {
      column.kind = CarryKind::kStart;
    } else if (word == "WINDOW_END") {
      column.kind = CarryKind::kEnd;
    } else {
      const bool is_key = std::ranges::any_of(
          window_.keys, [&](const std::string& key) { return Upper(key) == word; });
      if (!is_key || FieldOf(source_, parts.back()) == nullptr) return false;
    }
    return Keep(std::move(column));
  }

  bool AddCall(const Call& call, const std::string& name) {
    if (has_window_words(call.argument) || has_window_words(call.filter)) return false;
    const NestedField* target = FieldOf(target_, name);
    const NestedField* of = ColumnOf(call.argument, source_);
    if (target == nullptr) return false;
    CarriedColumn column{.name = name, .kind = CarryKind::kCount, .part_type = "BIGINT"};
    column.aggregate = call.name + "(" + call.argument + "\n)" +
                       (call.filter.empty() ? "" : " FILTER (WHERE " + call.filter + "\n)");
    if (call.name == "COUNT") {
      if (!is_whole(target->type.kind)) return false;
      if (!call.is_distinct) return Keep(std::move(column));
      // One is found in the source's rows; with two the windows are as well computed from these.
      const bool is_alone = !std::exchange(has_distinct_, true);
      const bool can_be_found = of != nullptr && is_plain(of->type.kind) &&
                                window_.kind != WindowKind::kSession && is_alone;
      if (!can_be_found) return false;
      column.kind = CarryKind::kDistinct;
      column.aggregate.clear();
      column.value = call.argument;
      column.filter = call.filter;
      return Keep(std::move(column));
    }
    if (of == nullptr || (call.is_distinct && call.name == "SUM")) return false;
    if (call.name == "SUM") {
      if (!is_exact_sum(of->type, target->type)) return false;
      column.kind = CarryKind::kSum;
      const int scale = is_whole(of->type.kind) ? 0 : of->type.scale;
      column.part_type = "DECIMAL(38, " + std::to_string(scale) + ')';
      return Keep(std::move(column));
    }
    if (call.is_cast || !is_plain(of->type.kind) || of->type != target->type) return false;
    const auto type = query::SqlType(of->type);
    if (!type) return false;
    column.kind = call.name == "MIN" ? CarryKind::kLeast : CarryKind::kGreatest;
    column.part_type = *type;
    return Keep(std::move(column));
  }

  bool Keep(CarriedColumn column) {
    columns_.push_back(std::move(column));
    return true;
  }

  /// As the target has them, each once.
  std::optional<std::vector<CarriedColumn>> InOrder() const {
    if (columns_.size() != target_.fields.size()) return std::nullopt;
    std::vector<CarriedColumn> ordered;
    for (const NestedField& field : target_.fields) {
      const auto found = std::ranges::find_if(columns_, [&](const CarriedColumn& column) {
        return Upper(column.name) == Upper(field.name);
      });
      const auto type = query::SqlType(field.type);
      if (found == columns_.end() || !type) return std::nullopt;
      ordered.push_back(*found);
      ordered.back().name = field.name;
      ordered.back().type = *type;
    }
    return ordered;
  }

  const WindowDeclaration& window_;
  const iceberg::Schema& source_;
  const iceberg::Schema& target_;
  std::vector<CarriedColumn> columns_;
  bool has_distinct_ = false;
};

}  // namespace

std::optional<std::vector<CarriedColumn>> CarriedColumns(const WindowDeclaration& window,
                                                         const iceberg::Schema& source,
                                                         const iceberg::Schema& target) {
  return Reading(window, source, target).Run();
}

}  // namespace daypart::windows
