// SPDX-License-Identifier: Apache-2.0
//
// The frame around the bitmap.
#include "iceberg/deletion_vector.h"

#include <zlib.h>

namespace daypart::iceberg {
namespace {

constexpr std::string_view kVectorMagic = "\xD1\xD3\x39\x64";
constexpr size_t kNumberBytes = 4;

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

uint32_t FromBigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes.substr(0, kNumberBytes)) {
    value = value << 8 | static_cast<unsigned char>(c);
  }
  return value;
}

uint32_t Checksum(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::string EncodeDeletionVector(const PositionSet& positions) {
  const std::string body = std::string(kVectorMagic) + positions.Serialize();
  return BigEndian(static_cast<uint32_t>(body.size())) + body + BigEndian(Checksum(body));
}

Result<PositionSet> DecodeDeletionVector(std::string_view blob) {
  if (blob.size() < 2 * kNumberBytes + kVectorMagic.size()) {
    return CorruptData("a deletion vector of 12 bytes or more is expected, found " +
                       std::to_string(blob.size()));
  }
  const std::string_view body = blob.substr(kNumberBytes, blob.size() - 2 * kNumberBytes);
  if (FromBigEndian(blob) != body.size()) {
    return CorruptData("a deletion vector of " + std::to_string(body.size()) +
                       " bytes is expected by its place, its own length says " +
                       std::to_string(FromBigEndian(blob)));
  }
  if (!body.starts_with(kVectorMagic)) {
    return CorruptData("a deletion vector begins with the bytes D1 D3 39 64, this blob does not");
  }
  if (Checksum(body) != FromBigEndian(blob.substr(blob.size() - kNumberBytes))) {
    return CorruptData("the checksum of a deletion vector does not match its bytes");
  }
  return PositionSet::Deserialize(body.substr(kVectorMagic.size()));
}

}  // namespace daypart::iceberg
