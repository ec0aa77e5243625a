// SPDX-License-Identifier: Apache-2.0
//
// Messages of the event stream encoding, in which SubscribeToShard sends events: big-endian
//
//   4 bytes  length of the whole message
//   4 bytes  length of the headers
//   4 bytes  CRC-32 of these eight
//   headers  each: 1 byte length of the name, the name, 7 (a text), 2 bytes length, the text
//   payload
//   4 bytes  CRC-32 of all before
//
// A torn message is one whose bytes end before its length says; nothing of it is given out, since
// only the last four bytes tell whether the others are right.
//
// source: AWS, "Amazon event stream specification" (Smithy); examples in event_stream_test.cc.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace daypart::aws {

/// The specification's limits: 128 KiB of headers and 24 MiB of payload.
inline constexpr size_t kEventHeadersBytesMax = size_t{128} << 10;
inline constexpr size_t kEventMessageBytesMax = (size_t{24} << 20) + kEventHeadersBytesMax + 16;

using EventHeaders = std::vector<std::pair<std::string_view, std::string_view>>;

std::string EncodeEventMessage(const EventHeaders& headers, std::string_view payload);

struct EventMessage {
  /// Those that are texts; others (numbers, times, bytes) are passed over.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload;

  /// Empty if there is none of that name.
  std::string_view Header(std::string_view name) const;
};

/// Takes bytes apart as they come, wherever they are cut. Not thread-safe.
class EventStreamDecoder {
 public:
  void Add(std::string_view bytes);
  /// The next whole message; nullopt if more bytes are needed. errors: kCorruptData for a checksum
  /// or a length that is wrong, after which nothing more can be read.
  Result<std::optional<EventMessage>> Next();
  /// Bytes of a message that is not whole.
  size_t pending_bytes() const { return bytes_.size() - begin_; }

 private:
  std::string bytes_;
  size_t begin_ = 0;  // of what was not given out
};

}  // namespace daypart::aws
