// SPDX-License-Identifier: Apache-2.0
//
// Edits of a copy of the default spec.
#include "iceberg/spec_update.h"

#include <algorithm>
#include <utility>

namespace daypart::iceberg {
namespace {

bool is_void(const PartitionField& field) { return field.transform.kind == TransformKind::kVoid; }

/// Fields added later have the number in their name, so that bucket(8, id) can follow
/// bucket(16, id): what the reference does as well.
std::string NameOfAdded(const PartitionField& field) {
  const bool has_number = field.transform.kind == TransformKind::kBucket ||
                          field.transform.kind == TransformKind::kTruncate;
  return has_number ? field.name + '_' + std::to_string(field.transform.parameter) : field.name;
}

std::string NamesOf(const PartitionSpec& spec) {
  std::string names;
  for (const PartitionField& field : spec.fields) {
    if (!is_void(field)) names += (names.empty() ? "" : ", ") + field.name;
  }
  return names.empty() ? "none" : names;
}

}  // namespace

Result<PartitionField> SpecUpdate::FieldOf(std::string_view term, const std::string& name) const {
  DAYPART_TRY(const PartitionSpec parsed, ParsePartitionSpec(term, base_.current_schema()));
  if (parsed.fields.size() != 1) {
    return InvalidArgument("one partition field is expected, found '" + std::string(term) + "'");
  }
  PartitionField field = parsed.fields.front();
  field.name = name.empty() ? NameOfAdded(field) : name;
  const auto& columns = base_.current_schema().fields;
  const bool is_top_level = std::any_of(columns.begin(), columns.end(), [&](const auto& column) {
    return column.id == field.source_id;
  });
  if (!is_top_level) {
    return Unsupported("partitioning by a nested column is not written by this version: " +
                       std::string(term));
  }
  for (const NestedField& column : columns) {
    const bool is_own =
        field.transform.kind == TransformKind::kIdentity && column.id == field.source_id;
    if (column.name == field.name && !is_own) {
      return InvalidArgument("partition field " + field.name +
                             " would have the name of a column; name it: ADD PARTITION FIELD " +
                             std::string(term) + " AS name");
    }
  }
  field.field_id = FieldId(0);  // given when the spec is added
  return field;
}

Status SpecUpdate::Add(std::string_view term, const std::string& name) {
  DAYPART_TRY(PartitionField added, FieldOf(term, name));
  for (PartitionField& field : spec_.fields) {
    if (field.source_id == added.source_id && field.transform == added.transform) {
      return InvalidArgument("the table is partitioned by this already: field " + field.name);
    }
    if (field.name != added.name) continue;
    if (!is_void(field)) {
      return InvalidArgument("the name " + added.name + " is taken by another partition field");
    }
    field.name += '_' + std::to_string(field.field_id.value());  // a dropped one gives way
  }
  spec_.fields.push_back(std::move(added));
  return Ok();
}

Result<size_t> SpecUpdate::Find(std::string_view text) const {
  for (size_t i = 0; i < spec_.fields.size(); ++i) {
    if (spec_.fields[i].name == text && !is_void(spec_.fields[i])) return i;
  }
  if (const auto parsed = ParsePartitionSpec(text, base_.current_schema());
      parsed && parsed->fields.size() == 1) {
    const PartitionField& wanted = parsed->fields.front();
    for (size_t i = 0; i < spec_.fields.size(); ++i) {
      const PartitionField& field = spec_.fields[i];
      if (field.source_id == wanted.source_id && field.transform == wanted.transform) return i;
    }
  }
  return InvalidArgument("the table has no partition field " + std::string(text) +
                         "; there are: " + NamesOf(spec_));
}

Status SpecUpdate::Drop(std::string_view text) {
  DAYPART_TRY(const size_t at, Find(text));
  if (base_.format_version >= 2) {
    spec_.fields.erase(spec_.fields.begin() + static_cast<ptrdiff_t>(at));
    return Ok();
  }
  spec_.fields[at].transform = {.kind = TransformKind::kVoid};
  return Ok();
}

Status SpecUpdate::Replace(std::string_view field, std::string_view term, const std::string& name) {
  DAYPART_RETURN_IF_ERROR(Drop(field));
  return Add(term, name);
}

}  // namespace daypart::iceberg
