// SPDX-License-Identifier: Apache-2.0
//
// Samples files with several threads and keeps what came out, so that each file is read once.
#pragma once

#include <map>
#include <variant>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "crawl/file_sample.h"
#include "crawl/file_shape.h"
#include "crawl/limits.h"
#include "store/object_store.h"

namespace daypart::crawl {

/// All that is passed in must outlive the sampler. Not thread-safe itself.
class Sampler {
 public:
  Sampler(store::ObjectStore& store, const std::vector<store::ObjectInfo>& files,
          const SampleLimits& limits, unsigned threads_count, const CancelToken& cancel)
      : store_(store),
        files_(files),
        limits_(limits),
        threads_count_(threads_count),
        cancel_(cancel) {}

  /// Samples those of `indices` that were not yet.
  Status Sample(const std::vector<size_t>& indices);

  /// The file's shape; null if it was not sampled or is no table's.
  const FileShape* ShapeOf(size_t index) const;
  /// Why the file is no table's; null if it may be one's.
  const NotATable* RefusalOf(size_t index) const;
  const std::vector<store::ObjectInfo>& files() const { return files_; }
  const SampleLimits& limits() const { return limits_; }

 private:
  store::ObjectStore& store_;
  const std::vector<store::ObjectInfo>& files_;
  const SampleLimits& limits_;
  unsigned threads_count_;
  const CancelToken& cancel_;
  std::map<size_t, std::variant<FileShape, NotATable>> samples_;
};

}  // namespace daypart::crawl
