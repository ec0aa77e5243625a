// SPDX-License-Identifier: Apache-2.0
//
// DirectoryRecordSource: a folder that keeps receiving JSON-lines or CSV files as a stream. Each
// file is a shard named by its path below the folder; a position is which content of the file
// ("<bytes>-<hash>" of its first bytes) and the byte offset in its decompressed text. A file that
// grows is read on from where it was left, one whose beginning changed is read as a new one.
//
// A last line without a line end may be half of a line: it is taken once the file was not written
// to for settle_ms. CSV files are taken when they have settled, or by whole records if they go on
// growing for so long; compressed ones only when they have settled.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "decode/chunk.h"
#include "source/record_source.h"
#include "store/object_store.h"

namespace daypart::source {

struct FilePosition;

/// By its ending, one of a compressed file's behind it or not. A folder's other files are JSON
/// lines.
bool is_csv_name(std::string_view name);

struct DirectoryOptions {
  /// Location of the folder, without trailing '/'.
  std::string folder;
  /// What it is called in positions and messages.
  std::string name;
  int64_t settle_ms = 2'000;
};

class DirectoryRecordSource final : public RecordSource {
 public:
  /// store and clock must outlive the source.
  DirectoryRecordSource(store::ObjectStore& store, Clock& clock, DirectoryOptions options);
  ~DirectoryRecordSource() override;

  std::string name() const override { return options_.name; }
  bool has_lines() const override { return true; }
  /// The files that are there now, sorted by name, without those whose names say that they are not
  /// for readers (hidden, .tmp, .part, …), .parquet files, and those with an ending that text
  /// of this kind does not have, which is logged once an ending; binaries are left out once their
  /// first bytes tell.
  Result<std::vector<Shard>> ListShards() override;
  Result<std::string> PositionOf(const std::string& shard_id, StartPosition start) override;
  /// errors: kUnsupported, use ReadLines.
  Result<RecordRun> Read(const std::string& shard_id, const std::string& position,
                         const ReadLimits& limits) override;
  Result<std::optional<LineRun>> ReadLines(const std::string& shard_id,
                                           const std::string& position,
                                           const ReadLimits& limits) override;
  bool has_unsettled() override;
  int ComparePositions(std::string_view left, std::string_view right) const override;

 private:
  struct File;
  void TellUnknown(const std::string& id);
  Result<File*> FileOf(const std::string& shard_id);
  /// Whether there may be bytes that no ReadLines has given yet.
  bool has_settled(const File& file) const;
  /// from: set to the start if the file's content is another one than it was of. Leaves the file
  /// without a chunker if too little of it is there to tell how it is written.
  Status Open(File& file, FilePosition& from, const ReadLimits& limits);
  Result<std::string> HeadIdentity(const File& file, uint64_t bytes) const;
  Result<std::optional<LineRun>> Refuse(File& file, Error error);
  Result<std::optional<LineRun>> NextRun(File& file, const std::string& identity, uint64_t offset);

  store::ObjectStore& store_;
  Clock& clock_;
  const DirectoryOptions options_;
  std::mutex mutex_;  // guards the rest; held over reads, since one consumer reads at a time
  std::map<std::string, std::unique_ptr<File>> files_;
  std::set<std::string, std::less<>> unknown_endings_;
};

}  // namespace daypart::source
