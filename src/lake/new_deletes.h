// SPDX-License-Identifier: Apache-2.0
//
// Whether delete files that came after a point in a table's history are about certain data files:
// what a rewrite of these files has to know before it commits.
#pragma once

#include <vector>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::lake {

/// Whether the current snapshot of `now` has a delete file of a higher sequence number than `after`
/// that concerns one of `files`. Told by the manifests, not by the history, which may have been
/// shortened since.
Result<bool> HasNewDeletes(const LakeContext& context, const iceberg::TableMetadata& now,
                           iceberg::SequenceNumber after, const std::vector<ScanFile>& files);

}  // namespace daypart::lake
