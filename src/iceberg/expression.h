// SPDX-License-Identifier: Apache-2.0
//
// Row predicates, and whether a file or manifest can hold a row that satisfies one. Pruning only
// ever says "cannot" when the statistics prove it; absent or doubtful statistics say "may". Source:
// Iceberg table spec, "Scan Planning".
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/manifest.h"
#include "iceberg/partition.h"
#include "iceberg/type.h"

namespace daypart::iceberg {

enum class ExpressionKind {
  kTrue,
  kFalse,
  kAnd,
  kOr,
  kNot,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kNotIn,
  kIsNull,
  kIsNotNull,
  kIsNan,
  kIsNotNan,
  kStartsWith,
  kNotStartsWith,
};

/// A predicate tree. kAnd and kOr have two or more `operands`, kNot one; the others name a column
/// by `field` and carry their `values` (one for comparisons, any number for kIn and kNotIn, none
/// else).
struct Expression {
  ExpressionKind kind = ExpressionKind::kTrue;
  std::vector<Expression> operands;
  FieldId field;
  std::vector<Literal> values;

  static Expression True() { return {}; }
  static Expression And(std::vector<Expression> operands);
  static Expression Or(std::vector<Expression> operands);
  static Expression Not(Expression operand);
  static Expression Compare(ExpressionKind kind, FieldId field, Literal value);
};

/// For people: "event_time >= 2026-11-24T00:00:00Z AND region = north".
std::string ToString(const Expression& expression, const Schema& schema);

/// Whether a file with these statistics may hold a row for which the expression is true.
bool MayMatch(const Expression& expression, const Schema& schema, const DataFile& file);
/// Likewise by the file's partition tuple alone, for the spec it was written with.
bool MayMatch(const Expression& expression, const Schema& schema, const PartitionSpec& spec,
              const PartitionTuple& partition);
/// Likewise for all files of a manifest, by its partition summaries.
bool MayMatch(const Expression& expression, const Schema& schema, const PartitionSpec& spec,
              const ManifestFile& manifest);

}  // namespace daypart::iceberg
