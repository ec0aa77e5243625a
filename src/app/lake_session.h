// SPDX-License-Identifier: Apache-2.0
//
// LakeSession: the parts that a command works with, as the configuration says. The only place that
// picks concrete stores and catalogs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "app/config.h"
#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "http/client.h"
#include "lake/commit_turns.h"
#include "lake/table.h"
#include "lake/table_cache.h"
#include "store/object_store.h"
#include "store/s3_store.h"

namespace daypart::app {

/// As catalog_kind: of a session that opens no catalog and asks none for tables.
inline constexpr const char* kNoCatalog = "none";

/// What calls of AWS's services are made with. Belongs to the session.
struct AwsParts {
  http::Client& http;
  aws::CredentialSource& credentials;
  Clock& clock;
  Random& random;
};

class LakeSession {
 public:
  /// read_only: for commands that only look, so that they work on a lake that cannot be written.
  /// cancel must outlive the session.
  static Result<std::unique_ptr<LakeSession>> Open(Config config, bool read_only,
                                                   const CancelToken& cancel);

  const Config& config() const { return config_; }
  const lake::LakeContext& context() const { return *context_; }
  store::ObjectStore& store() { return *store_; }
  catalog::Catalog& catalog() { return *catalog_; }
  /// Of the same database as catalog().
  catalog::RawCatalog& raw_catalog() { return *raw_catalog_; }
  Clock& clock() { return clock_; }
  http::Client& http() { return *http_; }
  aws::CredentialSource& credentials() { return *credentials_; }
  AwsParts aws() { return {*http_, *credentials_, clock_, random_}; }

  /// Of the store on S3, wherever the lake is. errors: as Endpoint.
  Result<store::S3Options> S3OptionsOf() const;
  /// As the configuration says, else the environment, the profile, us-east-1.
  std::string Region(const std::string& configured) const;
  /// Of a service in the region: as the configuration says, else the AWS tools' settings.
  Result<aws::Endpoint> Endpoint(const std::string& configured, const std::string& service,
                                 const std::string& region) const;

  /// The location that a command-line path means: itself if it has a scheme, the lake's folder of
  /// that name if there is one (raw/…), else the file relative to the current folder.
  std::string LocationOf(std::string_view path) const;
  /// Always below the lake's folder.
  std::string LakeLocation(std::string_view path) const;

 private:
  explicit LakeSession(Config config) : config_(std::move(config)) {}

  Status OpenStore(const CancelToken& cancel);
  Status OpenCatalog(bool read_only, const CancelToken& cancel);

  Config config_;
  SystemClock clock_;
  Random random_;
  lake::TableCache cache_;
  lake::CommitTurns turns_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<aws::CredentialSource> credentials_;
  std::unique_ptr<store::ObjectStore> store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  catalog::RawCatalog* raw_catalog_ = nullptr;  // another side of catalog_
  std::unique_ptr<lake::LakeContext> context_;
};

}  // namespace daypart::app
