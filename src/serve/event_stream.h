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
// source: AWS, "Amazon event stream specification" (Smithy); example in event_stream_test.cc.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace daypart::serve {

using EventHeaders = std::vector<std::pair<std::string_view, std::string_view>>;

std::string EncodeEventMessage(const EventHeaders& headers, std::string_view payload);

}  // namespace daypart::serve
