// SPDX-License-Identifier: Apache-2.0
//
// Local files into a store: the first step of the batch way. A file that is there already, byte for
// byte, is passed over; a large one whose upload was killed goes on where it stopped; sizes are
// checked always, contents on request and after every resumed upload. Changes no bytes and deletes
// nothing of the user's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "store/object_store.h"

namespace daypart::store {

struct UploadFile {
  std::string path;  // absolute, of this machine
  std::string name;  // below the prefix; may have folders
};

struct UploadSelection {
  std::vector<std::string>
      paths;                  // files, or with is_recursive folders too; relative ones are taken
  bool is_recursive = false;  // from the working folder
};

/// What `selection` means: a file goes in under its own name, a folder's files under the folder's
/// name and their way within it, hidden ones ('.' in front) left out.
/// errors: kNotFound for a missing path; kInvalidArgument for a directory without is_recursive, an
/// empty selection, or two files that would get one name.
Result<std::vector<UploadFile>> SelectUploads(const UploadSelection& selection);

struct UploadOptions {
  std::vector<UploadFile> files;
  std::string prefix;           // location of the folder they go into
  bool verify_content = false;  // read each object back and compare its checksum
  bool skip_unchanged = true;
  /// 64 MiB: smaller files are quicker sent again than looked after.
  uint64_t resumable_bytes_min = uint64_t{64} << 20;
};

enum class UploadOutcome { kCopied, kResumed, kUnchanged };

struct UploadedFile {
  std::string name;
  std::string location;
  uint64_t bytes = 0;
  uint64_t checksum = 0;  // XXH3, 64 bit
  UploadOutcome outcome = UploadOutcome::kCopied;
};

struct UploadReport {
  std::vector<UploadedFile> files;  // in the order of the options
  uint64_t copied_bytes = 0;  // sent now; what a resumed upload had sent before is not counted
  uint64_t unchanged_bytes = 0;
};

struct UploadProgress {
  std::string name;  // the file at work
  uint64_t files_done = 0;
  uint64_t files_count = 0;
  uint64_t bytes_done = 0;  // of all files, passed over ones included
  uint64_t bytes_total = 0;
};
using UploadProgressSink = std::function<void(const UploadProgress&)>;

/// Uploads in order. What an upload learnt is kept beside the objects, one small object a file
/// under PREFIX/.daypart-uploads/, which listings and crawlers do not show.
///
/// errors: kNotFound, kInvalidArgument (a directory), kUnavailable (the file changed meanwhile),
/// kCorruptData (the store holds other bytes than were sent: the object is deleted), kCancelled,
/// and the store's own. Files before the failed one are complete; another Upload passes them over.
Result<UploadReport> Upload(ObjectStore& target, const UploadOptions& options,
                            const UploadProgressSink& progress, const CancelToken& cancel);

/// The folder of upload records below a prefix.
inline constexpr std::string_view kUploadRecordFolder = ".daypart-uploads";

}  // namespace daypart::store
