// SPDX-License-Identifier: Apache-2.0
//
// Manifests and manifest lists as Avro bytes, and what a list tells about a manifest.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "iceberg/avro.h"
#include "iceberg/manifest.h"
#include "iceberg/manifest_schema.h"

namespace daypart::iceberg {
namespace {

/// Branch numbers of the optional unions written here: null first, the value second.
constexpr int64_t kNullBranch = 0;
constexpr int64_t kValueBranch = 1;

template <typename Value, typename Write>
void WriteOptional(AvroOutput& out, const std::optional<Value>& value, const Write& write) {
  out.WriteLong(value ? kValueBranch : kNullBranch);
  if (value) write(*value);
}

/// Lists and maps are null when they are empty: "unknown" and "none" are the same for a reader.
template <typename Items, typename Write>
void WriteItems(AvroOutput& out, const Items& items, const Write& write) {
  if (items.empty()) {
    out.WriteLong(kNullBranch);
    return;
  }
  out.WriteLong(kValueBranch);
  out.WriteLong(static_cast<int64_t>(items.size()));
  for (const auto& item : items) write(item);
  out.WriteLong(0);
}

void WriteCounts(AvroOutput& out, const std::map<FieldId, int64_t>& counts) {
  WriteItems(out, counts, [&out](const auto& item) {
    out.WriteLong(item.first.value());
    out.WriteLong(item.second);
  });
}

void WriteBounds(AvroOutput& out, const std::map<FieldId, std::string>& bounds) {
  WriteItems(out, bounds, [&out](const auto& item) {
    out.WriteLong(item.first.value());
    out.WriteBytes(item.second);
  });
}

std::string DecimalFixed(__int128 unscaled, int32_t precision) {
  const size_t bytes = DecimalFixedBytes(precision);
  std::string fixed(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) {
    fixed[bytes - 1 - i] = static_cast<char>(unscaled >> (8 * i));
  }
  return fixed;
}

/// A required field of format v1 that means nothing any more; the reference writes this number.
constexpr int64_t kBlockBytesV1 = int64_t{64} << 20;

Status WritePartitionValue(AvroOutput& out, const Type& type, const Literal& stored) {
  // The column may have been widened since the file was written.
  const Literal value = Promote(stored, type);
  if (is_null(value)) {
    out.WriteLong(kNullBranch);
    return Ok();
  }
  // Serialising checks that the value is of the type.
  DAYPART_TRY(const std::string bytes, SerializeLiteral(value, type));
  out.WriteLong(kValueBranch);
  if (const auto* flag = std::get_if<bool>(&value)) {
    out.WriteBoolean(*flag);
  } else if (const auto* number = std::get_if<int32_t>(&value)) {
    out.WriteLong(*number);
  } else if (const auto* wide = std::get_if<int64_t>(&value)) {
    out.WriteLong(*wide);
  } else if (const auto* decimal = std::get_if<Decimal>(&value)) {
    out.WriteFixed(DecimalFixed(decimal->unscaled, type.precision));
  } else if (type.kind == TypeKind::kString || type.kind == TypeKind::kBinary) {
    out.WriteBytes(bytes);
  } else {
    out.WriteFixed(bytes);  // float, double, uuid, fixed: as serialised
  }
  return Ok();
}

Status CheckEntry(const ManifestEntry& entry, size_t tuple_size) {
  const std::string where = "manifest entry of " + entry.file.location + ": ";
  if (entry.file.partition.size() != tuple_size) {
    return InvalidArgument(where + std::to_string(tuple_size) +
                           " partition values are expected, found " +
                           std::to_string(entry.file.partition.size()));
  }
  if (entry.status != EntryStatus::kAdded &&
      (!entry.sequence_number || !entry.file_sequence_number || !entry.snapshot_id)) {
    return InvalidArgument(
        where + "an existing or deleted file needs its snapshot id and sequence numbers");
  }
  if (!std::is_sorted(entry.file.split_offsets.begin(), entry.file.split_offsets.end())) {
    return InvalidArgument(where + "split offsets are to rise");
  }
  return Ok();
}

Status WriteDataFile(AvroOutput& out, const DataFile& file, const std::vector<Type>& types,
                     int32_t format_version) {
  const bool is_first = format_version == 1;
  if (is_first && file.content != FileContent::kData) {
    return Unsupported("delete files need a table of format version 2 or above");
  }
  if (!is_first) out.WriteLong(static_cast<int64_t>(file.content));
  out.WriteBytes(file.location);
  out.WriteBytes(file.format);
  for (size_t i = 0; i < types.size(); ++i) {
    DAYPART_RETURN_IF_ERROR(WritePartitionValue(out, types[i], file.partition[i]));
  }
  out.WriteLong(file.record_count);
  out.WriteLong(file.file_bytes);
  if (is_first) out.WriteLong(kBlockBytesV1);
  WriteCounts(out, file.column_bytes);
  WriteCounts(out, file.value_counts);
  WriteCounts(out, file.null_value_counts);
  WriteCounts(out, file.nan_value_counts);
  WriteBounds(out, file.lower_bounds);
  WriteBounds(out, file.upper_bounds);
  const auto write_long = [&out](int64_t value) { out.WriteLong(value); };
  const auto write_bytes = [&out](const std::string& value) { out.WriteBytes(value); };
  WriteOptional(out, file.key_metadata, write_bytes);
  WriteItems(out, file.split_offsets, write_long);
  if (!is_first) {
    WriteItems(out, file.equality_ids, [&out](FieldId id) { out.WriteLong(id.value()); });
  }
  WriteOptional(out, file.sort_order_id, [&out](SortOrderId id) { out.WriteLong(id.value()); });
  if (format_version >= 3) WriteOptional(out, file.first_row_id, write_long);
  if (!is_first) WriteOptional(out, file.referenced_data_file, write_bytes);
  if (format_version >= 3) {
    WriteOptional(out, file.content_offset, write_long);
    WriteOptional(out, file.content_bytes, write_long);
  }
  return Ok();
}

/// Accumulates one partition field's summary.
class SummaryBuilder {
 public:
  explicit SummaryBuilder(Type type) : type_(std::move(type)) {
    if (type_.kind == TypeKind::kFloat || type_.kind == TypeKind::kDouble) {
      summary_.contains_nan = false;
    }
  }

  void Add(const Literal& stored) {
    const Literal value = Promote(stored, type_);
    if (is_null(value)) {
      summary_.contains_null = true;
      return;
    }
    const auto* single = std::get_if<float>(&value);
    const auto* wide = std::get_if<double>(&value);
    if ((single != nullptr && std::isnan(*single)) || (wide != nullptr && std::isnan(*wide))) {
      summary_.contains_nan = true;
      return;
    }
    if (is_null(low_) || Compare(value, low_) < 0) low_ = value;
    if (is_null(high_) || Compare(value, high_) > 0) high_ = value;
  }

  Result<FieldSummary> Finish() && {
    if (!is_null(low_)) {
      DAYPART_TRY(summary_.lower_bound, SerializeLiteral(low_, type_));
      DAYPART_TRY(summary_.upper_bound, SerializeLiteral(high_, type_));
    }
    return std::move(summary_);
  }

 private:
  Type type_;
  FieldSummary summary_;
  Literal low_;
  Literal high_;
};

void WriteManifestFile(AvroOutput& out, const ManifestFile& manifest, int32_t format_version) {
  out.WriteBytes(manifest.location);
  out.WriteLong(manifest.bytes);
  out.WriteLong(manifest.spec_id.value());
  if (format_version > 1) {
    out.WriteLong(static_cast<int64_t>(manifest.content));
    out.WriteLong(manifest.sequence_number.value());
    out.WriteLong(manifest.min_sequence_number.value());
  }
  out.WriteLong(manifest.added_snapshot_id.value());
  out.WriteLong(manifest.added_files_count);
  out.WriteLong(manifest.existing_files_count);
  out.WriteLong(manifest.deleted_files_count);
  out.WriteLong(manifest.added_rows_count);
  out.WriteLong(manifest.existing_rows_count);
  out.WriteLong(manifest.deleted_rows_count);
  const auto write_bytes = [&out](const std::string& value) { out.WriteBytes(value); };
  WriteOptional(out, manifest.partitions, [&](const std::vector<FieldSummary>& summaries) {
    if (!summaries.empty()) out.WriteLong(static_cast<int64_t>(summaries.size()));
    for (const FieldSummary& summary : summaries) {
      out.WriteBoolean(summary.contains_null);
      WriteOptional(out, summary.contains_nan, [&out](bool value) { out.WriteBoolean(value); });
      WriteOptional(out, summary.lower_bound, write_bytes);
      WriteOptional(out, summary.upper_bound, write_bytes);
    }
    out.WriteLong(0);
  });
  WriteOptional(out, manifest.key_metadata, write_bytes);
  if (format_version >= 3) {
    WriteOptional(out, manifest.first_row_id, [&out](int64_t value) { out.WriteLong(value); });
  }
}

Status CheckWritableVersion(int32_t format_version) {
  if (format_version >= 1 && format_version <= 3) return Ok();
  return Unsupported("tables of format version 1 to 3 are written, found version " +
                     std::to_string(format_version));
}

}  // namespace

Result<std::string> EncodeManifest(const ManifestHeader& header,
                                   std::span<const ManifestEntry> entries) {
  DAYPART_RETURN_IF_ERROR(CheckWritableVersion(header.format_version));
  DAYPART_TRY(const auto types, PartitionTypes(header.spec, header.schema));
  DAYPART_TRY(const std::string avro_schema,
              ManifestEntrySchema(header.spec, header.schema, header.format_version));
  std::vector<std::string> records;
  records.reserve(entries.size());
  for (const ManifestEntry& entry : entries) {
    DAYPART_RETURN_IF_ERROR(CheckEntry(entry, types.size()));
    AvroOutput out;
    out.WriteLong(static_cast<int64_t>(entry.status));
    if (header.format_version == 1) {
      if (!entry.snapshot_id) {
        return InvalidArgument("manifest entry of " + entry.file.location +
                               ": format version 1 wants the snapshot id spelled out");
      }
      out.WriteLong(entry.snapshot_id->value());
    } else {
      WriteOptional(out, entry.snapshot_id, [&](SnapshotId id) { out.WriteLong(id.value()); });
      const auto write_number = [&](SequenceNumber number) { out.WriteLong(number.value()); };
      WriteOptional(out, entry.sequence_number, write_number);
      WriteOptional(out, entry.file_sequence_number, write_number);
    }
    DAYPART_RETURN_IF_ERROR(WriteDataFile(out, entry.file, types, header.format_version));
    records.push_back(out.Take());
  }
  std::map<std::string, std::string> metadata = {
      {"schema", ToJson(header.schema).dump()},
      {"schema-id", std::to_string(header.schema.id.value())},
      {"partition-spec", ToJson(header.spec)["fields"].dump()},
      {"partition-spec-id", std::to_string(header.spec.id.value())},
      {"format-version", std::to_string(header.format_version)}};
  if (header.format_version > 1) {
    metadata["content"] = header.content == ManifestContent::kData ? "data" : "deletes";
  }
  return WriteAvro(avro_schema, metadata, records);
}

Result<ManifestFile> SummarizeManifest(const ManifestHeader& header,
                                       std::span<const ManifestEntry> entries,
                                       SnapshotId snapshot_id, SequenceNumber sequence_number) {
  ManifestFile summary;
  summary.spec_id = header.spec.id;
  summary.content = header.content;
  summary.sequence_number = sequence_number;
  summary.min_sequence_number = sequence_number;
  summary.added_snapshot_id = snapshot_id;
  DAYPART_TRY(const auto types, PartitionTypes(header.spec, header.schema));
  std::vector<SummaryBuilder> builders(types.begin(), types.end());
  for (const ManifestEntry& entry : entries) {
    DAYPART_RETURN_IF_ERROR(CheckEntry(entry, types.size()));
    for (size_t i = 0; i < builders.size(); ++i) builders[i].Add(entry.file.partition[i]);
    if (entry.status == EntryStatus::kAdded) {
      ++summary.added_files_count;
      summary.added_rows_count += entry.file.record_count;
    } else if (entry.status == EntryStatus::kExisting) {
      ++summary.existing_files_count;
      summary.existing_rows_count += entry.file.record_count;
    } else {
      ++summary.deleted_files_count;
      summary.deleted_rows_count += entry.file.record_count;
      continue;  // the minimum is over live files only
    }
    const SequenceNumber number = entry.sequence_number.value_or(sequence_number);
    summary.min_sequence_number = std::min(summary.min_sequence_number, number);
  }
  summary.partitions.emplace();
  for (SummaryBuilder& builder : builders) {
    DAYPART_TRY(auto field, std::move(builder).Finish());
    summary.partitions->push_back(std::move(field));
  }
  return summary;
}

Result<std::string> EncodeManifestList(const ManifestListHeader& header,
                                       std::span<const ManifestFile> manifests) {
  DAYPART_RETURN_IF_ERROR(CheckWritableVersion(header.format_version));
  std::vector<std::string> records;
  for (const ManifestFile& manifest : manifests) {
    AvroOutput out;
    WriteManifestFile(out, manifest, header.format_version);
    records.push_back(out.Take());
  }
  std::map<std::string, std::string> metadata = {
      {"snapshot-id", std::to_string(header.snapshot_id.value())},
      {"parent-snapshot-id", header.parent_snapshot_id
                                 ? std::to_string(header.parent_snapshot_id->value())
                                 : std::string("null")},
      {"format-version", std::to_string(header.format_version)}};
  if (header.format_version > 1) {
    metadata["sequence-number"] = std::to_string(header.sequence_number.value());
  }
  return WriteAvro(ManifestFileSchema(header.format_version), metadata, records);
}

}  // namespace daypart::iceberg
