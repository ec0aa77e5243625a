// SPDX-License-Identifier: Apache-2.0
//
// Lengths, texts and checksums one after the other.
#include "serve/event_stream.h"

#include <zlib.h>

#include <cstdint>

namespace daypart::serve {
namespace {

constexpr char kTextType = 7;

void AppendNumber(uint64_t number, int bytes, std::string& into) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    into += static_cast<char>((number >> shift) & 0xFF);
  }
}

void AppendCrc(std::string& into) {
  AppendNumber(::crc32_z(0, reinterpret_cast<const unsigned char*>(into.data()), into.size()), 4,
               into);
}

}  // namespace

std::string EncodeEventMessage(const EventHeaders& headers, std::string_view payload) {
  constexpr size_t kFramingBytes = 16;
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

}  // namespace daypart::serve
