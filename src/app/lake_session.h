// SPDX-License-Identifier: Apache-2.0
//
// LakeSession: the parts that a command works with, as the configuration says. The only place that
// picks concrete stores and catalogs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "app/config.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "catalog/sqlite_catalog.h"
#include "lake/table.h"
#include "lake/table_cache.h"
#include "store/object_store.h"

namespace daypart::app {

class LakeSession {
 public:
  /// read_only: for commands that only look, so that they work on a lake that cannot be written.
  /// cancel must outlive the session.
  static Result<std::unique_ptr<LakeSession>> Open(Config config, bool read_only,
                                                   const CancelToken& cancel);

  const Config& config() const { return config_; }
  const lake::LakeContext& context() const { return *context_; }
  store::ObjectStore& store() { return *store_; }
  catalog::SqliteCatalog& catalog() { return *catalog_; }
  Clock& clock() { return clock_; }

  /// The location that a command-line path means: itself if it has a scheme, the lake's folder of
  /// that name if there is one (raw/…), else the file relative to the current folder.
  std::string LocationOf(std::string_view path) const;
  /// Always below the lake's folder.
  std::string LakeLocation(std::string_view path) const;

 private:
  explicit LakeSession(Config config) : config_(std::move(config)) {}

  Config config_;
  std::unique_ptr<store::ObjectStore> store_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  SystemClock clock_;
  Random random_;
  lake::TableCache cache_;
  std::unique_ptr<lake::LakeContext> context_;
};

}  // namespace daypart::app
