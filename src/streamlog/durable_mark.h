// SPDX-License-Identifier: Apache-2.0
//
// DurableMark: how a shard's writer tells readers, in its own process and in others, up to which
// record the log is durable. One page of memory that all of them map from the file `durable`: the
// writer stores the next index after each fsync and wakes who waits. It is no part of what is
// durable: a writer that starts finds the end anew by scanning. Layout (little-endian):
// 0 u64 "DAYPMRK\n", 8 u64 the first index that is not durable, 16 u32 count of changes.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "streamlog/ids.h"

namespace daypart::streamlog {

class DurableMark {
 public:
  /// For the writer: makes the file if it is not there. What it held comes back from end() until
  /// Publish is called.
  static Result<std::unique_ptr<DurableMark>> OpenForWriter(const std::string& path);
  /// errors: kNotFound.
  static Result<std::unique_ptr<DurableMark>> OpenForReader(const std::string& path);

  DurableMark(const DurableMark&) = delete;
  DurableMark& operator=(const DurableMark&) = delete;
  ~DurableMark();

  /// The first index that is not durable; 0 in a file that was just made.
  RecordIndex end() const;
  /// Writer only. Everything below `end` is durable from now on.
  void Publish(RecordIndex end);
  /// Returns once end() is above `index` or the time is over.
  void WaitAbove(RecordIndex index, std::chrono::microseconds time_max) const;

 private:
  explicit DurableMark(void* page) : page_(page) {}

  void* page_;
};

}  // namespace daypart::streamlog
