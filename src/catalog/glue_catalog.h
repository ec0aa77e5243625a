// SPDX-License-Identifier: Apache-2.0
//
// The AWS Glue Data Catalog: Iceberg tables as Athena, EMR, Spark and PyIceberg keep them there
// (table_type ICEBERG, metadata_location), changed under Glue's own version check, and the crawled
// files as Hive tables. Refuses to guess after an update whose answer was lost: it looks, and says
// kCommitUnknown if that does not tell.
#pragma once

#include <memory>
#include <string>

#include "aws/service.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "catalog/raw_catalog.h"
#include "store/object_store.h"

namespace daypart::catalog {

struct GlueOptions {
  std::string region;
  std::string endpoint;    // empty: AWS's own
  std::string catalog_id;  // another account's catalog; empty: the caller's
  /// Raw tables tell Athena the ranges of their partitions; see glue_projection.h.
  bool projects_partitions = false;
  http::RetryPolicy retry;
};

/// Everything passed must outlive the catalog.
struct GlueSurroundings {
  http::Client& http;
  aws::CredentialSource& credentials;
  Clock& clock;
  Random& random;
  /// Where metadata files are read, for the columns that Glue shows.
  store::ObjectStore& store;
  const CancelToken* cancel = nullptr;
};

/// Thread-safe and safe between processes.
class GlueCatalog : public Catalog, public RawCatalog {};

std::unique_ptr<GlueCatalog> OpenGlueCatalog(const GlueSurroundings& surroundings,
                                             GlueOptions options);

}  // namespace daypart::catalog
