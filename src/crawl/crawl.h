// SPDX-License-Identifier: Apache-2.0
//
// Finds the tables in the files under a prefix and keeps the raw catalog in step with them: what
// Glue's crawler does, by its naming, without its known traps. Reads samples only, writes nothing
// but catalog entries, and never drops a table or a column on its own.
//
// Tables: a file right under the prefix is one, named after its stem; a folder is one, named after
// the folder. Folders key=value below it are its partitions. Plain folders below it are partitions
// (partition_0, …) if their schemas agree by 70 % in the same format and compression, else tables
// of their own. Folders right under the prefix are merged only if their names are values (2026,
// 2026-11-24), so that two tables of like schema beside each other stay two. Names that begin with
// '_' or '.', and names ending in _$folder$, are passed over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/raw_catalog.h"
#include "crawl/limits.h"
#include "store/object_store.h"

namespace daypart::crawl {

struct CrawlOptions {
  std::string prefix;  // a folder's location, or one file's
  std::string database = "media_raw";
  /// Reports what would be done and writes nothing.
  bool dry_run = false;
  /// Takes incompatible changes over as well: the table becomes what its files are now.
  bool apply_incompatible = false;
  SampleLimits limits = {};
  unsigned threads_count = 4;
};

/// How the warning of a JSON key that becomes no column begins; the key and " is left out: " and
/// the reason follow.
inline constexpr const char* kLeftOutKeyWarning = "key ";

enum class TableChange {
  kCreated,
  kUpdated,
  kUnchanged,
  kIncompatible,  // `incompatible` says why; only what is compatible was written
  kMissing,       // registered, but there are no files any more; the entry stays
};

struct TableReport {
  /// The entry as it is (dry run: would be) in the catalog after the crawl.
  catalog::RawTable table;
  TableChange change = TableChange::kUnchanged;
  std::vector<std::string> added_columns;
  std::vector<std::string> widened_columns;  // "ad_id: int -> long"
  std::vector<std::string> incompatible;     // "clicks: int -> string", "column gone: region", …
  std::vector<catalog::RawPartition> added_partitions;
  std::vector<catalog::RawPartition> removed_partitions;
  uint64_t files_count = 0;
  uint64_t bytes = 0;
  uint64_t sampled_files_count = 0;
  std::vector<std::string> warnings;
};

struct SkippedFile {
  std::string location;
  std::string reason;
};

struct CrawlReport {
  std::vector<TableReport> tables;  // by name
  /// Files that are no table's, by location; hidden ones are not named.
  std::vector<SkippedFile> skipped;
  uint64_t files_count = 0;  // under the prefix, without hidden ones
  uint64_t bytes = 0;
};

/// Crawls the prefix; makes the database if it is not there. On a later crawl a table is known
/// again by its location, keeps its name, and is changed so: new columns go to the end, types widen
/// (int -> long, float -> double, a decimal's precision), partitions come and go. All else is
/// incompatible.
///
/// errors: kNotFound if there is nothing under the prefix; kInvalidArgument for a bad database's
///   name; kCancelled; those of the store and the catalogs. Tables written before stay written.
Result<CrawlReport> Crawl(store::ObjectStore& store, catalog::RawCatalog& raw_catalog,
                          catalog::Catalog& catalog, Clock& clock, const CrawlOptions& options,
                          const CancelToken& cancel);

}  // namespace daypart::crawl
