// SPDX-License-Identifier: Apache-2.0
//
// A server that runs for the lake goes before the configured address: it may have another port.
#include "app/stream_target.h"

#include "app/server_notice.h"

namespace daypart::app {

Result<StreamTarget> StreamTargetOf(const LakeSession& session,
                                    const StreamTargetOptions& options) {
  std::string stream = options.stream;
  bool is_aws = options.is_aws;
  const Config& config = session.config();
  const auto configured = config.streams.find(options.stream);
  if (configured != config.streams.end() && options.endpoint.empty()) {
    if (const auto named = KinesisStreamOf(configured->second.source)) {
      stream = *named;
      is_aws = true;
    }
  }
  if (is_aws) {
    DAYPART_TRY(auto place, KinesisPlaceOf(session, stream, options.region));
    return StreamTarget{.place = std::move(place)};
  }
  std::string endpoint = options.endpoint;
  if (endpoint.empty()) {
    const auto running = ServerNotice::Find(config.lake_directory.string());
    endpoint = running.value_or("http://" + config.listen);
  }
  return StreamTarget{.place = {.stream = stream,
                                .region = options.region.empty() ? "us-east-1" : options.region,
                                .endpoint = std::move(endpoint)},
                      .is_local = true};
}

}  // namespace daypart::app
