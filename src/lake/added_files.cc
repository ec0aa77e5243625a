// SPDX-License-Identifier: Apache-2.0
//
// Files, rows and bytes of a change.
#include "lake/added_files.h"

#include <utility>

namespace daypart::lake {

std::vector<std::string> AddFiles(std::vector<WrittenFile> written, SnapshotChange& change,
                                  CommitResult& result) {
  std::vector<std::string> locations;
  for (WrittenFile& file : written) {
    result.rows_added += file.file.record_count;
    result.bytes_added += file.file.file_bytes;
    locations.push_back(file.file.location);
    change.added.push_back(std::move(file.file));
  }
  result.files_added = static_cast<int64_t>(change.added.size());
  return locations;
}

}  // namespace daypart::lake
