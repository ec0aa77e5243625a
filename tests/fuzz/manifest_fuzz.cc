// SPDX-License-Identifier: Apache-2.0
//
// Manifests and manifest lists: the first byte chooses which; what decodes and may be written again
// decodes to the same number of entries with the same files.
#include "iceberg/manifest.h"
#include "tests/fuzz/require.h"

namespace {

using namespace daypart::iceberg;
using daypart::fuzz::Require;

void TryManifest(std::string_view bytes) {
  ManifestFile listed;
  listed.location = "memory://manifest.avro";
  listed.bytes = static_cast<int64_t>(bytes.size());
  listed.sequence_number = SequenceNumber(3);
  listed.added_snapshot_id = SnapshotId(7);
  const auto decoded = DecodeManifest(bytes, listed);
  if (!decoded) return;
  const auto written = EncodeManifest(decoded->header, decoded->entries);
  if (!written) return;  // readable, but against a rule for writers
  listed.bytes = static_cast<int64_t>(written->size());
  const auto again = DecodeManifest(*written, listed);
  Require(again.has_value(), "a written manifest decodes");
  Require(again->entries.size() == decoded->entries.size(), "no entry is lost");
  for (size_t i = 0; i < again->entries.size(); ++i) {
    const DataFile& left = again->entries[i].file;
    const DataFile& right = decoded->entries[i].file;
    Require(left.location == right.location, "a file keeps its location");
    Require(left.record_count == right.record_count, "a file keeps its rows");
    Require(left.lower_bounds == right.lower_bounds, "a file keeps its lower bounds");
  }
}

void TryList(std::string_view bytes) {
  const auto decoded = DecodeManifestList(bytes);
  if (!decoded) return;
  const auto written = EncodeManifestList({.snapshot_id = SnapshotId(7),
                                           .parent_snapshot_id = SnapshotId(6),
                                           .sequence_number = SequenceNumber(3)},
                                          *decoded);
  if (!written) return;
  const auto again = DecodeManifestList(*written);
  Require(again.has_value(), "a written manifest list decodes");
  Require(again->size() == decoded->size(), "no manifest is lost");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] == 'm' ? TryManifest(bytes) : TryList(bytes);
  return 0;
}
