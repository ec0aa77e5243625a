// SPDX-License-Identifier: Apache-2.0
//
// StreamService: making, listing and deleting streams, wherever they are: at Amazon Kinesis, at the
// lake's server, or in the lake's own folder while no server runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/lake_session.h"
#include "app/stream_target.h"
#include "base/cancel.h"

namespace daypart::app {

struct StreamFacts {
  std::string name;
  std::string arn;     // empty: in the lake's folder, no server runs
  std::string status;  // "ACTIVE", "CREATING", "DELETING"
  std::string mode;    // "PROVISIONED", "ON_DEMAND"
  int64_t open_shards = 0;
  int64_t retention_hours = 0;
};

class StreamService {
 public:
  /// session must outlive the service, as must `cancel`, which ends waiting.
  /// errors: kUnavailable if another process that is no server holds the lake's streams.
  static Result<std::unique_ptr<StreamService>> Open(LakeSession& session,
                                                     const StreamTarget& target,
                                                     bool has_endpoint, const CancelToken& cancel);
  virtual ~StreamService() = default;

  /// Returns once records can be sent. shards_count 0: on demand.
  /// errors: kAlreadyExists, kInvalidArgument, kResourceExhausted.
  virtual Status Create(const std::string& name, int64_t shards_count) = 0;
  /// errors: kNotFound.
  virtual Status Delete(const std::string& name) = 0;
  /// errors: kNotFound.
  virtual Result<StreamFacts> Describe(const std::string& name) = 0;
  /// By name.
  virtual Result<std::vector<std::string>> List() = 0;
};

}  // namespace daypart::app
