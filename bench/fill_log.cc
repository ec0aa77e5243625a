// SPDX-License-Identifier: Apache-2.0
//
// Fills a stream's log with events of about 300 bytes, for bench/restart.py: as producers would, by
// the log's own Append, but without waiting for the disk. It ends by dying, not by closing, so that
// what opens the log next has a last segment to walk over.
//
//   fill_log STREAMS_FOLDER STREAM SHARDS BYTES
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "streamlog/stream_log.h"

namespace {

using daypart::Result;
using daypart::Status;
using daypart::streamlog::ProducerRecord;
using daypart::streamlog::StreamLog;

constexpr size_t kBatchRecords = 20'000;

std::string Event(uint64_t number) {
  return fmt::format(
      R"({{"event_id":"{:032x}","session_id":"s{:012}","viewer_id":{},"channel_id":{},)"
      R"("content_id":{},"content_type":"series","region":"EU-West","device_type":"smart_tv",)"
      R"("event_type":"heartbeat","event_time":"2026-11-24T20:15:30.123456Z",)"
      R"("watch_seconds":{},"bitrate_kbps":4500,"buffering_ms":{}}})",
      number, number % 99'991, number % 200'003, number % 97, number % 5003, number % 600,
      number % 40);
}

Status Fill(const std::string& folder, const std::string& stream, size_t shards, uint64_t bytes) {
  daypart::SystemClock clock;
  daypart::Random random(1);
  const auto disk = daypart::streamlog::OpenPosixDisk(false);
  std::filesystem::create_directories(folder);
  DAYPART_TRY(const auto log, StreamLog::Open({.folder = folder,
                                               .disk = disk.get(),
                                               .clock = &clock,
                                               .random = &random,
                                               .is_synced = false}));
  DAYPART_RETURN_IF_ERROR(log->CreateStream(stream, shards));
  uint64_t written = 0;
  uint64_t number = 0;
  std::vector<std::string> events(kBatchRecords);
  std::vector<std::string> keys(kBatchRecords);
  std::vector<ProducerRecord> records(kBatchRecords);
  while (written < bytes) {
    for (size_t i = 0; i < kBatchRecords; ++i, ++number) {
      events[i] = Event(number);
      keys[i] = std::to_string(number);
      records[i] = {.data = events[i], .partition_key = keys[i], .explicit_hash_key = {}};
      written += events[i].size();
    }
    DAYPART_TRY(const auto outcomes, log->AppendAndWait(stream, records));
    for (const auto& outcome : outcomes) {
      if (outcome.error != nullptr) return *outcome.error;
    }
  }
  std::printf("%llu records\n", static_cast<unsigned long long>(number));
  std::fflush(stdout);
  ::_exit(0);  // As a kill would.
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: fill_log STREAMS_FOLDER STREAM SHARDS BYTES\n");
    return 2;
  }
  const Status filled = Fill(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10),
                             std::strtoull(argv[4], nullptr, 10));
  if (!filled) std::fprintf(stderr, "fill_log: %s\n", filled.error().message.c_str());
  return 1;
}
