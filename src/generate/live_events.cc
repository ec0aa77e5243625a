// SPDX-License-Identifier: Apache-2.0
//
// An event a call.
#include "generate/live_events.h"

#include <array>
#include <fmt/format.h>
#include <string_view>

#include "base/calendar.h"

namespace daypart::generate {
namespace {

constexpr int64_t kLateSecondsMax = 3600;
constexpr std::array<std::string_view, 5> kTypes = {"start", "heartbeat", "heartbeat", "pause",
                                                    "stop"};
constexpr std::array<std::string_view, 5> kRegions = {"northeast", "southeast", "midwest",
                                                      "southwest", "west"};
constexpr std::array<std::string_view, 4> kDevices = {"smart_tv", "mobile", "web", "tablet"};
constexpr std::array<int, 4> kBitrates = {1500, 2500, 4500, 8000};

}  // namespace

std::string LiveEvents::Next(UtcMicros now) {
  if (!last_.empty() && random_.IsPermille(options_.repeated_permille)) return last_;
  const uint64_t viewer = random_.Below(options_.viewers) + 1;
  int64_t millis = now.value() / 1000;
  if (random_.IsPermille(options_.late_permille)) {
    millis -= random_.Between(1'000, kLateSecondsMax * 1000);
  }
  // One after the other: the order in which a call's arguments are made is the compiler's.
  const uint64_t channel = random_.Below(options_.channels) + 1;
  const uint64_t content = random_.Below(5'000) + 1;
  const std::string_view content_type = random_.IsPermille(300) ? "live" : "vod";
  const std::string_view region = kRegions[random_.Below(kRegions.size())];
  const std::string_view device = kDevices[random_.Below(kDevices.size())];
  const std::string_view type = kTypes[random_.Below(kTypes.size())];
  const uint64_t watched = random_.Below(600);
  const int bitrate = kBitrates[random_.Below(kBitrates.size())];
  const uint64_t buffering = random_.Below(900);
  last_ = fmt::format(
      R"({{"event_id":{},"session_id":"s{:016x}","viewer_id":{},"channel_id":{},)"
      R"("content_id":{},"content_type":"{}","region":"{}","device_type":"{}",)"
      R"("event_type":"{}","event_time":"{}","watch_seconds":{},"bitrate_kbps":{},)"
      R"("buffering_ms":{}}})",
      next_id_++, MixBits(options_.seed ^ viewer), viewer, channel, content, content_type, region,
      device, type, FormatTimestampMicros(millis * 1000, true), watched, bitrate, buffering);
  return last_;
}

}  // namespace daypart::generate
