// SPDX-License-Identifier: Apache-2.0
//
// Conditions to expressions. The rule at each turn: a smaller set of rows than the condition's
// would lose data, a larger one only costs time.
#include "query/plan_filter.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/calendar.h"
#include "query/limits.h"

namespace daypart::query {
namespace {

using iceberg::Expression;
using iceberg::ExpressionKind;
using iceberg::Literal;
using iceberg::NestedField;
using iceberg::TypeKind;
using nlohmann::json;

/// nullopt: not understood, so it may be true for any row.
using MaybeExpression = std::optional<Expression>;

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Expression Combine(ExpressionKind kind, std::vector<Expression> operands) {
  if (operands.size() == 1) return std::move(operands.front());
  Expression combined;
  combined.kind = kind;
  combined.operands = std::move(operands);
  return combined;
}

Expression Predicate(ExpressionKind kind, iceberg::FieldId field,
                     std::vector<Literal> values = {}) {
  Expression predicate;
  predicate.kind = kind;
  predicate.field = field;
  predicate.values = std::move(values);
  return predicate;
}

std::optional<ExpressionKind> ComparisonKind(std::string_view type) {
  if (type == "COMPARE_EQUAL") return ExpressionKind::kEqual;
  if (type == "COMPARE_NOTEQUAL") return ExpressionKind::kNotEqual;
  if (type == "COMPARE_LESSTHAN") return ExpressionKind::kLess;
  if (type == "COMPARE_LESSTHANOREQUALTO") return ExpressionKind::kLessOrEqual;
  if (type == "COMPARE_GREATERTHAN") return ExpressionKind::kGreater;
  if (type == "COMPARE_GREATERTHANOREQUALTO") return ExpressionKind::kGreaterOrEqual;
  return std::nullopt;
}

/// The comparison with its sides swapped: 5 < a is a > 5.
ExpressionKind Mirror(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kLess: return ExpressionKind::kGreater;
    case ExpressionKind::kLessOrEqual: return ExpressionKind::kGreaterOrEqual;
    case ExpressionKind::kGreater: return ExpressionKind::kLess;
    case ExpressionKind::kGreaterOrEqual: return ExpressionKind::kLessOrEqual;
    default: return kind;
  }
}

/// The comparison that is true for the non-null values for which `kind` is not.
ExpressionKind Negate(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kEqual: return ExpressionKind::kNotEqual;
    case ExpressionKind::kNotEqual: return ExpressionKind::kEqual;
    case ExpressionKind::kLess: return ExpressionKind::kGreaterOrEqual;
    case ExpressionKind::kLessOrEqual: return ExpressionKind::kGreater;
    case ExpressionKind::kGreater: return ExpressionKind::kLessOrEqual;
    case ExpressionKind::kGreaterOrEqual: return ExpressionKind::kLess;
    default: return kind;
  }
}

/// The constant's text as the literal parser of iceberg/ wants it; nullopt for null and for kinds
/// of constants whose text would not be exact.
std::optional<std::string> ConstantText(const json& node) {
  if (Text(node, "class") == "CAST") {
    const auto child = node.find("child");
    return child == node.end() ? std::nullopt : ConstantText(*child);
  }
  if (Text(node, "class") != "CONSTANT") return std::nullopt;
  const auto found = node.find("value");
  if (found == node.end() || found->value("is_null", true)) return std::nullopt;
  const auto type_of = found->find("type");
  if (type_of == found->end()) return std::nullopt;
  const json& type = *type_of;
  const auto value_of = found->find("value");
  if (value_of == found->end()) {
    // DuckDB leaves the value out where it is the empty text.
    return Text(type, "id") == "VARCHAR" ? std::optional<std::string>("") : std::nullopt;
  }
  const json& value = *value_of;
  if (Text(type, "id") == "DECIMAL") {
    if (!value.is_number_integer() || !type.contains("type_info")) return std::nullopt;
    const int scale = type["type_info"].value("scale", 0);
    const bool is_negative = value.get<int64_t>() < 0;
    std::string digits = value.dump().substr(is_negative ? 1 : 0);
    const auto width = static_cast<size_t>(scale) + 1;
    if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
    if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), 1, '.');
    return (is_negative ? "-" : "") + digits;
  }
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return std::nullopt;
}

/// The type that a constant was cast to, upper case; empty if it was not.
std::string CastType(const json& node) {
  if (Text(node, "class") != "CAST" || !node.contains("cast_type")) return "";
  return Text(node["cast_type"], "id");
}

bool is_floating(TypeKind kind) { return kind == TypeKind::kFloat || kind == TypeKind::kDouble; }

/// The constant as a literal of the column's type, if it is exactly one.
std::optional<Literal> LiteralOf(const json& node, const iceberg::Type& type) {
  const auto text = ConstantText(node);
  if (!text) return std::nullopt;
  const std::string cast = CastType(node);
  switch (type.kind) {
    case TypeKind::kString:
      return cast.empty() ? std::optional<Literal>(Literal(*text)) : std::nullopt;
    case TypeKind::kBoolean:
      if (*text == "t" || *text == "true") return Literal(true);
      if (*text == "f" || *text == "false") return Literal(false);
      return std::nullopt;
    case TypeKind::kTimestamptz: {
      if (cast != "TIMESTAMP WITH TIME ZONE") return std::nullopt;
      const auto micros = ParseTimestampMicros(*text);
      return micros ? std::optional<Literal>(Literal(*micros)) : std::nullopt;
    }
    case TypeKind::kTimestamp: {
      if (cast != "TIMESTAMP") return std::nullopt;
      const auto micros = ParseTimestampMicros(*text);
      return micros ? std::optional<Literal>(Literal(*micros)) : std::nullopt;
    }
    case TypeKind::kDate: {
      if (cast != "DATE") return std::nullopt;
      const auto days = ParseDate(*text);
      return days ? std::optional<Literal>(Literal(*days)) : std::nullopt;
    }
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kDecimal:
    case TypeKind::kFloat:
    case TypeKind::kDouble: {
      auto parsed = iceberg::ParseLiteral(*text, type);
      if (!parsed || iceberg::is_null(*parsed)) return std::nullopt;
      return std::move(parsed).value();
    }
    default: return std::nullopt;  // Times, uuids, binaries and nested ones are not planned by.
  }
}

bool is_nan(const Literal& value) {
  if (const auto* number = std::get_if<double>(&value)) return std::isnan(*number);
  if (const auto* number = std::get_if<float>(&value)) return std::isnan(*number);
  return false;
}

bool is_zero(const Literal& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number == 0;
  if (const auto* number = std::get_if<float>(&value)) return *number == 0;
  return false;
}

Literal ZeroLike(const Literal& value, bool is_negative) {
  if (std::holds_alternative<float>(value)) return Literal(is_negative ? -0.0F : 0.0F);
  return Literal(is_negative ? -0.0 : 0.0);
}

/// A comparison of floating numbers. To SQL the two zeros are equal and NaN is above all numbers;
/// to Iceberg's bounds -0.0 is below +0.0 and NaN is not there at all. The result is true wherever
/// SQL's is.
MaybeExpression CompareFloating(ExpressionKind kind, iceberg::FieldId field, const Literal& value) {
  if (is_nan(value)) return std::nullopt;
  const Literal low = is_zero(value) ? ZeroLike(value, true) : value;
  const Literal high = is_zero(value) ? ZeroLike(value, false) : value;
  switch (kind) {
    case ExpressionKind::kEqual:
      if (!is_zero(value)) return Predicate(kind, field, {value});
      return Combine(ExpressionKind::kAnd,
                     {Predicate(ExpressionKind::kGreaterOrEqual, field, {low}),
                      Predicate(ExpressionKind::kLessOrEqual, field, {high})});
    case ExpressionKind::kLess:
    case ExpressionKind::kLessOrEqual: return Predicate(kind, field, {high});
    case ExpressionKind::kGreater:
    case ExpressionKind::kGreaterOrEqual:
      return Combine(ExpressionKind::kOr,
                     {Predicate(kind, field, {low}), Predicate(ExpressionKind::kIsNan, field)});
    default: return std::nullopt;
  }
}

/// CAST(timestamp AS DATE) compared with a day, as a range of timestamps (the session's zone is
/// UTC).
MaybeExpression CompareDay(ExpressionKind kind, iceberg::FieldId field, int32_t day) {
  const Literal begin(int64_t{day} * kMicrosPerDay);
  const Literal end((int64_t{day} + 1) * kMicrosPerDay);
  switch (kind) {
    case ExpressionKind::kEqual:
      return Combine(ExpressionKind::kAnd,
                     {Predicate(ExpressionKind::kGreaterOrEqual, field, {begin}),
                      Predicate(ExpressionKind::kLess, field, {end})});
    case ExpressionKind::kLess: return Predicate(ExpressionKind::kLess, field, {begin});
    case ExpressionKind::kLessOrEqual: return Predicate(ExpressionKind::kLess, field, {end});
    case ExpressionKind::kGreater: return Predicate(ExpressionKind::kGreaterOrEqual, field, {end});
    case ExpressionKind::kGreaterOrEqual:
      return Predicate(ExpressionKind::kGreaterOrEqual, field, {begin});
    default: return std::nullopt;
  }
}

/// The column or, of a path, the field of a struct that a condition's name means; null: unknown.
using NameResolver = std::function<const NestedField*(const std::string& column)>;

class Converter {
 public:
  explicit Converter(NameResolver resolve) : resolve_(std::move(resolve)) {}

  MaybeExpression Convert(const json& node, bool is_negated) const {
    const std::string kind = Text(node, "class");
    const std::string type = Text(node, "type");
    if (kind == "COLUMN_REF") return ConvertBoolean(node, is_negated);
    if (kind == "CONJUNCTION") return ConvertConjunction(node, is_negated);
    if (kind == "COMPARISON") return ConvertComparison(node, is_negated);
    if (kind == "BETWEEN" && !is_negated) return ConvertBetween(node);
    if (kind == "OPERATOR" && type == "OPERATOR_NOT" && node["children"].size() == 1) {
      return Convert(node["children"][0], !is_negated);
    }
    if (kind == "OPERATOR") return ConvertOperator(node, type, is_negated);
    if (kind == "FUNCTION") return ConvertFunction(node, is_negated);
    return std::nullopt;
  }

 private:
  /// a, a.b and struct_extract(a, 'b'); fields of structs have statistics of their own.
  const NestedField* Column(const json& node) const {
    if (Text(node, "class") == "FUNCTION" && Text(node, "function_name") == "struct_extract") {
      const json& children = node["children"];
      if (children.size() != 2 || !CastType(children[1]).empty()) return nullptr;
      const auto name = ConstantText(children[1]);
      return name ? FieldOf(Column(children[0]), *name) : nullptr;
    }
    if (Text(node, "class") != "COLUMN_REF" || node["column_names"].empty()) return nullptr;
    const json& names = node["column_names"];
    const NestedField* column = resolve_(names[0].get<std::string>());
    for (size_t i = 1; i < names.size(); ++i) column = FieldOf(column, names[i].get<std::string>());
    return column;
  }

  static const NestedField* FieldOf(const NestedField* parent, const std::string& name) {
    if (parent == nullptr || parent->type.kind != TypeKind::kStruct) return nullptr;
    for (const NestedField& field : parent->type.fields()) {
      if (field.name == name) return &field;
    }
    return nullptr;
  }

  MaybeExpression ConvertBoolean(const json& node, bool is_negated) const {
    const NestedField* column = Column(node);
    if (column == nullptr || column->type.kind != TypeKind::kBoolean) return std::nullopt;
    return Predicate(ExpressionKind::kEqual, column->id, {Literal(!is_negated)});
  }

  MaybeExpression ConvertConjunction(const json& node, bool is_negated) const {
    // NOT (a AND b) is NOT a OR NOT b, in three-valued logic too.
    const bool is_and = (Text(node, "type") == "CONJUNCTION_AND") != is_negated;
    std::vector<Expression> operands;
    for (const json& child : node["children"]) {
      MaybeExpression operand = Convert(child, is_negated);
      if (operand) {
        operands.push_back(*std::move(operand));
      } else if (!is_and) {
        return std::nullopt;
      }
    }
    if (operands.empty()) return std::nullopt;
    return Combine(is_and ? ExpressionKind::kAnd : ExpressionKind::kOr, std::move(operands));
  }

  MaybeExpression Compare(ExpressionKind kind, const json& left, const json& constant) const {
    if (CastType(left) == "DATE" && left.contains("child")) {
      const NestedField* column = Column(left["child"]);
      const auto day = LiteralOf(constant, iceberg::Type::Of(TypeKind::kDate));
      if (column == nullptr || !day) return std::nullopt;
      const TypeKind type = column->type.kind;
      if (type != TypeKind::kTimestamp && type != TypeKind::kTimestamptz) return std::nullopt;
      return CompareDay(kind, column->id, std::get<int32_t>(*day));
    }
    const NestedField* column = Column(left);
    if (column == nullptr) return std::nullopt;
    const auto value = LiteralOf(constant, column->type);
    if (!value) return std::nullopt;
    if (is_floating(column->type.kind)) return CompareFloating(kind, column->id, *value);
    return Predicate(kind, column->id, {*value});
  }

  MaybeExpression ConvertComparison(const json& node, bool is_negated) const {
    auto kind = ComparisonKind(Text(node, "type"));
    if (!kind) return std::nullopt;
    if (is_negated) kind = Negate(*kind);
    const json& left = node["left"];
    const json& right = node["right"];
    if (ConstantText(left)) return Compare(Mirror(*kind), right, left);
    return Compare(*kind, left, right);
  }

  MaybeExpression ConvertBetween(const json& node) const {
    std::vector<Expression> bounds;
    if (auto lower = Compare(ExpressionKind::kGreaterOrEqual, node["input"], node["lower"])) {
      bounds.push_back(*std::move(lower));
    }
    if (auto upper = Compare(ExpressionKind::kLessOrEqual, node["input"], node["upper"])) {
      bounds.push_back(*std::move(upper));
    }
    if (bounds.empty()) return std::nullopt;
    return Combine(ExpressionKind::kAnd, std::move(bounds));
  }

  MaybeExpression ConvertOperator(const json& node, std::string_view type, bool is_negated) const {
    const json& children = node["children"];
    if (children.empty()) return std::nullopt;
    const NestedField* column = Column(children[0]);
    if (type == "OPERATOR_IS_NULL" || type == "OPERATOR_IS_NOT_NULL") {
      if (column == nullptr || !column->type.is_primitive()) return std::nullopt;
      const bool wants_null = (type == "OPERATOR_IS_NULL") != is_negated;
      return Predicate(wants_null ? ExpressionKind::kIsNull : ExpressionKind::kIsNotNull,
                       column->id);
    }
    if (type != "COMPARE_IN" || is_negated || children.size() - 1 > kPlannedValuesMax) {
      return std::nullopt;
    }
    std::vector<Expression> choices;
    for (size_t i = 1; i < children.size(); ++i) {
      auto choice = Compare(ExpressionKind::kEqual, children[0], children[i]);
      if (!choice) return std::nullopt;
      choices.push_back(*std::move(choice));
    }
    if (choices.empty()) return std::nullopt;
    return InList(std::move(choices));
  }

  /// One kIn where all choices are plain equalities of a column, which the planner tests faster.
  static Expression InList(std::vector<Expression> choices) {
    Expression list = Predicate(ExpressionKind::kIn, choices.front().field);
    for (const Expression& choice : choices) {
      if (choice.kind != ExpressionKind::kEqual) {
        return Combine(ExpressionKind::kOr, std::move(choices));
      }
      list.values.push_back(choice.values.front());
    }
    return list;
  }

  MaybeExpression ConvertFunction(const json& node, bool is_negated) const {
    const std::string name = Text(node, "function_name");
    if (name != "prefix" && name != "starts_with" && name != "^@") return std::nullopt;
    const json& children = node["children"];
    if (children.size() != 2) return std::nullopt;
    const NestedField* column = Column(children[0]);
    if (column == nullptr || column->type.kind != TypeKind::kString) return std::nullopt;
    const auto value = LiteralOf(children[1], column->type);
    if (!value) return std::nullopt;
    return Predicate(is_negated ? ExpressionKind::kNotStartsWith : ExpressionKind::kStartsWith,
                     column->id, {*value});
  }

  NameResolver resolve_;
};

void CollectConditions(const json& info, const char* key, std::vector<std::string>& conditions) {
  const auto found = info.find(key);
  if (found == info.end()) return;
  // A zone map filter is marked as optional: it is implied by others and as good as they are.
  constexpr std::string_view kOptional = "optional: ";
  const auto add = [&](std::string text) {
    if (text.starts_with(kOptional)) text.erase(0, kOptional.size());
    if (!text.empty()) conditions.push_back(std::move(text));
  };
  if (found->is_string()) add(found->get<std::string>());
  if (!found->is_array()) return;
  for (const json& item : *found) {
    if (item.is_string()) add(item.get<std::string>());
  }
}

void CollectScans(const json& node, const json* parent, std::vector<PlannedScan>& scans) {
  const std::string name = Text(node, "name");
  const auto info = node.find("extra_info");
  if (info != node.end() && info->contains("Table")) {
    PlannedScan scan{Text(*info, "Table"), {}, {}};
    CollectConditions(*info, "Filters", scan.conditions);
    if (parent != nullptr && Text(*parent, "name").starts_with("FILTER") &&
        parent->contains("extra_info")) {
      CollectConditions((*parent)["extra_info"], "Expression", scan.row_conditions);
    }
    scans.push_back(std::move(scan));
  }
  if (const auto children = node.find("children"); children != node.end()) {
    for (const json& child : *children) CollectScans(child, &node, scans);
  }
}

/// Names that DuckDB prints without quotes are told apart from operators and words only if they are
/// plain.
bool has_plain_names(const std::vector<NestedField>& fields) {
  return std::ranges::all_of(fields, [](const NestedField& field) {
    return !field.name.empty() && !std::isdigit(static_cast<unsigned char>(field.name.front())) &&
           std::ranges::all_of(field.name,
                               [](unsigned char c) { return std::isalnum(c) || c == '_'; }) &&
           has_plain_names(field.type.fields());
  });
}

bool has_plain_names_inside(const iceberg::Schema& schema) {
  return std::ranges::all_of(schema.fields, [](const NestedField& field) {
    return has_plain_names(field.type.fields());
  });
}

/// Whether a struct in the columns has a field of the name: it would be printed by it alone.
bool has_field_inside(const std::vector<NestedField>& fields, std::string_view name) {
  return std::ranges::any_of(fields, [&](const NestedField& field) {
    return std::ranges::any_of(field.type.fields(),
                               [&](const NestedField& inner) { return inner.name == name; }) ||
           has_field_inside(field.type.fields(), name);
  });
}

const NestedField* ColumnNamed(const iceberg::Schema& schema, const std::string& name) {
  const auto found = std::ranges::find(schema.fields, name, &NestedField::name);
  return found == schema.fields.end() ? nullptr : &*found;
}

const NestedField* ColumnOfPlan(const iceberg::Schema& schema, const std::string& name) {
  if (!name.starts_with(kPlanColumnPrefix)) return nullptr;
  const auto found = std::ranges::find_if(schema.fields, [&](const NestedField& field) {
    return PlanColumnName(field) == name;
  });
  return found == schema.fields.end() ? nullptr : &*found;
}

/// ToExpression with names resolved by `resolve`.
Result<Expression> Convert(Session& session, const std::vector<std::string>& conditions,
                           const NameResolver& resolve) {
  std::vector<Expression> operands;
  for (const std::string& condition : conditions) {
    DAYPART_TRY(const std::string text,
                session.QueryText(
                    "SELECT json_serialize_sql(?::VARCHAR, skip_empty := true, skip_null := true, "
                    "skip_default := true)::VARCHAR",
                    "SELECT 1 WHERE (" + condition + "\n)"));
    const json tree = json::parse(text, nullptr, /*allow_exceptions=*/false);
    // A text constant with a line end comes in pieces, the first of which has an open quote. One
    // piece that does not parse therefore makes all of them doubtful.
    if (!tree.is_object() || tree.value("error", true) || tree["statements"].size() != 1 ||
        !tree["statements"][0]["node"].contains("where_clause")) {
      return Expression::True();
    }
    const json& where = tree["statements"][0]["node"]["where_clause"];
    if (auto operand = Converter(resolve).Convert(where, false)) {
      operands.push_back(*std::move(operand));
    }
  }
  if (operands.empty()) return Expression::True();
  return Combine(ExpressionKind::kAnd, std::move(operands));
}

/// What one scan needs: the conditions on it and, where the names in it are sure, those above it.
Result<Expression> FilterOfScan(Session& session, const iceberg::Schema& schema,
                                const PlannedScans& planned, const PlannedScan& scan) {
  std::vector<Expression> operands;
  if (has_plain_names_inside(schema)) {
    DAYPART_TRY(Expression pushed, Convert(session, scan.conditions, [&](const std::string& name) {
                  return ColumnOfPlan(schema, name);
                }));
    if (pushed.kind != ExpressionKind::kTrue) operands.push_back(std::move(pushed));
  }
  if (has_plain_names(schema.fields)) {
    const auto resolve = [&](const std::string& name) -> const NestedField* {
      if (name.starts_with(kPlanColumnPrefix)) return ColumnOfPlan(schema, name);
      std::string lower = name;
      std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
      const bool is_sure = !planned.renames_columns && !planned.aliases.contains(lower) &&
                           !has_field_inside(schema.fields, name);
      return is_sure ? ColumnNamed(schema, name) : nullptr;
    };
    DAYPART_TRY(Expression above, Convert(session, scan.row_conditions, resolve));
    if (above.kind != ExpressionKind::kTrue) operands.push_back(std::move(above));
  }
  return Expression::And(std::move(operands));
}

}  // namespace

std::string PlanColumnName(const NestedField& column) {
  return std::string(kPlanColumnPrefix) + std::to_string(column.id.value());
}

Result<std::vector<PlannedScan>> ScansOfPlan(std::string_view plan_json) {
  const json plan = json::parse(plan_json, nullptr, /*allow_exceptions=*/false);
  if (!plan.is_array()) return Unsupported("DuckDB's plan is not the JSON array that was expected");
  std::vector<PlannedScan> scans;
  for (const json& root : plan) CollectScans(root, nullptr, scans);
  return scans;
}

Result<Expression> ToExpression(Session& session, const iceberg::Schema& schema,
                                const std::vector<std::string>& conditions) {
  return Convert(session, conditions,
                 [&](const std::string& name) { return ColumnNamed(schema, name); });
}

Result<Expression> FilterOfTable(Session& session, const iceberg::Schema& schema,
                                 const PlannedScans& planned, std::string_view table,
                                 size_t references_count) {
  std::vector<Expression> choices;
  for (const PlannedScan& scan : planned.scans) {
    if (scan.table != table) continue;
    DAYPART_TRY(Expression choice, FilterOfScan(session, schema, planned, scan));
    if (choice.kind == ExpressionKind::kTrue) return Expression::True();
    choices.push_back(std::move(choice));
  }
  if (choices.empty() || choices.size() < references_count) return Expression::True();
  return Combine(ExpressionKind::kOr, std::move(choices));
}

}  // namespace daypart::query
