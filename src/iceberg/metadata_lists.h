// SPDX-License-Identifier: Apache-2.0
//
// The lists of a table's metadata that grow with its commits (snapshots, snapshot log, metadata
// log) as JSON text. They are most of a metadata file that every commit reads and writes, so they
// have a reader and a writer of their own: simdjson in, plain appending out; see
// docs/decisions/0030. All else of the file is small and goes through a document tree.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/metadata.h"

namespace daypart::iceberg {

/// What a metadata file's text was split into.
struct SplitMetadata {
  std::string head;  // the same JSON object without the lists
  SnapshotList snapshots;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
};

/// errors: kCorruptData with the JSON path of what is wrong; kUnsupported for an early v1 snapshot.
Result<SplitMetadata> SplitMetadataJson(std::string_view text);

/// Appends `,"snapshots":[…],"snapshot-log":[…],"metadata-log":[…]`.
void AppendMetadataLists(const TableMetadata& metadata, std::string& json);

}  // namespace daypart::iceberg
