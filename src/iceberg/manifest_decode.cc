// SPDX-License-Identifier: Apache-2.0
//
// Avro bytes to manifests and manifest lists, one pass over each block. Which member a field of the
// writer's schema fills is told by its field id, so that any writer's order and extras are fine.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "iceberg/avro.h"
#include "iceberg/manifest.h"

namespace daypart::iceberg {
namespace {

/// Ids by name, for writers (of format v1) that left field ids out.
int32_t IdOf(const AvroNode& field, const std::unordered_map<std::string_view, int32_t>& names) {
  if (field.field_id >= 0) return field.field_id;
  const auto found = names.find(field.name);
  return found == names.end() ? -1 : found->second;
}

const std::unordered_map<std::string_view, int32_t> kEntryNames = {{"status", 0},
                                                                   {"snapshot_id", 1},
                                                                   {"sequence_number", 3},
                                                                   {"file_sequence_number", 4},
                                                                   {"data_file", 2}};
const std::unordered_map<std::string_view, int32_t> kFileNames = {
    {"content", 134},          {"file_path", 100},     {"file_format", 101},
    {"partition", 102},        {"record_count", 103},  {"file_size_in_bytes", 104},
    {"column_sizes", 108},     {"value_counts", 109},  {"null_value_counts", 110},
    {"nan_value_counts", 137}, {"lower_bounds", 125},  {"upper_bounds", 128},
    {"key_metadata", 131},     {"split_offsets", 132}, {"equality_ids", 135},
    {"sort_order_id", 140}};
const std::unordered_map<std::string_view, int32_t> kListNames = {
    {"manifest_path", 500},
    {"manifest_length", 501},
    {"partition_spec_id", 502},
    {"content", 517},
    {"sequence_number", 515},
    {"min_sequence_number", 516},
    {"added_snapshot_id", 503},
    {"added_files_count", 504},
    {"added_data_files_count", 504},
    {"existing_files_count", 505},
    {"existing_data_files_count", 505},
    {"deleted_files_count", 506},
    {"deleted_data_files_count", 506},
    {"added_rows_count", 512},
    {"existing_rows_count", 513},
    {"deleted_rows_count", 514},
    {"partitions", 507},
    {"key_metadata", 519},
    {"first_row_id", 520}};

template <typename Write>
void ReadArray(AvroInput& in, const AvroNode& node, const Write& read_item) {
  for (int64_t count = in.ReadBlockCount(); count > 0; count = in.ReadBlockCount()) {
    for (int64_t item = 0; item < count && in.is_good(); ++item) read_item(node.children[0]);
  }
}

bool is_key_value_array(const AvroNode& node) {
  return node.kind == AvroKind::kArray && node.children[0].kind == AvroKind::kRecord &&
         node.children[0].children.size() == 2;
}

std::map<FieldId, int64_t> ReadCounts(AvroInput& in, const AvroNode& node) {
  std::map<FieldId, int64_t> counts;
  if (!is_key_value_array(node)) {
    in.Skip(node);
    return counts;
  }
  ReadArray(in, node, [&](const AvroNode&) {
    const FieldId id(static_cast<int32_t>(in.ReadLong()));
    counts.emplace_hint(counts.end(), id, in.ReadLong());
  });
  return counts;
}

std::map<FieldId, std::string> ReadBounds(AvroInput& in, const AvroNode& node) {
  std::map<FieldId, std::string> bounds;
  if (!is_key_value_array(node)) {
    in.Skip(node);
    return bounds;
  }
  ReadArray(in, node, [&](const AvroNode&) {
    const FieldId id(static_cast<int32_t>(in.ReadLong()));
    bounds.emplace_hint(bounds.end(), id, std::string(in.ReadBytes()));
  });
  return bounds;
}

bool is_wanted(const std::vector<FieldId>& fields, FieldId id) {
  return std::find(fields.begin(), fields.end(), id) != fields.end();
}

/// Counts of the wanted fields only.
void ReadSomeCounts(AvroInput& in, const AvroNode& node, const std::vector<FieldId>& fields,
                    std::map<FieldId, int64_t>& counts) {
  if (!is_key_value_array(node)) return in.Skip(node);
  ReadArray(in, node, [&](const AvroNode&) {
    const FieldId id(static_cast<int32_t>(in.ReadLong()));
    const int64_t count = in.ReadLong();
    if (is_wanted(fields, id)) counts.emplace(id, count);
  });
}

void ReadSomeBounds(AvroInput& in, const AvroNode& node, const std::vector<FieldId>& fields,
                    std::map<FieldId, std::string>& bounds) {
  if (!is_key_value_array(node)) return in.Skip(node);
  ReadArray(in, node, [&](const AvroNode&) {
    const FieldId id(static_cast<int32_t>(in.ReadLong()));
    const std::string_view bytes = in.ReadBytes();
    if (is_wanted(fields, id)) bounds.emplace(id, std::string(bytes));
  });
}

/// Passes over a map of counts, the commonest thing to be passed over.
void SkipKeyValues(AvroInput& in, const AvroNode& node) {
  if (!is_key_value_array(node)) return in.Skip(node);
  const AvroKind kind = node.children[0].children[1].kind;
  if (kind != AvroKind::kLong && kind != AvroKind::kInt) return in.Skip(node);
  ReadArray(in, node, [&](const AvroNode&) {
    (void)in.ReadLong();
    (void)in.ReadLong();
  });
}

/// One partition value as the type wants it.
Literal ReadPartitionValue(AvroInput& in, const AvroNode& field, const Type& type) {
  const AvroNode* node = in.ReadUnion(field);
  if (node == nullptr) return {};
  switch (node->kind) {
    case AvroKind::kBoolean: return in.ReadBoolean();
    case AvroKind::kFloat: {
      const float value = in.ReadFloat();
      if (type.kind == TypeKind::kDouble) return double{value};
      return value;
    }
    case AvroKind::kDouble: return in.ReadDouble();
    case AvroKind::kInt:
    case AvroKind::kLong: {
      const int64_t value = in.ReadLong();
      const bool is_narrow = type.kind == TypeKind::kInt || type.kind == TypeKind::kDate;
      if (is_narrow) return static_cast<int32_t>(value);
      return value;
    }
    case AvroKind::kString:
    case AvroKind::kBytes:
    case AvroKind::kFixed: {
      const std::string_view bytes =
          node->kind == AvroKind::kFixed ? in.ReadFixed(node->fixed_bytes) : in.ReadBytes();
      if (type.kind == TypeKind::kDecimal) {
        return DeserializeLiteral(bytes, type).value_or(Literal());
      }
      return std::string(bytes);
    }
    default: in.Skip(*node); return {};
  }
}

class ManifestDecoder {
 public:
  ManifestDecoder(const ManifestFile& listed, const ManifestHeader& header,
                  std::vector<Type> partition_types)
      : listed_(listed), header_(header), partition_types_(std::move(partition_types)) {}

  ManifestEntry ReadEntry(AvroInput& in, const AvroNode& schema) const {
    return ReadEntry(in, schema, [&](const AvroNode& node, DataFile& file) {
      ReadDataFile(in, node, file);
    });
  }

  /// Reads what a filter looks at and passes over the rest.
  ManifestEntry ReadBriefly(AvroInput& in, const AvroNode& schema,
                            const EntryFilter& filter) const {
    return ReadEntry(in, schema, [&](const AvroNode& node, DataFile& file) {
      ReadFileBriefly(in, node, filter, file);
    });
  }

 private:
  template <typename ReadFile>
  ManifestEntry ReadEntry(AvroInput& in, const AvroNode& schema, const ReadFile& read_file) const {
    ManifestEntry entry;
    for (const AvroNode& field : schema.children) {
      const int32_t id = IdOf(field, kEntryNames);
      const AvroNode* node = in.ReadUnion(field);
      if (node == nullptr) continue;
      switch (id) {
        case 0: entry.status = static_cast<EntryStatus>(in.ReadLong()); break;
        case 1: entry.snapshot_id = SnapshotId(in.ReadLong()); break;
        case 2: read_file(*node, entry.file); break;
        case 3: entry.sequence_number = SequenceNumber(in.ReadLong()); break;
        case 4: entry.file_sequence_number = SequenceNumber(in.ReadLong()); break;
        default: in.Skip(*node); break;
      }
    }
    Inherit(entry);
    return entry;
  }

  void Inherit(ManifestEntry& entry) const {
    if (!entry.snapshot_id) entry.snapshot_id = listed_.added_snapshot_id;
    // Format v1 has no sequence numbers: its files are of sequence number 0.
    const SequenceNumber inherited =
        header_.format_version == 1 ? SequenceNumber(0) : listed_.sequence_number;
    const bool may_inherit = entry.status == EntryStatus::kAdded || header_.format_version == 1;
    if (!entry.sequence_number && may_inherit) entry.sequence_number = inherited;
    if (!entry.file_sequence_number && may_inherit) entry.file_sequence_number = inherited;
  }

  void ReadPartition(AvroInput& in, const AvroNode& node, PartitionTuple& tuple) const {
    tuple.assign(header_.spec.fields.size(), Literal());
    for (size_t position = 0; position < node.children.size(); ++position) {
      const AvroNode& field = node.children[position];
      size_t slot = tuple.size();
      for (size_t i = 0; i < tuple.size(); ++i) {
        if (field.field_id == header_.spec.fields[i].field_id.value()) slot = i;
      }
      if (field.field_id < 0 && position < tuple.size()) slot = position;
      if (slot == tuple.size()) {
        in.Skip(field);
      } else {
        tuple[slot] = ReadPartitionValue(in, field, partition_types_[slot]);
      }
    }
  }

  void ReadDataFile(AvroInput& in, const AvroNode& schema, DataFile& file) const {
    for (const AvroNode& field : schema.children) {
      const int32_t id = IdOf(field, kFileNames);
      const AvroNode* node = in.ReadUnion(field);
      if (node == nullptr) continue;
      switch (id) {
        case 134: file.content = static_cast<FileContent>(in.ReadLong()); break;
        case 100: file.location = std::string(in.ReadBytes()); break;
        case 101: file.format = std::string(in.ReadBytes()); break;
        case 102: ReadPartition(in, *node, file.partition); break;
        case 103: file.record_count = in.ReadLong(); break;
        case 104: file.file_bytes = in.ReadLong(); break;
        case 108: file.column_bytes = ReadCounts(in, *node); break;
        case 109: file.value_counts = ReadCounts(in, *node); break;
        case 110: file.null_value_counts = ReadCounts(in, *node); break;
        case 137: file.nan_value_counts = ReadCounts(in, *node); break;
        case 125: file.lower_bounds = ReadBounds(in, *node); break;
        case 128: file.upper_bounds = ReadBounds(in, *node); break;
        case 131: file.key_metadata = std::string(in.ReadBytes()); break;
        case 132:
          ReadArray(in, *node,
                    [&](const AvroNode&) { file.split_offsets.push_back(in.ReadLong()); });
          break;
        case 135:
          ReadArray(in, *node, [&](const AvroNode&) {
            file.equality_ids.emplace_back(static_cast<int32_t>(in.ReadLong()));
          });
          break;
        case 140: file.sort_order_id = SortOrderId(static_cast<int32_t>(in.ReadLong())); break;
        case 142: file.first_row_id = in.ReadLong(); break;
        case 143: file.referenced_data_file = std::string(in.ReadBytes()); break;
        case 144: file.content_offset = in.ReadLong(); break;
        case 145: file.content_bytes = in.ReadLong(); break;
        default: in.Skip(*node); break;
      }
    }
  }

  void ReadFileBriefly(AvroInput& in, const AvroNode& schema, const EntryFilter& filter,
                       DataFile& file) const {
    for (const AvroNode& field : schema.children) {
      const int32_t id = IdOf(field, kFileNames);
      const AvroNode* node = in.ReadUnion(field);
      if (node == nullptr) continue;
      switch (id) {
        case 134: file.content = static_cast<FileContent>(in.ReadLong()); break;
        case 100:
          if (filter.is_brief) {
            file.location = std::string(in.ReadBytes());
          } else {
            (void)in.ReadBytes();
          }
          break;
        case 102: ReadPartition(in, *node, file.partition); break;
        case 103: file.record_count = in.ReadLong(); break;
        case 104: file.file_bytes = in.ReadLong(); break;
        case 108: SkipKeyValues(in, *node); break;
        case 109: ReadSomeCounts(in, *node, filter.fields, file.value_counts); break;
        case 110: ReadSomeCounts(in, *node, filter.fields, file.null_value_counts); break;
        case 137: ReadSomeCounts(in, *node, filter.fields, file.nan_value_counts); break;
        case 125: ReadSomeBounds(in, *node, filter.fields, file.lower_bounds); break;
        case 128: ReadSomeBounds(in, *node, filter.fields, file.upper_bounds); break;
        case 142: file.first_row_id = in.ReadLong(); break;
        default: in.Skip(*node); break;
      }
    }
  }

  const ManifestFile& listed_;
  const ManifestHeader& header_;
  std::vector<Type> partition_types_;
};

Result<ManifestHeader> ReadHeader(const AvroFile& file, const ManifestFile& listed) {
  ManifestHeader header;
  const auto text = [&file](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  const auto schema = nlohmann::json::parse(text("schema"), nullptr, false);
  if (schema.is_discarded()) return CorruptData("the manifest's \"schema\" is no JSON");
  DAYPART_TRY(header.schema, SchemaFromJson(schema));
  const auto spec = nlohmann::json::parse(text("partition-spec"), nullptr, false);
  if (spec.is_discarded()) return CorruptData("the manifest's \"partition-spec\" is no JSON");
  DAYPART_TRY(header.spec, PartitionSpecFromJson(spec));
  header.spec.id = listed.spec_id;
  header.format_version = text("format-version") == "1" || text("format-version").empty() ? 1
                          : text("format-version") == "3"                                 ? 3
                                                                                          : 2;
  header.content =
      text("content") == "deletes" ? ManifestContent::kDeletes : ManifestContent::kData;
  return header;
}

FieldSummary ReadSummary(AvroInput& in, const AvroNode& record) {
  FieldSummary summary;
  for (size_t position = 0; position < record.children.size(); ++position) {
    const AvroNode& field = record.children[position];
    const AvroNode* node = in.ReadUnion(field);
    if (node == nullptr) continue;
    switch (field.field_id) {
      case 509: summary.contains_null = in.ReadBoolean(); break;
      case 518: summary.contains_nan = in.ReadBoolean(); break;
      case 510: summary.lower_bound = std::string(in.ReadBytes()); break;
      case 511: summary.upper_bound = std::string(in.ReadBytes()); break;
      default: in.Skip(*node); break;
    }
  }
  return summary;
}

ManifestFile ReadManifestFile(AvroInput& in, const AvroNode& schema) {
  ManifestFile manifest;
  // Counts that a v1 writer left out are unknown: -1 would be live files to every test of "has
  // any".
  manifest.added_files_count = manifest.existing_files_count = 1;
  for (const AvroNode& field : schema.children) {
    const int32_t id = IdOf(field, kListNames);
    const AvroNode* node = in.ReadUnion(field);
    if (node == nullptr) continue;
    const auto read_int = [&in] { return static_cast<int32_t>(in.ReadLong()); };
    switch (id) {
      case 500: manifest.location = std::string(in.ReadBytes()); break;
      case 501: manifest.bytes = in.ReadLong(); break;
      case 502: manifest.spec_id = SpecId(read_int()); break;
      case 517: manifest.content = static_cast<ManifestContent>(in.ReadLong()); break;
      case 515: manifest.sequence_number = SequenceNumber(in.ReadLong()); break;
      case 516: manifest.min_sequence_number = SequenceNumber(in.ReadLong()); break;
      case 503: manifest.added_snapshot_id = SnapshotId(in.ReadLong()); break;
      case 504: manifest.added_files_count = read_int(); break;
      case 505: manifest.existing_files_count = read_int(); break;
      case 506: manifest.deleted_files_count = read_int(); break;
      case 512: manifest.added_rows_count = in.ReadLong(); break;
      case 513: manifest.existing_rows_count = in.ReadLong(); break;
      case 514: manifest.deleted_rows_count = in.ReadLong(); break;
      case 507: {
        manifest.partitions.emplace();
        ReadArray(in, *node, [&](const AvroNode& record) {
          manifest.partitions->push_back(ReadSummary(in, record));
        });
        break;
      }
      case 519: manifest.key_metadata = std::string(in.ReadBytes()); break;
      case 520: manifest.first_row_id = in.ReadLong(); break;
      default: in.Skip(*node); break;
    }
  }
  return manifest;
}

/// Whether every block's rows were read to the byte.
Status CheckRead(const AvroInput& in, size_t block) {
  if (in.is_good() && in.is_at_end()) return Ok();
  return CorruptData("Avro block " + std::to_string(block) + ", byte " +
                     std::to_string(in.position()) + ": the records do not end with the block");
}

}  // namespace

namespace {

/// A live data file without a first row id begins where those before it in the manifest end.
/// Source: Iceberg table spec, "First Row ID Inheritance".
void InheritRowIds(DecodedManifest& manifest, const ManifestFile& listed) {
  if (!listed.first_row_id || listed.content != ManifestContent::kData) return;
  int64_t next = *listed.first_row_id;
  for (ManifestEntry& entry : manifest.entries) {
    if (entry.status == EntryStatus::kDeleted || entry.file.first_row_id) continue;
    entry.file.first_row_id = next;
    next += entry.file.record_count;
  }
}

}  // namespace

namespace {

/// The container and header of a manifest as long as its list says.
Result<AvroFile> OpenManifest(std::string_view bytes, const ManifestFile& listed,
                              ManifestHeader& header) {
  if (static_cast<int64_t>(bytes.size()) != listed.bytes) {
    return CorruptData("the manifest list says " + std::to_string(listed.bytes) +
                       " bytes, the manifest has " + std::to_string(bytes.size()));
  }
  DAYPART_TRY(AvroFile file, ReadAvro(bytes));
  if (file.schema.kind != AvroKind::kRecord) return CorruptData("a manifest holds Avro records");
  DAYPART_TRY(header, ReadHeader(file, listed));
  return file;
}

/// Decides on one entry after the other of a manifest, keeping count of what inherits row ids.
class EntrySieve {
 public:
  EntrySieve(const ManifestFile& listed, const ManifestDecoder& decoder, const EntryFilter& filter)
      : decoder_(decoder), filter_(filter), next_row_id_(listed.first_row_id) {
    if (listed.content != ManifestContent::kData) next_row_id_.reset();
  }

  void Take(AvroInput& in, const AvroNode& schema, std::vector<ManifestEntry>& entries) {
    AvroInput start = in;
    ManifestEntry entry = decoder_.ReadBriefly(in, schema, filter_);
    if (!in.is_good() || entry.status == EntryStatus::kDeleted) return;
    ++live_count_;
    std::optional<int64_t> row_id = entry.file.first_row_id;
    if (!row_id && next_row_id_) {
      row_id = next_row_id_;
      *next_row_id_ += entry.file.record_count;
    }
    if (filter_.keeps_partition && !filter_.keeps_partition(entry.file.partition)) return;
    if (filter_.keeps_file && !filter_.keeps_file(entry.file)) return;
    if (!filter_.is_brief) entry = decoder_.ReadEntry(start, schema);
    entry.file.first_row_id = row_id;
    entries.push_back(std::move(entry));
  }

  int64_t live_count() const { return live_count_; }

 private:
  const ManifestDecoder& decoder_;
  const EntryFilter& filter_;
  std::optional<int64_t> next_row_id_;
  int64_t live_count_ = 0;
};

const AvroNode* ChildOf(const AvroNode* record, int32_t id, std::string_view name) {
  if (record == nullptr) return nullptr;
  for (const AvroNode& child : record->children) {
    const bool is_named = child.field_id < 0 && child.name == name;
    if (child.field_id == id || is_named) return &child;
  }
  return nullptr;
}

/// What the file says of a value itself, without the column that it was made of.
Type TypeOfAvro(const AvroNode& node) {
  switch (node.kind) {
    case AvroKind::kBoolean: return Type::Of(TypeKind::kBoolean);
    case AvroKind::kInt: return Type::Of(TypeKind::kInt);
    case AvroKind::kLong: return Type::Of(TypeKind::kLong);
    case AvroKind::kFloat: return Type::Of(TypeKind::kFloat);
    case AvroKind::kDouble: return Type::Of(TypeKind::kDouble);
    case AvroKind::kString: return Type::Of(TypeKind::kString);
    case AvroKind::kUnion:
      for (const AvroNode& branch : node.children) {
        if (branch.kind != AvroKind::kNull) return TypeOfAvro(branch);
      }
      return Type::Of(TypeKind::kString);
    default: return Type::Of(TypeKind::kBinary);
  }
}

/// The types of the tuples. Once the column that an older spec is made of was dropped, writers
/// leave it out of the schema that they put into the manifest (Spark and PyIceberg do); then the
/// record's own types tell.
Result<std::vector<Type>> TupleTypes(const ManifestHeader& header, const AvroNode& entry) {
  auto types = PartitionTypes(header.spec, header.schema);
  if (types) return types;
  const AvroNode* partition = ChildOf(ChildOf(&entry, 2, "data_file"), 102, "partition");
  std::vector<Type> told;
  for (const PartitionField& field : header.spec.fields) {
    const auto known = PartitionTypes({.fields = {field}}, header.schema);
    const AvroNode* node = ChildOf(partition, field.field_id.value(), field.name);
    if (!known && node == nullptr) return types;
    told.push_back(known ? known->front() : TypeOfAvro(*node));
  }
  return told;
}

}  // namespace

Result<DecodedManifest> DecodeManifest(std::string_view bytes, const ManifestFile& listed) {
  DecodedManifest manifest;
  DAYPART_TRY(const AvroFile file, OpenManifest(bytes, listed, manifest.header));
  DAYPART_TRY(auto types, TupleTypes(manifest.header, file.schema));
  ManifestDecoder decoder(listed, manifest.header, std::move(types));
  for (size_t block = 0; block < file.blocks.size(); ++block) {
    AvroInput in(file.blocks[block].data);
    for (int64_t row = 0; row < file.blocks[block].rows && in.is_good(); ++row) {
      manifest.entries.push_back(decoder.ReadEntry(in, file.schema));
    }
    DAYPART_RETURN_IF_ERROR(CheckRead(in, block));
  }
  InheritRowIds(manifest, listed);
  return manifest;
}

Result<DecodedManifest> DecodeLiveEntries(std::string_view bytes, const ManifestFile& listed,
                                          const EntryFilter& filter, int64_t* live_count) {
  DecodedManifest manifest;
  DAYPART_TRY(const AvroFile file, OpenManifest(bytes, listed, manifest.header));
  DAYPART_TRY(auto types, TupleTypes(manifest.header, file.schema));
  const ManifestDecoder decoder(listed, manifest.header, std::move(types));
  EntrySieve sieve(listed, decoder, filter);
  for (size_t block = 0; block < file.blocks.size(); ++block) {
    AvroInput in(file.blocks[block].data);
    for (int64_t row = 0; row < file.blocks[block].rows && in.is_good(); ++row) {
      sieve.Take(in, file.schema, manifest.entries);
    }
    DAYPART_RETURN_IF_ERROR(CheckRead(in, block));
  }
  if (live_count != nullptr) *live_count = sieve.live_count();
  return manifest;
}

Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes) {
  DAYPART_TRY(const AvroFile file, ReadAvro(bytes));
  if (file.schema.kind != AvroKind::kRecord) return CorruptData("a manifest list holds records");
  std::vector<ManifestFile> manifests;
  for (size_t block = 0; block < file.blocks.size(); ++block) {
    AvroInput in(file.blocks[block].data);
    for (int64_t row = 0; row < file.blocks[block].rows && in.is_good(); ++row) {
      manifests.push_back(ReadManifestFile(in, file.schema));
    }
    DAYPART_RETURN_IF_ERROR(CheckRead(in, block));
  }
  return manifests;
}

}  // namespace daypart::iceberg
