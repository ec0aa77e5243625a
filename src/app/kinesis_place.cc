// SPDX-License-Identifier: Apache-2.0
//
// [kinesis] of daypart.toml, else the environment, as for S3 and Glue.
#include "app/kinesis_place.h"

#include <string_view>

#include "source/kinesis_source.h"

namespace daypart::app {
namespace {

constexpr std::string_view kScheme = "kinesis:";

}  // namespace

std::optional<std::string> KinesisStreamOf(const std::string& source) {
  if (!source.starts_with(kScheme)) return std::nullopt;
  return source.substr(kScheme.size());
}

Result<KinesisPlace> KinesisPlaceOf(const LakeSession& session, const std::string& stream,
                                    const std::string& region) {
  KinesisPlace place{.stream = stream,
                     .region = session.Region(region.empty() ? session.config().kinesis_region
                                                             : region),
                     .endpoint = {}};
  // arn:aws:kinesis:REGION:ACCOUNT:stream/NAME
  if (stream.starts_with("arn:")) {
    size_t begin = 0;
    for (int colon = 0; colon < 3 && begin != std::string::npos; ++colon) {
      begin = stream.find(':', begin == 0 ? 0 : begin + 1);
    }
    if (begin != std::string::npos) {
      const std::string own = stream.substr(begin + 1, stream.find(':', begin + 1) - begin - 1);
      if (!own.empty()) place.region = own;
    }
  }
  DAYPART_TRY(const auto endpoint,
              session.Endpoint(session.config().kinesis_endpoint, "kinesis", place.region));
  place.endpoint = endpoint.url;
  return place;
}

Result<std::unique_ptr<source::RecordSource>> OpenKinesis(LakeSession& session,
                                                          const StreamConfig& config,
                                                          const std::string& stream, bool reads,
                                                          const CancelToken& stop) {
  DAYPART_TRY(const KinesisPlace place, KinesisPlaceOf(session, stream, ""));
  auto source = source::KinesisSource::Open({.http = session.http(),
                                             .credentials = session.credentials(),
                                             .clock = session.clock(),
                                             .random = session.context().random},
                                            {.stream = place.stream,
                                             .region = place.region,
                                             .endpoint = place.endpoint,
                                             .poll_ms = session.config().kinesis_poll_ms,
                                             .skips_lost = config.skips_lost,
                                             .fan_out = reads ? config.fan_out : ""},
                                            stop);
  if (!source) return std::move(source).error().WithContext("stream " + config.name);
  return std::unique_ptr<source::RecordSource>(std::move(*source));
}

}  // namespace daypart::app
