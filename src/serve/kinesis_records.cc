// SPDX-License-Identifier: Apache-2.0
//
// Actions that read records, and the documents of those that write them. PutRecords of JSON is in
// kinesis_put.cc.
#include <algorithm>
#include <limits>

#include "aws/digest.h"
#include "serve/kinesis.h"
#include "serve/limits.h"
#include "serve/put_records.h"
#include "serve/shard_iterator.h"

namespace daypart::serve {
namespace {

using nlohmann::json;
using streamlog::RecordIndex;
using streamlog::RecordPage;
using streamlog::ShardReader;
using streamlog::ShardState;

/// A blob: base64 text in JSON, a byte string in CBOR. False if it is neither.
bool AppendBlob(const json& value, bool is_cbor, std::string& into) {
  if (!is_cbor) return aws::AppendBase64Decoded(value.get_ref<const std::string&>(), into);
  const auto& bytes = value.get_binary();
  into.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return true;
}

json BlobJson(std::string_view bytes, bool is_cbor) {
  if (!is_cbor) return aws::Base64(bytes);
  return json::binary(std::vector<uint8_t>(bytes.begin(), bytes.end()));
}

/// Adds a record as PutRecord and the entries of PutRecords have it.
Status AddRecord(const json& entry, bool is_cbor, PutBatch& batch) {
  std::string_view explicit_key;
  if (entry.contains("ExplicitHashKey")) {
    explicit_key = entry["ExplicitHashKey"].get_ref<const std::string&>();
  }
  bool is_blob = false;
  batch.AddData([&](std::string& into) {
    is_blob = AppendBlob(entry.at("Data"), is_cbor, into);
    return is_blob;
  });
  if (!is_blob) return InvalidArgument("Data: base64 is expected");
  return batch.AddKeys(entry.at("PartitionKey").get_ref<const std::string&>(), explicit_key);
}

}  // namespace

Reply Kinesis::PutRecord(const Call& call) {
  PutBatch batch;
  const Status added = AddRecord(call.input, call.is_cbor, batch);
  if (!added) return ServiceError{"SerializationException", added.error().message};
  if (auto error = batch.Check(/*is_list=*/false)) return *std::move(error);
  const std::string name = StreamNameOf(call.input);
  DAYPART_TRY(const auto outcomes, log_.AppendAndWait(name, batch.records()));
  if (const auto& error = outcomes.front().error) {
    if (error->code == ErrorCode::kUnavailable) return *error;
    return ServiceError{"InternalFailureException", error->message, 500};
  }
  return json{{"ShardId", streamlog::ShardId(outcomes.front().sequence.shard)},
              {"SequenceNumber", ToDecimal(outcomes.front().sequence)},
              {"EncryptionType", "NONE"}};
}

Reply Kinesis::PutRecords(const Call& call) {
  PutBatch batch;
  for (const json& entry : call.input.at("Records")) {
    const Status added = AddRecord(entry, call.is_cbor, batch);
    if (!added) return ServiceError{"SerializationException", added.error().message};
  }
  if (auto error = batch.Check(/*is_list=*/true)) return *std::move(error);
  DAYPART_TRY(const auto outcomes,
              log_.AppendAndWait(StreamNameOf(call.input), batch.records()));
  json records = json::array();
  int64_t failed = 0;
  for (const auto& outcome : outcomes) {
    if (outcome.error) {
      ++failed;
      records.push_back({{"ErrorCode", std::string(RecordErrorCode(*outcome.error))},
                         {"ErrorMessage", outcome.error->message}});
    } else {
      records.push_back({{"ShardId", streamlog::ShardId(outcome.sequence.shard)},
                         {"SequenceNumber", ToDecimal(outcome.sequence)}});
    }
  }
  return json{{"FailedRecordCount", failed},
              {"Records", std::move(records)},
              {"EncryptionType", "NONE"}};
}

Result<RecordIndex> FindPosition(const PositionRequest& wanted, const ShardState& shard,
                                 ShardReader& reader, UtcMicros now) {
  if (wanted.type == "TRIM_HORIZON") return reader.Oldest();
  if (wanted.type == "LATEST") return reader.end();
  if (wanted.type == "AT_TIMESTAMP") {
    if (wanted.time > now) {
      return InvalidArgument("The timestampInMillis parameter cannot be greater than the "
                             "currentTimestampInMillis.");
    }
    return reader.FirstSince(wanted.time);
  }
  const bool is_after = wanted.type == "AFTER_SEQUENCE_NUMBER";
  if (!is_after && wanted.type != "AT_SEQUENCE_NUMBER") {
    return InvalidArgument("AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER, TRIM_HORIZON, LATEST or "
                           "AT_TIMESTAMP is expected, found '" + wanted.type + "'");
  }
  const auto number = streamlog::ParseSequenceNumber(wanted.sequence_number);
  if (!number || number->shard != shard.number || number->shard_epoch_s != shard.epoch_s ||
      number->index > reader.end()) {
    return InvalidArgument("StartingSequenceNumber " + wanted.sequence_number.substr(0, 129) +
                           " used on shard " + streamlog::ShardId(shard.number) +
                           " is invalid because it did not come from this shard.");
  }
  // The shard's own number, before its first record, has index 0.
  if (number->index.value() == 0) return streamlog::kFirstIndex;
  return is_after ? std::min(RecordIndex(number->index.value() + 1), reader.end()) : number->index;
}

Result<RecordPage> ReadKept(ShardReader& reader, RecordIndex from, int64_t records_max,
                            int64_t bytes_max) {
  auto page = reader.Read(from, records_max, bytes_max);
  if (page || page.error().code != ErrorCode::kResourceExhausted) return page;
  DAYPART_TRY(const RecordIndex oldest, reader.Oldest());
  return reader.Read(std::max(oldest, from), records_max, bytes_max);
}

nlohmann::json RecordsJson(const RecordPage& page, const ShardState& shard, bool is_cbor) {
  json records = json::array();
  for (const auto& record : page.records) {
    records.push_back({{"SequenceNumber", ToDecimal(shard.SequenceAt(record.index))},
                       {"ApproximateArrivalTimestamp", TimeJson(record.arrival, is_cbor)},
                       {"Data", BlobJson(record.bytes.data, is_cbor)},
                       {"PartitionKey", std::string(record.bytes.partition_key)},
                       {"EncryptionType", "NONE"}});
  }
  return records;
}

Reply Kinesis::GetShardIterator(const Call& call) {
  const std::string name = StreamNameOf(call.input);
  DAYPART_TRY(const auto state, log_.Describe(name));
  DAYPART_TRY(const auto reader, log_.Reader(name));
  const auto id = call.input.at("ShardId").get<std::string>();
  const auto number = streamlog::ParseShardId(id);
  const ShardState* shard = number ? state.Find(*number) : nullptr;
  if (shard == nullptr) {
    return ServiceError{"ResourceNotFoundException",
                        "Shard " + id.substr(0, 128) + " in stream " + name + " under account " +
                            options_.account + " does not exist"};
  }
  DAYPART_TRY(const auto records, reader->Shard(*number));
  PositionRequest wanted{.type = call.input.at("ShardIteratorType").get<std::string>()};
  wanted.sequence_number = call.input.value("StartingSequenceNumber", "");
  if (wanted.type == "AT_TIMESTAMP") {
    if (!call.input.contains("Timestamp")) {
      return ServiceError{"InvalidArgumentException",
                          "Must either specify timestampInMillis, or use another type."};
    }
    wanted.time = TimeOf(call.input["Timestamp"], call.is_cbor);
  }
  DAYPART_TRY(const RecordIndex next, FindPosition(wanted, *shard, *records, clock_.Now()));
  return json{{"ShardIterator", ToText({.stream = name,
                                        .stream_id = state.id,
                                        .shard = *number,
                                        .next = next,
                                        .created = clock_.Now()})}};
}

Reply Kinesis::GetRecords(const Call& call) {
  DAYPART_TRY(ShardIterator iterator,
              ParseShardIterator(call.input.at("ShardIterator").get<std::string>()));
  const int64_t limit = call.input.value("Limit", kGetRecordsMax);
  if (limit < 1 || limit > kGetRecordsMax) {
    return ValidationError(std::to_string(limit), "limit",
                           "Member must have value between 1 and 10000");
  }
  const UtcMicros now = clock_.Now();
  if (now.value() - iterator.created.value() > kIteratorMillisMax * 1000) {
    return ServiceError{"ExpiredIteratorException",
                        "Iterator expired. It was created " +
                            std::to_string((now.value() - iterator.created.value()) / 1000) +
                            " milliseconds ago, " + std::to_string(kIteratorMillisMax) +
                            " are allowed."};
  }
  DAYPART_TRY(const auto reader, log_.Reader(iterator.stream));
  DAYPART_TRY(const auto state, log_.Describe(iterator.stream));
  const ShardState* shard = state.Find(iterator.shard);
  if (state.id != iterator.stream_id || shard == nullptr) {
    return ServiceError{"ResourceNotFoundException",
                        "the shard of the iterator does not exist any more"};
  }
  DAYPART_TRY(const auto records, reader->Shard(iterator.shard));
  DAYPART_TRY(const RecordPage page, ReadKept(*records, iterator.next, limit, kGetBytesMax));
  json reply = {{"Records", RecordsJson(page, *shard, call.is_cbor)}, {"MillisBehindLatest", 0}};
  if (page.next_index < records->end() && !page.records.empty()) {
    const int64_t behind = (now.value() - page.records.back().arrival.value()) / 1000;
    reply["MillisBehindLatest"] = std::max<int64_t>(behind, 1);
  }
  if (shard->closed_end && page.next_index >= *shard->closed_end) {
    reply["ChildShards"] = ChildShardsJson(state, shard->number);
    return reply;  // without NextShardIterator: the shard has ended
  }
  iterator.next = page.next_index;
  iterator.created = now;
  reply["NextShardIterator"] = ToText(iterator);
  return reply;
}

}  // namespace daypart::serve
