// SPDX-License-Identifier: Apache-2.0
//
// Iceberg's types and schemas as values. Source: Iceberg table spec, "Schemas and Data Types" and
// Appendix C (JSON serialisation).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "iceberg/ids.h"

namespace daypart::iceberg {

enum class TypeKind {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestamptz,
  kTimestampNs,
  kTimestamptzNs,
  kString,
  kUuid,
  kFixed,
  kBinary,
  kStruct,
  kList,
  kMap,
};

struct NestedField;

/// A type with its parameters. Cheap to copy: nested fields are shared and never changed.
struct Type {
  TypeKind kind = TypeKind::kString;
  int32_t precision = 0;  // decimal
  int32_t scale = 0;      // decimal
  int32_t length = 0;     // fixed, bytes
  /// struct: its fields; list: one field "element"; map: "key" and "value". Shared because a schema
  /// is copied with every metadata version and its parts never change.
  std::shared_ptr<const std::vector<NestedField>> children;

  static Type Of(TypeKind primitive) { return {.kind = primitive, .children = nullptr}; }
  static Type DecimalOf(int32_t precision, int32_t scale);
  static Type FixedOf(int32_t length_bytes);
  static Type StructOf(std::vector<NestedField> fields);
  static Type ListOf(NestedField element);
  static Type MapOf(NestedField key, NestedField value);

  bool is_primitive() const;
  const std::vector<NestedField>& fields() const;  // empty for primitives
  friend bool operator==(const Type& left, const Type& right);
};

struct NestedField {
  FieldId id;
  std::string name;
  bool is_required = false;
  Type type;
  std::string doc;
  /// JSON of the spec's single-value serialisation; empty for none. initial_default stands for the
  /// column in rows of files written before it was added, write_default in rows that lack it.
  std::string initial_default;
  std::string write_default;
  friend bool operator==(const NestedField&, const NestedField&) = default;
};

/// An optional field without id, doc and defaults: see AssignFreshIds.
NestedField Field(std::string name, Type type);
NestedField Field(std::string name, TypeKind kind);

/// The spec's name of a type: "long", "decimal(18, 4)", "fixed[16]"; nested ones as "struct<…>".
std::string ToString(const Type& type);
/// A primitive type from its spec name. errors: kUnsupported for a name this version does not know.
Result<Type> ParsePrimitiveType(std::string_view name);

struct Schema {
  SchemaId id;
  std::vector<NestedField> fields;
  std::vector<FieldId> identifier_field_ids;

  /// The field of that id, nested ones included; null if there is none. Valid while the schema is.
  const NestedField* FindField(FieldId id) const;
  /// By full name ("user.address.city"), case-sensitive; null if there is none.
  const NestedField* FindField(std::string_view full_name) const;
  /// The highest field id in use, 0 for an empty schema.
  FieldId highest_field_id() const;
  friend bool operator==(const Schema&, const Schema&) = default;
};

/// Numbers all fields 1, 2, … as the spec's writers do (a struct's fields first, then their
/// children).
Schema AssignFreshIds(Schema schema);
/// The type with its parts numbered from `next` on, which ends one above the last.
Type AssignFreshIds(Type type, int32_t& next);

nlohmann::json ToJson(const Type& type);
nlohmann::json ToJson(const Schema& schema);
Result<Type> TypeFromJson(const nlohmann::json& json);
Result<Schema> SchemaFromJson(const nlohmann::json& json);

}  // namespace daypart::iceberg
