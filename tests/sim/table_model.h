// SPDX-License-Identifier: Apache-2.0
//
// A table as a plain value: columns, rows of each snapshot, refs. What Daypart's tables are
// compared with after each operation. Knows nothing of files, and shares no code with what it
// checks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace daypart::sim {

using Value = std::variant<std::monostate, int64_t, double, std::string>;

enum class ColumnKind { kInt, kLong, kDouble, kText };

/// A column keeps its number for life, as Iceberg's field ids do, but the numbers are the model's.
struct Column {
  int number = 0;
  std::string name;
  ColumnKind kind = ColumnKind::kInt;
  friend bool operator==(const Column&, const Column&) = default;
};

/// Values by column number; nulls are left out.
using Row = std::map<int, Value>;
using Rows = std::vector<Row>;

/// The rows as sorted text, one "a|b|c" a row, of these columns in this order.
std::vector<std::string> TextOf(const Rows& rows, const std::vector<Column>& columns);

/// A predicate with SQL's three values: nullopt is unknown.
struct Predicate {
  enum class Kind {
    kEqual, kNotEqual, kLess, kGreaterOrEqual, kIn, kIsNull, kIsNotNull, kIsNan, kStartsWith,
    kAnd, kOr, kNot, kTrue,
  };
  Kind kind = Kind::kTrue;
  std::vector<Predicate> operands;
  int column = 0;
  std::vector<Value> values;

  std::optional<bool> Evaluate(const Row& row) const;
  bool Holds(const Row& row) const { return Evaluate(row).value_or(false); }
};

/// What a merge by the column `key` makes of the rows.
Rows Merged(const Rows& table, const Rows& source, int key, bool inserts_only);

struct ModelSnapshot {
  std::optional<int64_t> parent;
  int64_t timestamp = 0;  // microseconds
  std::shared_ptr<const Rows> rows;
};

struct Model {
  std::vector<Column> columns;
  int next_column = 0;
  std::string spec;   // as the command line takes it
  std::string specs;  // all that the table ever had
  std::map<int64_t, ModelSnapshot> snapshots;
  std::optional<int64_t> current;
  std::map<std::string, int64_t> branches;  // without main
  std::map<std::string, int64_t> tags;

  const Rows& rows() const;
  const Column* Find(const std::string& name) const;
  /// Snapshots that an expiry must keep: refs' heads, of each branch the newest `count` and those
  /// not older than `oldest`, and young ones of no branch.
  std::set<int64_t> Kept(int64_t oldest, int64_t count) const;
};

}  // namespace daypart::sim
