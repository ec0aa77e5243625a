// SPDX-License-Identifier: Apache-2.0
//
// Where a stream of Amazon Kinesis is that the configuration names "kinesis:STREAM" or
// "kinesis:ARN", for reading it and for sending to it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/lake_session.h"
#include "app/stream_config.h"
#include "source/record_source.h"

namespace daypart::app {

struct KinesisPlace {
  std::string stream;  // a name or an ARN
  std::string region;
  std::string endpoint;  // empty: AWS's own
};

/// "kinesis:clicks" -> "clicks"; nullopt for any other source.
std::optional<std::string> KinesisStreamOf(const std::string& source);

/// region: instead of the configured one, if not empty; an ARN's own goes before both.
/// errors: as LakeSession::Endpoint.
Result<KinesisPlace> KinesisPlaceOf(const LakeSession& session, const std::string& stream,
                                    const std::string& region);

/// reads: the stream is read, so that the consumer of its fan-out is registered if there is none.
/// errors: as source::KinesisSource::Open.
Result<std::unique_ptr<source::RecordSource>> OpenKinesis(LakeSession& session,
                                                          const StreamConfig& config,
                                                          const std::string& stream, bool reads,
                                                          const CancelToken& stop);

}  // namespace daypart::app
