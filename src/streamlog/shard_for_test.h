// SPDX-License-Identifier: Apache-2.0
//
// One shard in a temporary folder, for tests: append and wait, read all, open again.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "store/temp_folder_for_test.h"
#include "streamlog/fault_disk_for_test.h"
#include "streamlog/shard_reader.h"
#include "streamlog/shard_writer.h"

namespace daypart::streamlog {

class ShardForTest {
 public:
  ShardWriterOptions Options() {
    ShardWriterOptions options;
    options.disk = &disk;
    options.clock = &clock;
    options.folder = folder.Path("shard");
    options.stream_id = {1, 2, 3};
    options.segment_bytes_max = segment_bytes_max;
    options.pending_bytes_max = pending_bytes_max;
    return options;
  }
  void Create() {
    auto made = ShardWriter::Create(Options());
    ASSERT_TRUE(made) << made.error().message;
    writer = std::move(*made);
  }
  Status Recover() {
    writer = nullptr;
    DAYPART_TRY(writer, ShardWriter::Recover(Options()));
    return Ok();
  }
  /// Appends one record and commits it: Ok once it is acknowledged.
  Status Put(const std::string& data, const std::string& key = "key") {
    Status outcome = Unavailable("not called back");
    const RecordBytes record{data, key};
    DAYPART_TRY(const auto appended,
                writer->Append({&record, 1}, [&](const Status& status) { outcome = status; }));
    (void)appended;  // the test is the committer
    while (writer->Commit()) {
    }
    return outcome;
  }
  /// The data of all durable records, through a reader of its own.
  Result<std::vector<std::string>> ReadAll(int64_t records_max = 1000) {
    DAYPART_TRY(const auto reader, ShardReader::Open(folder.Path("shard")));
    std::vector<std::string> all;
    DAYPART_TRY(RecordIndex at, reader->Oldest());
    while (at < reader->end()) {
      DAYPART_TRY(const auto page, reader->Read(at, records_max, 1 << 20));
      if (page.records.empty()) return CorruptData("a read below the end gave no record");
      for (const auto& record : page.records) all.emplace_back(record.bytes.data);
      at = page.next_index;
    }
    return all;
  }

  uint64_t segment_bytes_max = uint64_t{64} << 20;
  size_t pending_bytes_max = size_t{32} << 20;
  store::TempFolder folder;
  FaultDisk disk;
  FakeClock clock{UtcMicros(1'732'478'000'000'000)};
  std::unique_ptr<ShardWriter> writer;
};

}  // namespace daypart::streamlog
