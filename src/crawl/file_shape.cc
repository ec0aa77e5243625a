// SPDX-License-Identifier: Apache-2.0
//
// Comparing and merging shapes; the only place that knows which types widen to which.
#include "crawl/file_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "crawl/column_name.h"
#include "crawl/limits.h"

namespace daypart::crawl {
namespace {

using iceberg::Type;
using iceberg::TypeKind;

enum class TypeFamily { kUnknown, kBoolean, kNumber, kTime, kText, kOther };

TypeFamily FamilyOf(const InferredType& inferred) {
  if (!inferred.is_evidenced) return TypeFamily::kUnknown;
  switch (inferred.type.kind) {
    case TypeKind::kBoolean: return TypeFamily::kBoolean;
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kDecimal: return TypeFamily::kNumber;
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestamptz:
    case TypeKind::kTimestampNs:
    case TypeKind::kTimestamptzNs: return TypeFamily::kTime;
    case TypeKind::kString:
    case TypeKind::kUuid: return TypeFamily::kText;
    case TypeKind::kFixed:
    case TypeKind::kBinary:
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kMap: return TypeFamily::kOther;
  }
  return TypeFamily::kOther;
}

size_t SamePositionsCount(const FileShape& left, const FileShape& right) {
  size_t count = 0;
  for (size_t i = 0; i < std::min(left.columns.size(), right.columns.size()); ++i) {
    const TypeFamily a = FamilyOf(TypeOf(left.columns[i]));
    const TypeFamily b = FamilyOf(TypeOf(right.columns[i]));
    if (a == b || a == TypeFamily::kUnknown || b == TypeFamily::kUnknown) ++count;
  }
  return count;
}

size_t SameNamesCount(const FileShape& left, const FileShape& right) {
  std::set<std::string> names;
  for (const ColumnShape& column : left.columns) names.insert(LowerName(column.source_name));
  return static_cast<size_t>(std::count_if(right.columns.begin(), right.columns.end(),
                                           [&names](const ColumnShape& column) {
                                             return names.contains(LowerName(column.source_name));
                                           }));
}

void MergeColumn(ColumnShape& into, const ColumnShape& from, FileShape& shape,
                 std::string_view location) {
  if (into.source_name != from.source_name) {
    shape.warnings.push_back(
        fmt::format("{} calls the column '{}' '{}'", location, into.source_name, from.source_name));
  }
  into.profile.Merge(from.profile);
  if (!into.declared || !from.declared) return;
  if (const auto widened = WidenedType(*into.declared, *from.declared)) {
    into.declared = widened;
  } else {
    shape.warnings.push_back(fmt::format("column {} is {} but {} in {}", into.source_name,
                                         iceberg::ToString(*into.declared),
                                         iceberg::ToString(*from.declared), location));
  }
}

}  // namespace

InferredType TypeOf(const ColumnShape& column, const InferenceOptions& options) {
  if (column.declared) {
    return {.type = *column.declared, .is_evidenced = true, .is_mixed = false, .warning = {}};
  }
  return InferType(column.profile, options);
}

bool has_same_form(const FileShape& left, const FileShape& right) {
  if (left.format != right.format) return false;
  if (left.format != catalog::RawFormat::kCsv) return true;
  // A file of one column shows no delimiter, and so agrees with any.
  const bool has_delimiter = left.columns.size() > 1 && right.columns.size() > 1;
  return left.quote == right.quote && left.has_header == right.has_header &&
         (left.delimiter == right.delimiter || !has_delimiter);
}

double SimilarShare(const FileShape& left, const FileShape& right) {
  if (!has_same_form(left, right)) return 0;
  const size_t wider = std::max(left.columns.size(), right.columns.size());
  if (wider == 0) return 1;
  const bool has_names = left.format != catalog::RawFormat::kCsv || left.has_header;
  const size_t same = has_names ? SameNamesCount(left, right) : SamePositionsCount(left, right);
  return static_cast<double>(same) / static_cast<double>(wider);
}

void MergeShape(FileShape& into, const FileShape& from, std::string_view location) {
  if (into.columns.size() < 2 && from.columns.size() > 1) into.delimiter = from.delimiter;
  std::map<std::string, size_t> positions;
  for (size_t i = 0; i < into.columns.size(); ++i) {
    positions.emplace(LowerName(into.columns[i].source_name), i);
  }
  for (const ColumnShape& column : from.columns) {
    const auto found = positions.find(LowerName(column.source_name));
    if (found != positions.end()) {
      MergeColumn(into.columns[found->second], column, into, location);
    } else if (into.columns.size() < kColumnsMax) {
      into.columns.push_back(column);
    }
  }
  into.records_count += from.records_count;
  into.warnings.insert(into.warnings.end(), from.warnings.begin(), from.warnings.end());
}

std::optional<Type> WidenedType(const Type& left, const Type& right) {
  if (left == right) return left;
  const auto is_pair = [&](TypeKind narrow, TypeKind wide) {
    return (left.kind == narrow && right.kind == wide) ||
           (left.kind == wide && right.kind == narrow);
  };
  if (is_pair(TypeKind::kInt, TypeKind::kLong)) return Type::Of(TypeKind::kLong);
  if (is_pair(TypeKind::kFloat, TypeKind::kDouble)) return Type::Of(TypeKind::kDouble);
  if (left.kind == TypeKind::kDecimal && right.kind == TypeKind::kDecimal &&
      left.scale == right.scale) {
    return Type::DecimalOf(std::max(left.precision, right.precision), left.scale);
  }
  return std::nullopt;
}

bool fits_type(const Type& narrow, const Type& wide) {
  if (narrow == wide || wide.kind == TypeKind::kString) return true;
  if (const auto widened = WidenedType(narrow, wide)) return *widened == wide;
  const bool is_whole = narrow.kind == TypeKind::kInt || narrow.kind == TypeKind::kLong;
  if (wide.kind == TypeKind::kDouble) return is_whole || narrow.kind == TypeKind::kDecimal;
  if (wide.kind != TypeKind::kDecimal) return false;
  constexpr int32_t kIntDigits = 10;
  if (narrow.kind == TypeKind::kInt) return wide.precision - wide.scale >= kIntDigits;
  return narrow.kind == TypeKind::kDecimal && narrow.scale <= wide.scale &&
         narrow.precision - narrow.scale <=
             wide.precision - wide.scale + (wide.scale - narrow.scale);
}

}  // namespace daypart::crawl
