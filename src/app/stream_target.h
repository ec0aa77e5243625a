// SPDX-License-Identifier: Apache-2.0
//
// Which service a command means that names a stream: Amazon Kinesis, or the lake's own server.
#pragma once

#include <string>

#include "app/kinesis_place.h"
#include "app/lake_session.h"

namespace daypart::app {

struct StreamTarget {
  KinesisPlace place;
  /// `daypart serve`, whose key is known; else it is the AWS credentials that sign.
  bool is_local = false;
};

struct StreamTargetOptions {
  std::string stream;
  std::string endpoint;  // instead of the lake's server; empty: the one that runs, or is configured
  std::string region;    // empty: as configured
  bool is_aws = false;
};

/// Amazon Kinesis if is_aws or the stream's own `source` says so, else the local server.
/// errors: as LakeSession::Endpoint.
Result<StreamTarget> StreamTargetOf(const LakeSession& session,
                                    const StreamTargetOptions& options);

}  // namespace daypart::app
