// SPDX-License-Identifier: Apache-2.0
//
// Aggregated records as the Kinesis Producer Library makes them, for tests of what reads them.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace daypart::source {

/// The message between the first bytes and its digest.
inline std::string SealAggregate(const std::string& message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(message.data(), message.size(), digest.data(), &size, EVP_md5(), nullptr);
  return "\xF3\x89\x9A\xC2" + message +
         std::string(reinterpret_cast<const char*>(digest.data()), size);
}

inline std::string Varint(size_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(0x80 | (value & 0x7F));
  return bytes + static_cast<char>(value);
}

inline std::string LengthDelimited(int field, const std::string& bytes) {
  return std::string(1, static_cast<char>(field << 3 | 2)) + Varint(bytes.size()) + bytes;
}

/// records: partition key and data of each.
inline std::string AggregateOf(const std::vector<std::pair<std::string, std::string>>& records) {
  std::vector<std::string> keys;
  std::string packed;
  for (const auto& [key, data] : records) {
    const auto known = std::find(keys.begin(), keys.end(), key);
    const auto index = static_cast<size_t>(known - keys.begin());
    if (known == keys.end()) keys.push_back(key);
    packed += LengthDelimited(3, '\x08' + Varint(index) + LengthDelimited(3, data));
  }
  std::string table;
  for (const std::string& key : keys) table += LengthDelimited(1, key);
  return SealAggregate(table + packed);
}

}  // namespace daypart::source
