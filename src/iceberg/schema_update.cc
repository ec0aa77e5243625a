// SPDX-License-Identifier: Apache-2.0
//
// Edits along a path: the shared parts of nested types are copied on the way down.
#include "iceberg/schema_update.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>
#include <utility>

#include "iceberg/literal_json.h"

namespace daypart::iceberg {
namespace {

using Path = std::vector<std::string>;
using Fields = std::vector<NestedField>;

std::string Text(const Path& path) {
  std::string text;
  for (const std::string& part : path) text += (text.empty() ? "" : ".") + part;
  return text;
}

bool is_same_name(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
}

Fields::iterator FindByName(Fields& fields, std::string_view name) {
  return std::find_if(fields.begin(), fields.end(),
                      [name](const NestedField& field) { return field.name == name; });
}

Error NoColumn(const Path& path, const Fields& siblings) {
  std::string names;
  for (const NestedField& field : siblings) names += (names.empty() ? "" : ", ") + field.name;
  return InvalidArgument("column " + Text(path) + " is not in the table; there are: " + names);
}

/// Calls `edit` with the siblings of the path's last part. `depth`: parts of the path above them.
Status EditSiblings(Fields& fields, const Path& path, size_t depth,
                    const std::function<Status(Fields&)>& edit) {
  if (depth + 1 == path.size()) return edit(fields);
  const auto parent = FindByName(fields, path[depth]);
  if (parent == fields.end()) {
    return NoColumn(Path(path.begin(), path.begin() + static_cast<ptrdiff_t>(depth) + 1), fields);
  }
  if (parent->type.is_primitive()) {
    return InvalidArgument("column " + Text(path) + ": " + parent->name + " is " +
                           ToString(parent->type) + " and has no columns inside");
  }
  Fields children = parent->type.fields();
  DAYPART_RETURN_IF_ERROR(EditSiblings(children, path, depth + 1, edit));
  parent->type.children = std::make_shared<const Fields>(std::move(children));
  return Ok();
}

Status EditField(Schema& schema, const Path& path,
                 const std::function<Status(NestedField&)>& edit) {
  return EditSiblings(schema.fields, path, 0, [&](Fields& siblings) -> Status {
    const auto found = FindByName(siblings, path.back());
    if (found == siblings.end()) return NoColumn(path, siblings);
    return edit(*found);
  });
}

Status Place(Fields& siblings, NestedField field, const ColumnPlace& place) {
  switch (place.kind) {
    case ColumnPlace::Kind::kLast: siblings.push_back(std::move(field)); return Ok();
    case ColumnPlace::Kind::kFirst:
      siblings.insert(siblings.begin(), std::move(field));
      return Ok();
    case ColumnPlace::Kind::kAfter:
    case ColumnPlace::Kind::kBefore: break;
  }
  auto at = FindByName(siblings, place.sibling);
  if (at == siblings.end()) return NoColumn({place.sibling}, siblings);
  if (place.kind == ColumnPlace::Kind::kAfter) ++at;
  siblings.insert(at, std::move(field));
  return Ok();
}

Status CheckNewName(const Fields& siblings, const Path& path, const std::string& name) {
  if (name.empty()) return InvalidArgument("a column needs a name");
  for (const NestedField& field : siblings) {
    if (is_same_name(field.name, name)) {
      return InvalidArgument("column " + Text(path) + ": the name " + name + " is taken by " +
                             field.name);
    }
  }
  return Ok();
}

bool is_widening(const Type& from, const Type& to) {
  if (from == to) return true;
  if (from.kind == TypeKind::kInt) return to.kind == TypeKind::kLong;
  if (from.kind == TypeKind::kFloat) return to.kind == TypeKind::kDouble;
  return from.kind == TypeKind::kDecimal && to.kind == TypeKind::kDecimal &&
         from.scale == to.scale && from.precision <= to.precision;
}

void CollectIds(const NestedField& field, std::set<FieldId>& ids) {
  ids.insert(field.id);
  for (const NestedField& child : field.type.fields()) CollectIds(child, ids);
}

/// What of the table would lose its column, or empty.
std::string UserOf(const TableMetadata& table, const Schema& schema, const std::set<FieldId>& ids) {
  for (const PartitionField& field : table.default_spec().fields) {
    if (ids.contains(field.source_id)) return "the table is partitioned by " + field.name;
  }
  // Files of an older spec may live on, and their partition values need the column's type.
  for (const PartitionSpec& spec : table.partition_specs) {
    for (const PartitionField& field : spec.fields) {
      if (!ids.contains(field.source_id)) continue;
      return "partition field " + field.name + " of the older spec " +
             std::to_string(spec.id.value()) + " is made of it";
    }
  }
  if (const auto* order = table.FindSortOrder(table.default_sort_order_id)) {
    for (const SortField& field : order->fields) {
      if (ids.contains(field.source_id)) return "the table is sorted by it";
    }
  }
  for (const FieldId id : schema.identifier_field_ids) {
    if (ids.contains(id)) return "it is part of the rows' identifier";
  }
  return "";
}

}  // namespace

SchemaUpdate::SchemaUpdate(const TableMetadata& base)
    : base_(base), schema_(base.current_schema()), next_id_(base.last_column_id.value() + 1) {}

Status SchemaUpdate::CheckDefault(const Type& type, const std::string& default_json) const {
  if (default_json.empty()) return Ok();
  if (base_.format_version < 3) {
    return Unsupported("default values need a table of format version 3, this one has " +
                       std::to_string(base_.format_version));
  }
  if (!type.is_primitive()) return Unsupported("a default of type " + ToString(type));
  DAYPART_TRY(const Literal value, LiteralFromJson(default_json, type));
  (void)value;
  return Ok();
}

Status SchemaUpdate::Add(const NewColumn& column) {
  if (column.path.empty()) return InvalidArgument("a column needs a name");
  if (column.is_required && column.default_json.empty()) {
    return InvalidArgument("column " + Text(column.path) +
                           ": rows that are there have no value for a NOT NULL column; give it a "
                           "DEFAULT (format version 3) or leave NOT NULL out");
  }
  DAYPART_RETURN_IF_ERROR(CheckDefault(column.type, column.default_json));
  NestedField field;
  field.name = column.path.back();
  field.doc = column.doc;
  field.is_required = column.is_required;
  field.initial_default = column.default_json;
  field.write_default = column.default_json;
  field.id = FieldId(next_id_++);
  field.type = AssignFreshIds(column.type, next_id_);
  if (column.path.size() > 1) {
    const Path parent(column.path.begin(), column.path.end() - 1);
    DAYPART_TRY(const NestedField* above, Find(parent));
    if (above->type.kind != TypeKind::kStruct) {
      return InvalidArgument("column " + Text(parent) + " is " + ToString(above->type) +
                             "; columns are added to a struct (of a list: " + Text(parent) +
                             ".element)");
    }
  }
  return EditSiblings(schema_.fields, column.path, 0, [&](Fields& siblings) -> Status {
    DAYPART_RETURN_IF_ERROR(CheckNewName(siblings, column.path, field.name));
    return Place(siblings, std::move(field), column.place);
  });
}

Result<const NestedField*> SchemaUpdate::Find(const Path& path) const {
  const Fields* siblings = &schema_.fields;
  const NestedField* found = nullptr;
  for (const std::string& part : path) {
    const auto at = std::find_if(siblings->begin(), siblings->end(),
                                 [&](const NestedField& field) { return field.name == part; });
    if (at == siblings->end()) return NoColumn(path, *siblings);
    found = &*at;
    siblings = &found->type.fields();
  }
  if (found == nullptr) return InvalidArgument("a column needs a name");
  return found;
}

Status SchemaUpdate::Drop(const Path& path) {
  return EditSiblings(schema_.fields, path, 0, [&](Fields& siblings) -> Status {
    const auto found = FindByName(siblings, path.back());
    if (found == siblings.end()) return NoColumn(path, siblings);
    if (siblings.size() == 1) {
      return InvalidArgument("column " + Text(path) + " is the only one; nothing would be left");
    }
    std::set<FieldId> ids;
    CollectIds(*found, ids);
    const std::string user = UserOf(base_, schema_, ids);
    if (!user.empty()) {
      return InvalidArgument("column " + Text(path) + " cannot be dropped: " + user);
    }
    siblings.erase(found);
    return Ok();
  });
}

Status SchemaUpdate::Rename(const Path& path, const std::string& name) {
  return EditSiblings(schema_.fields, path, 0, [&](Fields& siblings) -> Status {
    const auto found = FindByName(siblings, path.back());
    if (found == siblings.end()) return NoColumn(path, siblings);
    Fields others = siblings;
    std::erase_if(others, [&](const NestedField& field) { return field.id == found->id; });
    DAYPART_RETURN_IF_ERROR(CheckNewName(others, path, name));
    found->name = name;
    return Ok();
  });
}

Status SchemaUpdate::Widen(const Path& path, const Type& type) {
  return EditField(schema_, path, [&](NestedField& field) -> Status {
    if (!is_widening(field.type, type)) {
      return InvalidArgument("column " + Text(path) + " is " + ToString(field.type) +
                             " and cannot become " + ToString(type) +
                             ": int to long, float to double and decimals to a higher precision "
                             "are the changes that every stored value survives");
    }
    field.type = type;
    return Ok();
  });
}

Status SchemaUpdate::Move(const Path& path, const ColumnPlace& place) {
  if (place.sibling == path.back()) {
    return InvalidArgument("column " + Text(path) + " cannot go next to itself");
  }
  return EditSiblings(schema_.fields, path, 0, [&](Fields& siblings) -> Status {
    const auto found = FindByName(siblings, path.back());
    if (found == siblings.end()) return NoColumn(path, siblings);
    NestedField field = *found;
    siblings.erase(found);
    return Place(siblings, std::move(field), place);
  });
}

Status SchemaUpdate::MakeOptional(const Path& path) {
  return EditField(schema_, path, [&](NestedField& field) -> Status {
    const auto& ids = schema_.identifier_field_ids;
    if (std::find(ids.begin(), ids.end(), field.id) != ids.end()) {
      return InvalidArgument("column " + Text(path) +
                             " is part of the rows' identifier and stays required");
    }
    field.is_required = false;
    return Ok();
  });
}

Status SchemaUpdate::SetDoc(const Path& path, const std::string& doc) {
  return EditField(schema_, path, [&](NestedField& field) -> Status {
    field.doc = doc;
    return Ok();
  });
}

Status SchemaUpdate::SetWriteDefault(const Path& path, const std::string& default_json) {
  return EditField(schema_, path, [&](NestedField& field) -> Status {
    DAYPART_RETURN_IF_ERROR(CheckDefault(field.type, default_json));
    field.write_default = default_json;
    return Ok();
  });
}

Status SchemaUpdate::SetIdentifier(const std::vector<Path>& paths) {
  std::vector<FieldId> ids;
  for (const Path& path : paths) {
    DAYPART_TRY(const NestedField* field, Find(path));
    if (!field->is_required || !field->type.is_primitive() ||
        field->type.kind == TypeKind::kFloat || field->type.kind == TypeKind::kDouble) {
      return InvalidArgument("column " + Text(path) +
                             ": an identifier column is required (NOT NULL), primitive, and "
                             "neither float nor double");
    }
    ids.push_back(field->id);
  }
  schema_.identifier_field_ids = std::move(ids);
  return Ok();
}

}  // namespace daypart::iceberg
