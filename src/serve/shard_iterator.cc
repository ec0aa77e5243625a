// SPDX-License-Identifier: Apache-2.0
//
// Base64 of "1/ID/SHARD/NEXT/CREATED/CHECK/STREAM", numbers in decimal, the check over the rest.
#include "serve/shard_iterator.h"

#include <charconv>
#include <span>

#include "aws/digest.h"

namespace daypart::serve {
namespace {

/// So that a text that was cut or mistyped is not taken for another position.
std::string CheckOf(std::string_view before, std::string_view stream) {
  const std::string all = std::string(before) + std::string(stream);
  return std::to_string(aws::Crc32c(std::as_bytes(std::span(all))));
}

template <typename Number>
bool TakeNumber(std::string_view& rest, Number& number) {
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr == rest.data() + rest.size() || *parsed.ptr != '/') {
    return false;
  }
  rest.remove_prefix(static_cast<size_t>(parsed.ptr - rest.data()) + 1);
  return true;
}

}  // namespace

std::string ToText(const ShardIterator& iterator) {
  const std::string before = "1/" + aws::Hex(iterator.stream_id) + '/' +
                             std::to_string(iterator.shard.value()) + '/' +
                             std::to_string(iterator.next.value()) + '/' +
                             std::to_string(iterator.created.value()) + '/';
  return aws::Base64(before + CheckOf(before, iterator.stream) + '/' + iterator.stream);
}

Result<ShardIterator> ParseShardIterator(std::string_view text) {
  const Error wrong = InvalidArgument("Invalid ShardIterator.");
  std::string plain;
  if (!aws::AppendBase64Decoded(text, plain) || !plain.starts_with("1/")) return wrong;
  std::string_view rest = std::string_view(plain).substr(2);
  ShardIterator iterator;
  for (uint8_t& byte : iterator.stream_id) {
    if (rest.size() < 2) return wrong;
    const auto parsed = std::from_chars(rest.data(), rest.data() + 2, byte, 16);
    if (parsed.ptr != rest.data() + 2) return wrong;
    rest.remove_prefix(2);
  }
  if (!rest.starts_with('/')) return wrong;
  rest.remove_prefix(1);
  uint32_t shard = 0;
  uint64_t next = 0;
  int64_t created = 0;
  if (!TakeNumber(rest, shard) || !TakeNumber(rest, next) || !TakeNumber(rest, created)) {
    return wrong;
  }
  const std::string_view before = std::string_view(plain).substr(0, plain.size() - rest.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return wrong;
  iterator.stream = rest.substr(slash + 1);
  if (CheckOf(before, iterator.stream) != rest.substr(0, slash)) return wrong;
  iterator.shard = streamlog::ShardNumber(shard);
  iterator.next = streamlog::RecordIndex(next);
  iterator.created = UtcMicros(created);
  return iterator;
}

}  // namespace daypart::serve
