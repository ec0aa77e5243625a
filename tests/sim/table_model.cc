// SPDX-License-Identifier: Apache-2.0
//
// The model's semantics, written for clarity alone.
#include "sim/table_model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace daypart::sim {
namespace {

std::string TextOf(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return '\'' + *text + '\'';
  if (const auto* real = std::get_if<double>(&value)) {
    char buffer[40];
    std::snprintf(buffer, sizeof(buffer), "%.17g", std::isnan(*real) ? std::nan("") : *real);
    return buffer;
  }
  return "null";
}

/// -1, 0, 1; NaN is above all numbers and equal to itself; zeros of either sign are equal.
int Order(const Value& left, const Value& right) {
  if (const auto* a = std::get_if<double>(&left)) {
    const double b = std::get<double>(right);
    if (std::isnan(*a) || std::isnan(b)) {
      return static_cast<int>(std::isnan(*a)) - static_cast<int>(std::isnan(b));
    }
    return *a < b ? -1 : static_cast<int>(*a > b);
  }
  return left < right ? -1 : static_cast<int>(right < left);
}

bool is_nan(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real != nullptr && std::isnan(*real);
}

const Value* Find(const Row& row, int column) {
  const auto found = row.find(column);
  return found == row.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<std::string> TextOf(const Rows& rows, const std::vector<Column>& columns) {
  std::vector<std::string> lines;
  lines.reserve(rows.size());
  for (const Row& row : rows) {
    std::string line;
    for (const Column& column : columns) {
      const Value* value = Find(row, column.number);
      if (!line.empty()) line += '|';
      line += value == nullptr ? "null" : TextOf(*value);
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::optional<bool> Predicate::Evaluate(const Row& row) const {
  if (kind == Kind::kTrue) return true;
  if (kind == Kind::kNot) {
    const auto inner = operands.front().Evaluate(row);
    return inner ? std::optional(!*inner) : std::nullopt;
  }
  if (kind == Kind::kAnd || kind == Kind::kOr) {
    const bool decides = kind == Kind::kOr;
    bool is_unknown = false;
    for (const Predicate& operand : operands) {
      const auto inner = operand.Evaluate(row);
      if (!inner) is_unknown = true;
      else if (*inner == decides) return decides;
    }
    return is_unknown ? std::nullopt : std::optional(!decides);
  }
  const Value* value = Find(row, column);
  if (kind == Kind::kIsNull) return value == nullptr;
  if (kind == Kind::kIsNotNull) return value != nullptr;
  if (value == nullptr) return std::nullopt;
  switch (kind) {
    case Kind::kEqual: return Order(*value, values.front()) == 0;
    case Kind::kNotEqual: return Order(*value, values.front()) != 0;
    case Kind::kLess: return Order(*value, values.front()) < 0;
    case Kind::kGreaterOrEqual: return Order(*value, values.front()) >= 0;
    case Kind::kIn:
      return std::any_of(values.begin(), values.end(),
                         [&](const Value& item) { return Order(*value, item) == 0; });
    case Kind::kIsNan: return is_nan(*value);
    case Kind::kStartsWith:
      return std::get<std::string>(*value).starts_with(std::get<std::string>(values.front()));
    case Kind::kIsNull:
    case Kind::kIsNotNull:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot:
    case Kind::kTrue: break;
  }
  return std::nullopt;
}

Rows Merged(const Rows& table, const Rows& source, int key, bool inserts_only) {
  Rows without_key;
  std::map<Value, Row> by_key;
  for (const Row& row : source) {
    const Value* value = Find(row, key);
    if (value == nullptr) {
      without_key.push_back(row);
    } else if (inserts_only) {
      by_key.try_emplace(*value, row);
    } else {
      by_key.insert_or_assign(*value, row);
    }
  }
  Rows merged = std::move(without_key);
  for (const Row& row : table) {
    const Value* value = Find(row, key);
    const bool is_matched = value != nullptr && by_key.contains(*value);
    if (!is_matched || inserts_only) merged.push_back(row);
    if (is_matched && inserts_only) by_key.erase(*value);
  }
  for (auto& [value, row] : by_key) merged.push_back(std::move(row));
  return merged;
}

const Rows& Model::rows() const {
  static const Rows kNone;
  return current ? *snapshots.at(*current).rows : kNone;
}

const Column* Model::Find(const std::string& name) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::set<int64_t> Model::Kept(int64_t oldest, int64_t count) const {
  std::set<int64_t> kept;
  const auto keep_branch = [&](std::optional<int64_t> id) {
    for (int64_t place = 0; id && snapshots.contains(*id); ++place) {
      const ModelSnapshot& snapshot = snapshots.at(*id);
      if (place > 0 && place >= count && snapshot.timestamp < oldest) return;
      kept.insert(*id);
      id = snapshot.parent;
    }
  };
  keep_branch(current);
  for (const auto& [name, id] : branches) keep_branch(id);
  for (const auto& [name, id] : tags) kept.insert(id);
  for (const auto& [id, snapshot] : snapshots) {
    if (snapshot.timestamp >= oldest) kept.insert(id);
  }
  return kept;
}

}  // namespace daypart::sim
