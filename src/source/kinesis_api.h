// SPDX-License-Identifier: Apache-2.0
//
// The calls of Amazon Kinesis Data Streams that a reader needs, as values. One attempt of
// GetRecords and GetShardIterator each: when to come back is the reader's to decide, because a
// wait here would hold up other shards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/service.h"
#include "base/result.h"
#include "source/kinesis_position.h"
#include "source/record_source.h"

namespace daypart::source {

struct StreamSummary {
  std::string arn;
  std::string status;  // "ACTIVE", "CREATING", …
  int64_t retention_hours = 24;
};

/// A record as it came; data and key lie in the page's bytes.
struct FetchedRecord {
  std::string sequence;
  size_t data_begin = 0;
  size_t data_end = 0;
  size_t key_end = 0;  // the key follows the data
  UtcMicros arrival;
};

struct FetchedPage {
  std::vector<FetchedRecord> records;
  std::string bytes;
  /// Absent: the shard is closed and this was its end.
  std::optional<std::string> next_iterator;
  int64_t behind_ms = 0;
};

/// Why there is no page although nothing is wrong.
enum class NoPage { kIteratorExpired, kThrottled };

struct PageAnswer {
  std::optional<FetchedPage> page;
  NoPage why = NoPage::kThrottled;  // if there is no page
};

/// A call of Kinesis; body must outlive it.
aws::ServiceCall KinesisCall(std::string_view action, const std::string& body);
/// The body of GetRecords' answer. errors: kCorruptData.
Result<FetchedPage> ReadPage(const std::string& body);
/// The payload of a SubscribeToShardEvent; next_iterator is its ContinuationSequenceNumber, which
/// may be empty. errors: kCorruptData.
Result<FetchedPage> ReadEvent(const std::string& payload);
bool is_throttled(const http::Response& response, std::string_view code);
/// The Error of a refused call: the service answers 400 for almost everything.
Error Refusal(const http::Response& response, const std::string& what);

/// Thread-safe.
class KinesisApi {
 public:
  /// stream: a name or an ARN. service must outlive it.
  KinesisApi(aws::Service& service, std::string stream);

  const std::string& stream() const { return stream_; }
  /// errors: kNotFound; those of aws::ToError.
  Result<StreamSummary> Describe();
  /// In the order of their ids: children have higher ones than their parents.
  Result<std::vector<Shard>> ListShards();
  /// is_at: at the position's record rather than behind it. nullopt: throttled.
  /// errors: kNotFound for an unknown shard; kInvalidArgument for a number of another stream.
  Result<std::optional<std::string>> Iterator(const std::string& shard_id,
                                              const KinesisPosition& position, bool is_at);
  /// errors: kUnavailable for passing trouble other than throttling; kNotFound.
  Result<PageAnswer> GetRecords(const std::string& iterator);

 private:
  Result<http::Response> Call(std::string_view action, const std::string& body, bool is_single);
  /// {"StreamName": …} or {"StreamARN": …}, without the closing brace.
  std::string StreamMember() const;

  aws::Service& service_;
  const std::string stream_;
};

}  // namespace daypart::source
