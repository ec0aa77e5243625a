// SPDX-License-Identifier: Apache-2.0
//
// daypart query --engine athena: the statement runs in Amazon Athena, its rows come out as the
// embedded engine's do, and what it scanned and costs is told.
#pragma once

#include <memory>
#include <string>

#include "app/lake_session.h"
#include "app/output.h"
#include "aws/athena.h"
#include "base/result.h"
#include "query/format.h"

namespace daypart::app {

/// Where results go: [athena] output, else, for the workgroup "primary" that has no place of its
/// own, athena-results/ of the lake on S3; empty: the workgroup's own.
std::string AthenaOutput(const Config& config);

/// Athena as the configuration says. session must outlive it.
Result<std::unique_ptr<aws::Athena>> OpenAthena(LakeSession& session, const CancelToken* cancel);

/// is_write: a statement that changes something is taken.
Result<int> RunAthenaQuery(LakeSession& session, const std::string& sql,
                           query::OutputFormat format, bool is_write, const OutputOptions& output);

}  // namespace daypart::app
