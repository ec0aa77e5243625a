// SPDX-License-Identifier: Apache-2.0
//
// A reader of the four fields that are needed; others are passed over by their wire type.
#include "source/kinesis_aggregate.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace daypart::source {
namespace {

constexpr std::string_view kMagic = "\xF3\x89\x9A\xC2";
constexpr size_t kDigestBytes = 16;

/// Fields of a protocol buffer, front to back.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  /// False at the end and for what is no field.
  bool Next() {
    uint64_t tag = 0;
    if (rest_.empty() || !Varint(tag)) return false;
    number_ = tag >> 3U;
    wire_type_ = tag & 7U;
    number_value_ = 0;
    bytes_ = {};
    switch (wire_type_) {
      case 0: return Varint(number_value_);
      case 1: return Take(8);
      case 2: {
        uint64_t size = 0;
        return Varint(size) && Take(size);
      }
      case 5: return Take(4);
      default: return Refuse();
    }
  }
  bool is_broken() const { return is_broken_; }
  bool is(uint64_t number, uint64_t wire_type) const {
    return number_ == number && wire_type_ == wire_type;
  }
  std::string_view bytes() const { return bytes_; }
  uint64_t number_value() const { return number_value_; }

 private:
  bool Refuse() {
    is_broken_ = true;
    return false;
  }
  bool Take(uint64_t size) {
    if (size > rest_.size()) return Refuse();
    bytes_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool Varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return true;
    }
    return Refuse();
  }

  std::string_view rest_;
  std::string_view bytes_;
  uint64_t number_ = 0;
  uint64_t wire_type_ = 0;
  uint64_t number_value_ = 0;
  bool is_broken_ = false;
};

bool has_digest(std::string_view message, std::string_view digest) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> found{};
  unsigned int size = 0;
  const bool is_made = EVP_Digest(message.data(), message.size(), found.data(), &size, EVP_md5(),
                                  nullptr) == 1;
  return is_made && size == kDigestBytes &&
         std::equal(digest.begin(), digest.end(), reinterpret_cast<const char*>(found.data()));
}

bool ReadRecord(std::string_view bytes, const std::vector<std::string_view>& keys,
                std::vector<PackedRecord>& into) {
  Fields fields(bytes);
  PackedRecord record;
  bool has_key = false;
  while (fields.Next()) {
    if (fields.is(1, 0)) {
      has_key = fields.number_value() < keys.size();
      if (!has_key) return false;
      record.partition_key = keys[fields.number_value()];
    } else if (fields.is(3, 2)) {
      record.data = fields.bytes();
    }
  }
  into.push_back(record);
  return !fields.is_broken() && has_key;
}

}  // namespace

std::optional<std::vector<PackedRecord>> UnpackAggregate(std::string_view bytes) {
  if (!bytes.starts_with(kMagic) || bytes.size() < kMagic.size() + kDigestBytes) {
    return std::nullopt;
  }
  const std::string_view message =
      bytes.substr(kMagic.size(), bytes.size() - kMagic.size() - kDigestBytes);
  if (!has_digest(message, bytes.substr(bytes.size() - kDigestBytes))) return std::nullopt;
  // The keys may stand behind the records that name them.
  std::vector<std::string_view> keys;
  std::vector<std::string_view> packed;
  Fields fields(message);
  while (fields.Next()) {
    if (fields.is(1, 2)) keys.push_back(fields.bytes());
    if (fields.is(3, 2)) packed.push_back(fields.bytes());
  }
  if (fields.is_broken()) return std::nullopt;
  std::vector<PackedRecord> records;
  records.reserve(packed.size());
  for (const std::string_view record : packed) {
    if (!ReadRecord(record, keys, records)) return std::nullopt;
  }
  return records;
}

}  // namespace daypart::source
