// SPDX-License-Identifier: Apache-2.0
//
// Encodings of the Kinesis API, and what needs a clock of its own: expired iterators.
#include "serve/kinesis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/digest.h"
#include "aws/sigv4.h"
#include "serve/cbor.h"
#include "serve/put_records.h"
#include "serve/shard_iterator.h"
#include "store/temp_folder_for_test.h"
#include "streamlog/disk.h"

namespace daypart::serve {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

TEST(Cbor, ReadsTheExamplesOfTheRfc) {
  // RFC 8949, appendix A.
  const std::pair<const char*, json> examples[] = {
      {"00", 0},
      {"1bffffffffffffffff", UINT64_MAX},
      {"3903e7", -1000},
      {"f93c00", 1.0},
      {"f97bff", 65504.0},
      {"f90001", 5.960464477539063e-8},
      {"fa47c35000", 100000.0},
      {"fb3ff199999999999a", 1.1},
      {"f4", false},
      {"f6", nullptr},
      {"c11a514b67b0", 1363896240},
      {"62c3bc", "\u00fc"},
      {"8301820203820405", {1, {2, 3}, {4, 5}}},
      {"a26161016162820203", {{"a", 1}, {"b", {2, 3}}}},
      {"7f657374726561646d696e67ff", "streaming"},
      {"9f018202039f0405ffff", {1, {2, 3}, {4, 5}}},
      {"bf61610161629f0203ffff", {{"a", 1}, {"b", {2, 3}}}},
      {"4401020304", json::binary({1, 2, 3, 4})},
      {"5f42010243030405ff", json::binary({1, 2, 3, 4, 5})}};
  for (const auto& [hex, expected] : examples) {
    const auto decoded = DecodeCbor(FromHex(hex));
    ASSERT_TRUE(decoded) << hex << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, expected) << hex;
  }
}

TEST(Cbor, RefusesWhatIsNone) {
  for (const char* hex : {"", "18", "62c3", "61ff", "9f01", "a10102", "ff", "1c", "5f6161ff",
                          "0000", "3bffffffffffffffff", "f8ff"}) {
    EXPECT_FALSE(DecodeCbor(FromHex(hex))) << hex;
  }
  EXPECT_FALSE(DecodeCbor(std::string(1'000'000, '\x81')));
  EXPECT_FALSE(DecodeCbor(std::string(1'000'000, '\xc1')));
}

TEST(ShardIterator, ComesBackFromItsText) {
  const ShardIterator iterator{.stream = "a.b-c_1",
                               .stream_id = {1, 2, 255},
                               .shard = streamlog::ShardNumber(7),
                               .next = streamlog::RecordIndex(1ULL << 40),
                               .created = UtcMicros(1'764'000'000'000'000)};
  const std::string text = ToText(iterator);
  const auto parsed = ParseShardIterator(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, iterator);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ParseShardIterator(changed)) << i;
    EXPECT_FALSE(ParseShardIterator(text.substr(0, i))) << i;
  }
}

TEST(PutRecords, ParsesMembersInAnyOrderAndPassesOverOthers) {
  PutBatch batch;
  std::string stream;
  const Status parsed = ParsePutRecords(
      R"({"x": {"Records": [1]}, "Records": [{"PartitionKey": "kü", "y": [{}], "Data": "Zm8="},)"
      R"({"Data": "", "PartitionKey": "\u0041", "ExplicitHashKey": "5"}], "StreamARN": )"
      R"("arn:aws:kinesis:us-east-1:000000000000:stream/s"})",
      stream, batch);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(stream, "s");
  ASSERT_FALSE(batch.Check(true));
  ASSERT_EQ(batch.records().size(), 2U);
  EXPECT_EQ(batch.records()[0].data, "fo");
  EXPECT_EQ(batch.records()[0].partition_key, "kü");
  EXPECT_FALSE(batch.records()[0].explicit_hash_key);
  EXPECT_EQ(batch.records()[1].data, "");
  EXPECT_EQ(batch.records()[1].partition_key, "A");
  EXPECT_EQ(batch.records()[1].explicit_hash_key->value, 5U);
}

/// Keeps an answer.
class KeptAnswer final : public http::ResponseWriter {
 public:
  void Send(const http::ResponseHead& head, std::string_view body) override {
    status = head.status;
    text = body;
  }
  bool Begin(const http::ResponseHead&) override { return true; }
  bool Write(std::string_view) override { return true; }
  bool End() override { return true; }
  bool is_open() const override { return true; }
  int status = 0;
  std::string text;
};

class KinesisTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_ = streamlog::OpenPosixDisk(/*sync=*/false);
    auto log = streamlog::StreamLog::Open({.folder = folder_.Path("streams"),
                                           .disk = disk_.get(),
                                           .clock = &clock_,
                                           .random = &random_});
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
    api_ = std::make_unique<Kinesis>(*log_, clock_, KinesisOptions{.key = {"id", "secret"}});
  }

  /// A signed request.
  KeptAnswer Ask(const std::string& action, const json& input) {
    http::ServerRequest request{.method = "POST", .target = "/", .body = input.dump()};
    request.headers = {{"Host", "localhost"},
                       {"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Date", aws::AmzDate(clock_.Now())},
                       {"X-Amz-Target", "Kinesis_20131202." + action}};
    aws::SignableRequest signable{.method = "POST", .payload_hash = aws::Sha256Hex(request.body)};
    for (const auto& header : request.headers) {
      signable.headers.emplace_back(header.name, header.value);
    }
    const std::string authorization =
        aws::Authorization(signable, {.access_key_id = "id",
                                      .secret_access_key = "secret",
                                      .region = "us-east-1",
                                      .service = "kinesis",
                                      .time = clock_.Now()});
    request.headers.push_back({"Authorization", authorization});
    KeptAnswer answer;
    api_->Handle(request, answer);
    return answer;
  }

  store::TempFolder folder_;
  FakeClock clock_{UtcMicros(1'764'000'000'000'000)};
  Random random_{1};
  std::unique_ptr<streamlog::Disk> disk_;
  std::unique_ptr<streamlog::StreamLog> log_;
  std::unique_ptr<Kinesis> api_;
};

TEST_F(KinesisTest, IteratorsExpireAfterFiveMinutes) {
  ASSERT_EQ(Ask("CreateStream", {{"StreamName", "s"}, {"ShardCount", 1}}).status, 200);
  const KeptAnswer made = Ask("GetShardIterator", {{"StreamName", "s"},
                                                   {"ShardId", "shardId-000000000000"},
                                                   {"ShardIteratorType", "TRIM_HORIZON"}});
  ASSERT_EQ(made.status, 200) << made.text;
  const json iterator = json::parse(made.text)["ShardIterator"];
  clock_.Advance(std::chrono::seconds(300));
  const KeptAnswer read = Ask("GetRecords", {{"ShardIterator", iterator}});
  EXPECT_EQ(read.status, 200) << read.text;
  clock_.Advance(std::chrono::milliseconds(1));
  const KeptAnswer late = Ask("GetRecords", {{"ShardIterator", iterator}});
  EXPECT_EQ(late.status, 400);
  EXPECT_EQ(json::parse(late.text)["__type"], "ExpiredIteratorException");
  // The next one, from the read within time, is still good.
  const json next = json::parse(read.text)["NextShardIterator"];
  EXPECT_EQ(Ask("GetRecords", {{"ShardIterator", next}}).status, 200);
}

TEST_F(KinesisTest, AnIteratorOfADeletedStreamIsNotOfTheNewOne) {
  ASSERT_EQ(Ask("CreateStream", {{"StreamName", "s"}, {"ShardCount", 1}}).status, 200);
  const json iterator = json::parse(Ask("GetShardIterator", {{"StreamName", "s"},
                                                             {"ShardId", "shardId-000000000000"},
                                                             {"ShardIteratorType", "LATEST"}})
                                        .text)["ShardIterator"];
  ASSERT_EQ(Ask("DeleteStream", {{"StreamName", "s"}}).status, 200);
  ASSERT_EQ(Ask("CreateStream", {{"StreamName", "s"}, {"ShardCount", 1}}).status, 200);
  EXPECT_THAT(Ask("GetRecords", {{"ShardIterator", iterator}}).text,
              HasSubstr("ResourceNotFoundException"));
}

TEST_F(KinesisTest, UnknownActionsAndTypesAreTold) {
  EXPECT_THAT(Ask("StartStreamEncryption", json::object()).text,
              HasSubstr("UnknownOperationException"));
  EXPECT_THAT(Ask("CreateStream", {{"StreamName", 5}}).text, HasSubstr("SerializationException"));
  EXPECT_THAT(Ask("CreateStream", {{"StreamName", "s"}}).text, HasSubstr("InvalidArgument"));
}

}  // namespace
}  // namespace daypart::serve
