// SPDX-License-Identifier: Apache-2.0
//
// Aggregates as the published format has them, whole and damaged.
#include "source/kinesis_aggregate.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "source/kinesis_aggregate_for_test.h"

namespace daypart::source {
namespace {

TEST(UnpackAggregate, TheExampleOfTheHeaderByBytes) {
  // MD5 by: printf '\x0a\x01a\x1a\x07\x08\x00\x1a\x03one' | md5sum
  const std::string bytes = "\xF3\x89\x9A\xC2" +
                            std::string("\x0A\x01\x61\x1A\x07\x08\x00\x1A\x03", 9) +
                            "one" +
                            "\xFB""\xE2""\x94""\x98""\x33""\x4D""\x40""\xA7"
                            "\x52""\x9C""\xE5""\x07""\xA5""\x95""\x7C""\xAB";
  const auto records = UnpackAggregate(bytes);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->front().data, "one");
  EXPECT_EQ(records->front().partition_key, "a");
}

TEST(UnpackAggregate, KeepsOrderKeysAndEmptyData) {
  const std::string bytes = AggregateOf({{"k1", "one"}, {"k2", ""}, {"k1", std::string(300, 'x')}});
  const auto records = UnpackAggregate(bytes);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 3U);
  EXPECT_EQ((*records)[1].partition_key, "k2");
  EXPECT_EQ((*records)[1].data, "");
  EXPECT_EQ((*records)[2].partition_key, "k1");
  EXPECT_EQ((*records)[2].data, std::string(300, 'x'));
  EXPECT_EQ(UnpackAggregate(AggregateOf({}))->size(), 0U);
}

TEST(UnpackAggregate, WhatIsNotOneIsLeftAsItIs) {
  EXPECT_FALSE(UnpackAggregate(""));
  EXPECT_FALSE(UnpackAggregate("{\"event_id\": 1}"));
  EXPECT_FALSE(UnpackAggregate("\xF3\x89\x9A\xC2"));
  std::string wrong_digest = AggregateOf({{"k", "one"}});
  wrong_digest.back() = static_cast<char>(wrong_digest.back() ^ 1);
  EXPECT_FALSE(UnpackAggregate(wrong_digest));
  // A key that the table has not, with a right digest.
  EXPECT_FALSE(UnpackAggregate(SealAggregate(std::string("\x1A\x07\x08\x05\x1A\x03one", 9))));
  // A length beyond the end, a group, an endless number.
  EXPECT_FALSE(UnpackAggregate(SealAggregate("\x1A\x7Fone")));
  EXPECT_FALSE(UnpackAggregate(SealAggregate("\x1B")));
  EXPECT_FALSE(UnpackAggregate(SealAggregate(std::string(12, '\xFF'))));
}

TEST(UnpackAggregate, SurvivesAnyBytesUnderARightDigest) {
  std::mt19937_64 chance(11);
  const std::string sealed = AggregateOf({{"k1", "one"}, {"k2", "two"}, {"k3", "three"}});
  const std::string message = sealed.substr(4, sealed.size() - 20);
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = message.substr(0, chance() % (message.size() + 1));
    for (int k = 0; k < 3 && !changed.empty(); ++k) {
      changed[chance() % changed.size()] = static_cast<char>(chance());
    }
    const std::string bytes = SealAggregate(changed);
    const auto records = UnpackAggregate(bytes);
    if (!records) continue;
    for (const PackedRecord& record : *records) {
      if (record.data.empty()) continue;
      EXPECT_GE(record.data.data(), bytes.data());
      EXPECT_LE(record.data.data() + record.data.size(), bytes.data() + bytes.size() - 16);
    }
  }
}

}  // namespace
}  // namespace daypart::source
