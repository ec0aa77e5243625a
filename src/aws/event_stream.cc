// SPDX-License-Identifier: Apache-2.0
//
// Lengths, texts and checksums one after the other.
#include "aws/event_stream.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace daypart::aws {
namespace {

constexpr char kTextType = 7;
constexpr char kBytesType = 6;
/// Lengths and their checksum.
constexpr size_t kPreludeBytes = 12;
constexpr size_t kFramingBytes = kPreludeBytes + 4;

void AppendNumber(uint64_t number, int bytes, std::string& into) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    into += static_cast<char>((number >> shift) & 0xFF);
  }
}

uint32_t NumberAt(std::string_view bytes, size_t at, size_t count = 4) {
  uint32_t number = 0;
  for (size_t i = 0; i < count; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

uint32_t CrcOf(std::string_view bytes) {
  return static_cast<uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

void AppendCrc(std::string& into) { AppendNumber(CrcOf(into), 4, into); }

Status ReadHeaders(std::string_view rest, EventMessage& message) {
  // Bytes of a value by its type: true, false, 1, 2, 4 and 8 bytes, bytes, text, time, UUID.
  constexpr std::array<size_t, 10> kValueBytes = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};
  const auto wrong = [] { return CorruptData("event stream: a header goes beyond the headers"); };
  while (!rest.empty()) {
    const size_t name_bytes = static_cast<unsigned char>(rest[0]);
    if (rest.size() < name_bytes + 2) return wrong();
    const std::string_view name = rest.substr(1, name_bytes);
    const char type = rest[1 + name_bytes];
    rest.remove_prefix(name_bytes + 2);
    if (static_cast<unsigned char>(type) >= kValueBytes.size()) {
      return CorruptData("event stream: a header of an unknown type " + std::to_string(type));
    }
    size_t value_bytes = kValueBytes[static_cast<size_t>(type)];
    if (type == kTextType || type == kBytesType) {
      if (rest.size() < 2) return wrong();
      value_bytes = NumberAt(rest, 0, 2);
      rest.remove_prefix(2);
    }
    if (rest.size() < value_bytes) return wrong();
    if (type == kTextType) message.headers.emplace_back(name, rest.substr(0, value_bytes));
    rest.remove_prefix(value_bytes);
  }
  return Ok();
}

}  // namespace

std::string EncodeEventMessage(const EventHeaders& headers, std::string_view payload) {
  std::string encoded;
  for (const auto& [name, value] : headers) {
    AppendNumber(name.size(), 1, encoded);
    encoded += name;
    encoded += kTextType;
    AppendNumber(value.size(), 2, encoded);
    encoded += value;
  }
  std::string message;
  message.reserve(kFramingBytes + encoded.size() + payload.size());
  AppendNumber(kFramingBytes + encoded.size() + payload.size(), 4, message);
  AppendNumber(encoded.size(), 4, message);
  AppendCrc(message);
  message += encoded;
  message += payload;
  AppendCrc(message);
  return message;
}

std::string_view EventMessage::Header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

void EventStreamDecoder::Add(std::string_view bytes) {
  if (begin_ > 0) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  bytes_ += bytes;
}

Result<std::optional<EventMessage>> EventStreamDecoder::Next() {
  const std::string_view rest = std::string_view(bytes_).substr(begin_);
  if (rest.size() < kPreludeBytes) return std::optional<EventMessage>();
  // Before a length is believed its checksum is looked at.
  if (NumberAt(rest, 8) != CrcOf(rest.substr(0, 8))) {
    return CorruptData("event stream: the checksum of a message's lengths is wrong");
  }
  const size_t message_bytes = NumberAt(rest, 0);
  const size_t headers_bytes = NumberAt(rest, 4);
  if (message_bytes > kEventMessageBytesMax || headers_bytes > kEventHeadersBytesMax ||
      message_bytes < kFramingBytes + headers_bytes) {
    return CorruptData("event stream: a message of at most " +
                       std::to_string(kEventMessageBytesMax) + " bytes is expected, found " +
                       std::to_string(message_bytes) + " with " + std::to_string(headers_bytes) +
                       " of headers");
  }
  if (rest.size() < message_bytes) return std::optional<EventMessage>();
  const size_t end = message_bytes - 4;
  if (NumberAt(rest, end) != CrcOf(rest.substr(0, end))) {
    return CorruptData("event stream: the checksum of a message is wrong");
  }
  EventMessage message;
  DAYPART_RETURN_IF_ERROR(ReadHeaders(rest.substr(kPreludeBytes, headers_bytes), message));
  const size_t payload = kPreludeBytes + headers_bytes;
  message.payload = rest.substr(payload, end - payload);
  begin_ += message_bytes;
  return std::optional(std::move(message));
}

}  // namespace daypart::aws
