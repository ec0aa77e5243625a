// SPDX-License-Identifier: Apache-2.0
//
// Manifests and manifest lists: which files a snapshot holds, with the statistics that prune them.
// In memory here, as Avro bytes by the functions below. Source: Iceberg table spec, "Manifests",
// "Manifest Lists". Written in the form of format v2; v1 is read, v3's added fields are read and
// kept.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/ids.h"
#include "iceberg/partition.h"
#include "iceberg/type.h"

namespace daypart::iceberg {

enum class EntryStatus { kExisting = 0, kAdded = 1, kDeleted = 2 };
enum class FileContent { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };
enum class ManifestContent { kData = 0, kDeletes = 1 };

struct DataFile {
  FileContent content = FileContent::kData;
  std::string location;
  std::string format = "PARQUET";
  PartitionTuple partition;
  int64_t record_count = 0;
  int64_t file_bytes = 0;
  std::map<FieldId, int64_t> column_bytes;
  std::map<FieldId, int64_t> value_counts;
  std::map<FieldId, int64_t> null_value_counts;
  std::map<FieldId, int64_t> nan_value_counts;
  std::map<FieldId, std::string> lower_bounds;  // single-value serialised
  std::map<FieldId, std::string> upper_bounds;
  std::optional<std::string> key_metadata;
  std::vector<int64_t> split_offsets;
  std::vector<FieldId> equality_ids;
  std::optional<SortOrderId> sort_order_id;
  // Format v3
  std::optional<int64_t> first_row_id;
  std::optional<std::string> referenced_data_file;
  std::optional<int64_t> content_offset;
  std::optional<int64_t> content_bytes;
};

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<SnapshotId> snapshot_id;          // inherited if absent
  std::optional<SequenceNumber> sequence_number;  // inherited if absent and kAdded
  std::optional<SequenceNumber> file_sequence_number;
  DataFile file;
};

/// One partition field's summary over a manifest's files.
struct FieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string>
      lower_bound;  // serialised as the partition's result type; no NaN, no null
  std::optional<std::string> upper_bound;
};

/// A manifest list's line about a manifest.
struct ManifestFile {
  std::string location;
  int64_t bytes = 0;
  SpecId spec_id;
  ManifestContent content = ManifestContent::kData;
  SequenceNumber sequence_number;
  SequenceNumber min_sequence_number;
  SnapshotId added_snapshot_id;
  int32_t added_files_count = 0;
  int32_t existing_files_count = 0;
  int32_t deleted_files_count = 0;
  int64_t added_rows_count = 0;
  int64_t existing_rows_count = 0;
  int64_t deleted_rows_count = 0;
  /// Absent where unknown; a reader must then not prune.
  std::optional<std::vector<FieldSummary>> partitions;
  std::optional<std::string> key_metadata;
  std::optional<int64_t> first_row_id;  // v3
};

struct ManifestHeader {
  Schema schema;
  PartitionSpec spec;
  int32_t format_version = 2;
  ManifestContent content = ManifestContent::kData;
};

struct DecodedManifest {
  ManifestHeader header;
  std::vector<ManifestEntry> entries;  // with inherited values filled in
};

/// Avro bytes of a manifest (deflate). errors: kInvalidArgument if an entry breaks a rule of the
/// spec, such as an existing entry without its sequence number or a tuple of the wrong size.
Result<std::string> EncodeManifest(const ManifestHeader& header,
                                   std::span<const ManifestEntry> entries);
/// Reads a manifest and lets entries inherit snapshot id and sequence numbers from `listed`.
/// errors: kCorruptData with the byte offset; kCorruptData if `bytes` is not as long as listed.
Result<DecodedManifest> DecodeManifest(std::string_view bytes, const ManifestFile& listed);

/// Which entries of a manifest a reader wants, decided before they are decoded whole: by far most
/// of a manifest's bytes are statistics of files that a filter then leaves out.
struct EntryFilter {
  /// By the tuple alone; empty: any.
  std::function<bool(const PartitionTuple&)> keeps_partition;
  /// By a file with partition, record count, and counts and bounds of `fields`; empty: any.
  std::function<bool(const DataFile&)> keeps_file;
  std::vector<FieldId> fields;
  /// Only location, status, numbers, partition and record count of what is kept, no statistics.
  bool is_brief = false;
};

/// As DecodeManifest, of the live entries that the filter keeps.
/// live_count: of all live entries, if not null.
Result<DecodedManifest> DecodeLiveEntries(std::string_view bytes, const ManifestFile& listed,
                                          const EntryFilter& filter, int64_t* live_count = nullptr);

/// Counts, minimum sequence number and partition summaries of `entries`; location and bytes are the
/// caller's. Entries without sequence number count as `sequence_number`.
Result<ManifestFile> SummarizeManifest(const ManifestHeader& header,
                                       std::span<const ManifestEntry> entries,
                                       SnapshotId snapshot_id, SequenceNumber sequence_number);

struct ManifestListHeader {
  SnapshotId snapshot_id;
  std::optional<SnapshotId> parent_snapshot_id;
  SequenceNumber sequence_number;
  int32_t format_version = 2;
};

Result<std::string> EncodeManifestList(const ManifestListHeader& header,
                                       std::span<const ManifestFile> manifests);
Result<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes);

}  // namespace daypart::iceberg
