// SPDX-License-Identifier: Apache-2.0
//
// FileLock: an advisory lock on a file, held until the value goes or the process ends, so that two
// processes do not do the same work at a time.
#pragma once

#include <filesystem>
#include <utility>

#include "base/result.h"

namespace daypart::app {

class FileLock {
 public:
  /// Makes the file and its folder if need be. errors: kUnavailable if another holder has it, with
  /// the number of its process.
  static Result<FileLock> Take(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace daypart::app
