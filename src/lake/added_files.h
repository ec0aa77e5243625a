// SPDX-License-Identifier: Apache-2.0
//
// From files that a writer finished to the change that adds them.
#pragma once

#include <string>
#include <vector>

#include "lake/commit.h"
#include "lake/table.h"
#include "lake/table_writer.h"

namespace daypart::lake {

/// Moves the files into the change and counts them in the result. returns: their locations, to be
/// removed should nothing be committed.
std::vector<std::string> AddFiles(std::vector<WrittenFile> written, SnapshotChange& change,
                                  CommitResult& result);

}  // namespace daypart::lake
