// SPDX-License-Identifier: Apache-2.0
//
// The event stream encoding: the test vectors that the AWS SDKs share, bytes cut anywhere, and
// bytes that are wrong.
#include "aws/event_stream.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace daypart::aws {
namespace {

using testing::HasSubstr;

std::string BytesOf(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

const std::string kWithoutHeaders =
    "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936";
const std::string kWithHeader =
    "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
    "7b27666f6f273a27626172277d8d9c08b1";

TEST(EventStream, WritesTheSharedVectors) {
  EXPECT_EQ(EncodeEventMessage({}, "{'foo':'bar'}"), BytesOf(kWithoutHeaders));
  EXPECT_EQ(EncodeEventMessage({{"content-type", "application/json"}}, "{'foo':'bar'}"),
            BytesOf(kWithHeader));
  EXPECT_EQ(EncodeEventMessage({}, ""), BytesOf("000000100000000005c248eb7d98c8ff"));
}

TEST(EventStream, ReadsTheSharedVectors) {
  EventStreamDecoder decoder;
  decoder.Add(BytesOf(kWithoutHeaders) + BytesOf(kWithHeader));
  EXPECT_EQ(decoder.Next().value()->payload, "{'foo':'bar'}");
  const EventMessage second = *decoder.Next().value();
  EXPECT_EQ(second.payload, "{'foo':'bar'}");
  EXPECT_EQ(second.Header("content-type"), "application/json");
  EXPECT_EQ(second.Header("none"), "");
  EXPECT_FALSE(decoder.Next().value());
  EXPECT_EQ(decoder.pending_bytes(), 0U);
}

TEST(EventStream, IsReadWhereverItIsCut) {
  std::string bytes;
  for (int i = 0; i < 5; ++i) {
    bytes += EncodeEventMessage({{":event-type", std::to_string(i)}}, std::string(10, 'x'));
  }
  for (size_t part_bytes = 1; part_bytes <= bytes.size(); ++part_bytes) {
    EventStreamDecoder decoder;
    std::string seen;
    for (size_t at = 0; at < bytes.size(); at += part_bytes) {
      decoder.Add(std::string_view(bytes).substr(at, part_bytes));
      while (const auto message = decoder.Next().value()) seen += message->Header(":event-type");
    }
    EXPECT_EQ(seen, "01234") << part_bytes;
    EXPECT_EQ(decoder.pending_bytes(), 0U);
  }
}

TEST(EventStream, RefusesEachBitThatIsWrong) {
  const std::string good = EncodeEventMessage({{":event-type", "e"}}, "payload");
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EventStreamDecoder decoder;
    decoder.Add(bad);
    const auto read = decoder.Next();
    ASSERT_FALSE(read) << "bit " << bit;
    EXPECT_EQ(read.error().code, ErrorCode::kCorruptData);
  }
}

/// CRC-32 bit by bit, by another program than the one that is tested.
uint32_t CrcOfBytes(std::string_view bytes) {
  uint32_t value = ~0U;
  for (const char byte : bytes) {
    value ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~value;
}

/// A message of these headers' bytes, with checksums that are right.
std::string MessageOf(const std::string& headers) {
  // The codec's own writer knows texts only; the payload's place is given to the headers.
  std::string message = EncodeEventMessage({}, headers);
  const auto put = [&](size_t at, uint32_t number) {
    for (size_t i = 0; i < 4; ++i) message[at + i] = static_cast<char>(number >> (24 - 8 * i));
  };
  const auto crc = [&](size_t bytes) { return CrcOfBytes(message.substr(0, bytes)); };
  put(4, static_cast<uint32_t>(headers.size()));
  put(8, crc(8));
  put(message.size() - 4, crc(message.size() - 4));
  return message;
}

TEST(EventStream, PassesOverHeadersThatAreNoTexts) {
  using namespace std::string_literals;
  const std::string headers = "\1a\0"s + "\1b\2x"s + "\1c\4abcd"s + "\1d\6\0\2xy"s +
                              "\1e\7\0\3yes"s + "\1f\x08" + "12345678" + "\1g\x09" +
                              "1234567812345678";
  EventStreamDecoder decoder;
  decoder.Add(MessageOf(headers));
  const auto message = decoder.Next();
  ASSERT_TRUE(message) << message.error().message;
  ASSERT_EQ((*message)->headers.size(), 1U);
  EXPECT_EQ((*message)->Header("e"), "yes");
  for (const std::string& torn : {"\1"s, "\5ab"s, "\1a\4abc"s, "\1a\7\0"s, "\1a\7\0\5abc"s,
                                  "\1a\x0a"s}) {
    EventStreamDecoder other;
    other.Add(MessageOf(torn));
    EXPECT_FALSE(other.Next());
  }
}

TEST(EventStream, RefusesLengthsBeyondTheLimits) {
  // 2 GiB, 32 MiB, and headers that are longer than the message; their checksums are right.
  for (const char* lengths : {"8000000000000000", "0200000000000000", "0000001000000010"}) {
    std::string bytes = BytesOf(lengths);
    const uint32_t crc = CrcOfBytes(bytes);
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc >> shift);
    EventStreamDecoder decoder;
    decoder.Add(bytes);
    const auto read = decoder.Next();
    ASSERT_FALSE(read) << lengths;
    EXPECT_THAT(read.error().message, HasSubstr("is expected, found"));
  }
}

}  // namespace
}  // namespace daypart::aws
