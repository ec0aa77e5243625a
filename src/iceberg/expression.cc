// SPDX-License-Identifier: Apache-2.0
//
// Inclusive evaluation of predicates on ranges: of a column in a file, of a partition value, of a
// partition field over a manifest. All three become a Range, and one function judges it.
#include "iceberg/expression.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace daypart::iceberg {
namespace {

/// What is known of the values that a predicate would meet.
struct Range {
  bool may_be_null = true;
  bool may_be_nan = true;
  bool may_have_values = true;   // neither null nor NaN
  std::optional<Literal> lower;  // no value is below; absent: unknown
  std::optional<Literal> upper;  // no value is above
  bool is_exact = false;         // a single value: lower == upper is that value
};

bool is_nan(const Literal& value) {
  if (const auto* single = std::get_if<float>(&value)) return std::isnan(*single);
  if (const auto* wide = std::get_if<double>(&value)) return std::isnan(*wide);
  return false;
}

/// Zeros of either sign equal each other in SQL, though the spec orders them apart.
Literal WithoutSignedZero(Literal value) {
  if (auto* single = std::get_if<float>(&value); single != nullptr && *single == 0) *single = 0;
  if (auto* wide = std::get_if<double>(&value); wide != nullptr && *wide == 0) *wide = 0;
  return value;
}

std::strong_ordering CompareValues(const Literal& left, const Literal& right) {
  return Compare(WithoutSignedZero(left), WithoutSignedZero(right));
}

bool MayEqual(const Range& range, const Literal& value) {
  if (is_nan(value)) return range.may_be_nan;
  if (!range.may_have_values) return false;
  if (range.lower && CompareValues(value, *range.lower) < 0) return false;
  if (range.upper && CompareValues(value, *range.upper) > 0) return false;
  return true;
}

bool MayStartWith(const Range& range, const Literal& prefix) {
  const auto* text = std::get_if<std::string>(&prefix);
  if (text == nullptr) return true;
  if (!range.may_have_values) return false;
  if (range.upper) {
    const auto* upper = std::get_if<std::string>(&*range.upper);
    if (upper != nullptr && *upper < *text) return false;
  }
  if (range.lower) {
    const auto* lower = std::get_if<std::string>(&*range.lower);
    if (lower != nullptr && lower->compare(0, text->size(), *text) > 0) return false;
  }
  return true;
}

/// A value without the prefix lies below or above all that have it, unless both bounds have it.
bool MayNotStartWith(const Range& range, const Literal& prefix) {
  const auto* text = std::get_if<std::string>(&prefix);
  if (text == nullptr) return true;
  if (!range.may_have_values) return false;
  const auto has_prefix = [&](const std::optional<Literal>& bound) {
    const auto* value = bound ? std::get_if<std::string>(&*bound) : nullptr;
    return value != nullptr && value->starts_with(*text);
  };
  return !has_prefix(range.lower) || !has_prefix(range.upper);
}

/// Whether some value of the range may satisfy the column predicate.
bool MayMatchRange(const Expression& predicate, const Range& range) {
  const auto value = [&]() -> const Literal& { return predicate.values.front(); };
  switch (predicate.kind) {
    case ExpressionKind::kIsNull: return range.may_be_null;
    case ExpressionKind::kIsNotNull: return range.may_have_values || range.may_be_nan;
    case ExpressionKind::kIsNan: return range.may_be_nan;
    case ExpressionKind::kIsNotNan: return range.may_have_values || range.may_be_null;
    case ExpressionKind::kEqual: return MayEqual(range, value());
    case ExpressionKind::kNotEqual:
      if (range.may_be_nan) return true;
      if (!range.may_have_values) return false;
      return !(range.is_exact && range.lower && CompareValues(*range.lower, value()) == 0);
    case ExpressionKind::kLess:
    case ExpressionKind::kLessOrEqual: {
      // Engines that sort NaN above all numbers find it "greater", never "less".
      if (is_nan(value())) return true;
      if (!range.may_have_values) return false;
      if (!range.lower) return true;
      const auto order = CompareValues(*range.lower, value());
      return predicate.kind == ExpressionKind::kLess ? order < 0 : order <= 0;
    }
    case ExpressionKind::kGreater:
    case ExpressionKind::kGreaterOrEqual: {
      if (is_nan(value()) || range.may_be_nan) return true;
      if (!range.may_have_values) return false;
      if (!range.upper) return true;
      const auto order = CompareValues(*range.upper, value());
      return predicate.kind == ExpressionKind::kGreater ? order > 0 : order >= 0;
    }
    case ExpressionKind::kIn:
      return std::any_of(predicate.values.begin(), predicate.values.end(),
                         [&](const Literal& item) { return MayEqual(range, item); });
    case ExpressionKind::kNotIn:
      if (range.may_be_nan) return true;
      if (!range.may_have_values) return false;
      if (!range.is_exact || !range.lower) return true;
      return std::none_of(
          predicate.values.begin(), predicate.values.end(),
          [&](const Literal& item) { return CompareValues(*range.lower, item) == 0; });
    case ExpressionKind::kStartsWith: return MayStartWith(range, value());
    case ExpressionKind::kNotStartsWith: return MayNotStartWith(range, value());
    case ExpressionKind::kTrue:
    case ExpressionKind::kFalse:
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr:
    case ExpressionKind::kNot: break;
  }
  return true;
}

/// The kind that holds exactly where `kind` does not (nulls aside); nullopt if there is none.
std::optional<ExpressionKind> Opposite(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kTrue: return ExpressionKind::kFalse;
    case ExpressionKind::kFalse: return ExpressionKind::kTrue;
    case ExpressionKind::kAnd: return ExpressionKind::kOr;
    case ExpressionKind::kOr: return ExpressionKind::kAnd;
    case ExpressionKind::kEqual: return ExpressionKind::kNotEqual;
    case ExpressionKind::kNotEqual: return ExpressionKind::kEqual;
    case ExpressionKind::kLess: return ExpressionKind::kGreaterOrEqual;
    case ExpressionKind::kLessOrEqual: return ExpressionKind::kGreater;
    case ExpressionKind::kGreater: return ExpressionKind::kLessOrEqual;
    case ExpressionKind::kGreaterOrEqual: return ExpressionKind::kLess;
    case ExpressionKind::kIn: return ExpressionKind::kNotIn;
    case ExpressionKind::kNotIn: return ExpressionKind::kIn;
    case ExpressionKind::kIsNull: return ExpressionKind::kIsNotNull;
    case ExpressionKind::kIsNotNull: return ExpressionKind::kIsNull;
    case ExpressionKind::kIsNan: return ExpressionKind::kIsNotNan;
    case ExpressionKind::kIsNotNan: return ExpressionKind::kIsNan;
    case ExpressionKind::kStartsWith: return ExpressionKind::kNotStartsWith;
    case ExpressionKind::kNotStartsWith: return ExpressionKind::kStartsWith;
    case ExpressionKind::kNot: return std::nullopt;
  }
  return std::nullopt;
}

/// Walks the tree, negations pushed down to the predicates; `judge` says of a predicate "may hold".
template <typename Judge>
bool Evaluate(const Expression& expression, bool is_negated, const Judge& judge) {
  if (expression.kind == ExpressionKind::kNot) {
    return Evaluate(expression.operands.front(), !is_negated, judge);
  }
  ExpressionKind kind = expression.kind;
  if (is_negated) {
    const auto opposite = Opposite(kind);
    if (!opposite) return true;
    kind = *opposite;
  }
  const auto evaluate = [&](const Expression& operand) {
    return Evaluate(operand, is_negated, judge);
  };
  if (kind == ExpressionKind::kTrue) return true;
  if (kind == ExpressionKind::kFalse) return false;
  const auto& operands = expression.operands;
  if (kind == ExpressionKind::kAnd) return std::all_of(operands.begin(), operands.end(), evaluate);
  if (kind == ExpressionKind::kOr) return std::any_of(operands.begin(), operands.end(), evaluate);
  if (!is_negated) return judge(expression);
  Expression predicate = expression;
  predicate.kind = kind;
  return judge(predicate);
}

std::optional<int64_t> Find(const std::map<FieldId, int64_t>& counts, FieldId id) {
  const auto found = counts.find(id);
  if (found == counts.end()) return std::nullopt;
  return found->second;
}

std::optional<Literal> FindBound(const std::map<FieldId, std::string>& bounds, FieldId id,
                                 const Type& type) {
  const auto found = bounds.find(id);
  if (found == bounds.end()) return std::nullopt;
  auto literal = DeserializeLiteral(found->second, type);
  if (!literal || is_nan(*literal)) return std::nullopt;  // doubtful statistics prove nothing
  return std::move(literal).value();
}

Range RangeOfColumn(const NestedField& field, const DataFile& file) {
  Range range;
  const bool is_float = field.type.kind == TypeKind::kFloat || field.type.kind == TypeKind::kDouble;
  const auto values = Find(file.value_counts, field.id);
  const auto nulls = Find(file.null_value_counts, field.id);
  const auto nans = Find(file.nan_value_counts, field.id);
  // The values of a field in a list or map are not those of rows: their count tells.
  if (nulls && (!values || *values == file.record_count)) range.may_be_null = *nulls > 0;
  range.may_be_nan = is_float && (!nans || *nans > 0);
  if (values && nulls) range.may_have_values = *values - *nulls - nans.value_or(0) > 0;
  range.lower = FindBound(file.lower_bounds, field.id, field.type);
  range.upper = FindBound(file.upper_bounds, field.id, field.type);
  return range;
}

/// A predicate on a column, projected onto a partition field of it; nullopt where it proves
/// nothing. Monotonic transforms keep order but not strictness: x < 10 becomes t(x) <= t(10).
std::optional<Expression> Project(const Expression& predicate, const PartitionField& field,
                                  const Type& source) {
  const Transform& transform = field.transform;
  if (transform.kind == TransformKind::kUnknown || transform.kind == TransformKind::kVoid) {
    return std::nullopt;
  }
  Expression projected = predicate;
  if (predicate.kind == ExpressionKind::kIsNull || predicate.kind == ExpressionKind::kIsNotNull) {
    return projected;  // null in, null out, and only then
  }
  const bool is_identity = transform.kind == TransformKind::kIdentity;
  if (is_identity) return projected;
  for (Literal& value : projected.values) {
    auto applied = Apply(transform, source, value);
    if (!applied) return std::nullopt;
    value = std::move(applied).value();
  }
  const bool is_bucket = transform.kind == TransformKind::kBucket;
  switch (predicate.kind) {
    case ExpressionKind::kEqual:
    case ExpressionKind::kIn: return projected;
    case ExpressionKind::kLess:
    case ExpressionKind::kLessOrEqual:
      if (is_bucket) return std::nullopt;
      projected.kind = ExpressionKind::kLessOrEqual;
      return projected;
    case ExpressionKind::kGreater:
    case ExpressionKind::kGreaterOrEqual:
      if (is_bucket) return std::nullopt;
      projected.kind = ExpressionKind::kGreaterOrEqual;
      return projected;
    case ExpressionKind::kStartsWith:
    case ExpressionKind::kNotStartsWith: {
      if (transform.kind != TransformKind::kTruncate) return std::nullopt;
      // A prefix that fits into the width is one of the truncated values as well.
      if (projected.values == predicate.values) return projected;
      if (predicate.kind == ExpressionKind::kNotStartsWith) return std::nullopt;
      projected.kind = ExpressionKind::kEqual;
      return projected;
    }
    default: return std::nullopt;
  }
}

/// Judges a predicate by every partition field of its column: each must allow it.
template <typename RangeOf>
bool MayMatchPartition(const Expression& predicate, const Schema& schema, const PartitionSpec& spec,
                       const RangeOf& range_of) {
  const NestedField* column = schema.FindField(predicate.field);
  if (column == nullptr) return true;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    if (spec.fields[i].source_id != predicate.field) continue;
    const auto projected = Project(predicate, spec.fields[i], column->type);
    if (!projected) continue;
    const auto type = ResultType(spec.fields[i].transform, column->type);
    if (!type) continue;
    const std::optional<Range> range = range_of(i, *type);
    if (range && !MayMatchRange(*projected, *range)) return false;
  }
  return true;
}

Range RangeOfValue(const Literal& value, bool is_exact) {
  Range range;
  range.may_be_null = is_null(value);
  range.may_be_nan = is_nan(value);
  range.may_have_values = !range.may_be_null && !range.may_be_nan;
  range.is_exact = is_exact;
  if (range.may_have_values) range.lower = range.upper = value;
  return range;
}

std::optional<Range> RangeOfSummary(const FieldSummary& summary, const Type& type) {
  Range range;
  const bool is_float = type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble;
  range.may_be_null = summary.contains_null;
  range.may_be_nan = is_float && summary.contains_nan.value_or(true);
  const auto bound = [&type](const std::optional<std::string>& bytes) -> std::optional<Literal> {
    if (!bytes) return std::nullopt;
    auto literal = DeserializeLiteral(*bytes, type);
    if (!literal || is_nan(*literal)) return std::nullopt;
    return std::move(literal).value();
  };
  range.lower = bound(summary.lower_bound);
  range.upper = bound(summary.upper_bound);
  // No bounds and no nulls is a summary that a faulty writer left half empty: it proves nothing.
  if (!range.lower && !range.upper && !range.may_be_null && !range.may_be_nan) return std::nullopt;
  return range;
}

std::string_view OperatorText(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kEqual: return " = ";
    case ExpressionKind::kNotEqual: return " <> ";
    case ExpressionKind::kLess: return " < ";
    case ExpressionKind::kLessOrEqual: return " <= ";
    case ExpressionKind::kGreater: return " > ";
    case ExpressionKind::kGreaterOrEqual: return " >= ";
    case ExpressionKind::kIn: return " IN ";
    case ExpressionKind::kNotIn: return " NOT IN ";
    case ExpressionKind::kIsNull: return " IS NULL";
    case ExpressionKind::kIsNotNull: return " IS NOT NULL";
    case ExpressionKind::kIsNan: return " IS NAN";
    case ExpressionKind::kIsNotNan: return " IS NOT NAN";
    case ExpressionKind::kStartsWith: return " STARTS WITH ";
    case ExpressionKind::kNotStartsWith: return " STARTS NOT WITH ";
    case ExpressionKind::kTrue: return "true";
    case ExpressionKind::kFalse: return "false";
    case ExpressionKind::kAnd: return " AND ";
    case ExpressionKind::kOr: return " OR ";
    case ExpressionKind::kNot: return "NOT ";
  }
  return "";
}

}  // namespace

Expression Expression::And(std::vector<Expression> operands) {
  if (operands.size() == 1) return std::move(operands.front());
  Expression expression;
  expression.kind = operands.empty() ? ExpressionKind::kTrue : ExpressionKind::kAnd;
  expression.operands = std::move(operands);
  return expression;
}

Expression Expression::Or(std::vector<Expression> operands) {
  if (operands.size() == 1) return std::move(operands.front());
  Expression expression;
  expression.kind = operands.empty() ? ExpressionKind::kFalse : ExpressionKind::kOr;
  expression.operands = std::move(operands);
  return expression;
}

Expression Expression::Not(Expression operand) {
  Expression expression;
  expression.kind = ExpressionKind::kNot;
  expression.operands.push_back(std::move(operand));
  return expression;
}

Expression Expression::Compare(ExpressionKind kind, FieldId field, Literal value) {
  Expression expression;
  expression.kind = kind;
  expression.field = field;
  expression.values.push_back(std::move(value));
  return expression;
}

std::string ToString(const Expression& expression, const Schema& schema) {
  const std::string_view sign = OperatorText(expression.kind);
  if (expression.kind == ExpressionKind::kNot) {
    return std::string(sign) + '(' + ToString(expression.operands.front(), schema) + ')';
  }
  if (!expression.operands.empty()) {
    std::string text;
    for (const Expression& operand : expression.operands) {
      if (!text.empty()) text += sign;
      text += operand.operands.empty() ? ToString(operand, schema)
                                       : '(' + ToString(operand, schema) + ')';
    }
    return text;
  }
  if (expression.kind == ExpressionKind::kTrue || expression.kind == ExpressionKind::kFalse) {
    return std::string(sign);
  }
  const NestedField* column = schema.FindField(expression.field);
  if (column == nullptr) return "column " + std::to_string(expression.field.value()) + " ?";
  std::string text = column->name + std::string(sign);
  std::string values;
  for (const Literal& value : expression.values) {
    if (!values.empty()) values += ", ";
    values += ToString(value, column->type);
  }
  const bool is_list =
      expression.kind == ExpressionKind::kIn || expression.kind == ExpressionKind::kNotIn;
  return text + (is_list ? '(' + values + ')' : values);
}

bool MayMatch(const Expression& expression, const Schema& schema, const DataFile& file) {
  if (file.record_count == 0) return false;
  return Evaluate(expression, false, [&](const Expression& predicate) {
    const NestedField* column = schema.FindField(predicate.field);
    if (column == nullptr || !column->type.is_primitive()) return true;
    return MayMatchRange(predicate, RangeOfColumn(*column, file));
  });
}

bool MayMatch(const Expression& expression, const Schema& schema, const PartitionSpec& spec,
              const PartitionTuple& partition) {
  return Evaluate(expression, false, [&](const Expression& predicate) {
    return MayMatchPartition(
        predicate, schema, spec, [&](size_t field, const Type&) -> std::optional<Range> {
          if (field >= partition.size()) return std::nullopt;
          return RangeOfValue(partition[field],
                              spec.fields[field].transform.kind == TransformKind::kIdentity);
        });
  });
}

bool MayMatch(const Expression& expression, const Schema& schema, const PartitionSpec& spec,
              const ManifestFile& manifest) {
  if (!manifest.partitions || manifest.partitions->size() != spec.fields.size()) return true;
  return Evaluate(expression, false, [&](const Expression& predicate) {
    return MayMatchPartition(predicate, schema, spec, [&](size_t field, const Type& type) {
      return RangeOfSummary((*manifest.partitions)[field], type);
    });
  });
}

}  // namespace daypart::iceberg
