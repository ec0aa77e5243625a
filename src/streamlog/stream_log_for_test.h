// SPDX-License-Identifier: Apache-2.0
//
// A stream log in a temporary folder, for tests, with readers of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "store/temp_folder_for_test.h"
#include "streamlog/fault_disk_for_test.h"
#include "streamlog/stream_log.h"

namespace daypart::streamlog {

class StreamLogForTest {
 public:
  StreamLogForTest() { EXPECT_TRUE(Open()); }

  Status Open() {
    log = nullptr;
    StreamLogOptions options;
    options.folder = folder.Path("streams");
    options.disk = &disk;
    options.clock = &clock;
    options.random = &random;
    options.segment_bytes_max = segment_bytes_max;
    DAYPART_TRY(log, StreamLog::Open(options));
    return Ok();
  }
  /// Appends one record and waits. errors: why it was refused.
  Result<SequenceNumber> Put(const std::string& data, const std::string& key = "key") {
    const ProducerRecord record{data, key, std::nullopt};
    DAYPART_TRY(const auto outcomes, log->AppendAndWait("clicks", {&record, 1}));
    if (outcomes[0].error) return *outcomes[0].error;
    return outcomes[0].sequence;
  }
  std::string StreamFolder() const { return folder.Path("streams/clicks"); }
  /// All durable records of one shard through a reader that knows only the folder.
  std::vector<std::string> ReadAll(ShardNumber shard = ShardNumber(0)) const {
    std::vector<std::string> all;
    auto reader = ShardReader::Open(ShardFolder(StreamFolder(), shard));
    EXPECT_TRUE(reader);
    for (RecordIndex at = (*reader)->Oldest().value(); at < (*reader)->end();) {
      auto page = (*reader)->Read(at, 7, 1 << 20);
      if (!page || page->records.empty()) {
        ADD_FAILURE() << "no record at " << at.value()
                      << (page ? std::string() : page.error().message);
        break;
      }
      for (const auto& record : page->records) all.emplace_back(record.bytes.data);
      at = page->next_index;
    }
    return all;
  }

  uint64_t segment_bytes_max = uint64_t{64} << 20;
  store::TempFolder folder;
  FaultDisk disk;
  FakeClock clock{UtcMicros(1'732'478'000'000'000)};
  Random random{7};
  std::unique_ptr<StreamLog> log;
};

}  // namespace daypart::streamlog
