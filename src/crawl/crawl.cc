// SPDX-License-Identifier: Apache-2.0
//
// List, draft, compare, write: one table after the other, each by an optimistic write of its own.
#include "crawl/crawl.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "crawl/column_name.h"
#include "crawl/evolution.h"
#include "crawl/folder_tree.h"
#include "crawl/sampler.h"
#include "crawl/table_draft.h"
#include "store/location.h"

namespace daypart::crawl {
namespace {

using catalog::RawTable;
using catalog::TableName;

/// The registered tables that this crawl is about: those at the prefix or below it.
struct KnownTables {
  std::map<std::string, RawTable> by_location;
  std::set<std::string> locations;
  std::set<std::string> all_names;  // of the whole database
};

Result<KnownTables> FindKnownTables(catalog::RawCatalog& raw_catalog, const CrawlOptions& options,
                                    std::string_view prefix) {
  DAYPART_TRY(std::vector<RawTable> tables, raw_catalog.ListRawTables(options.database));
  KnownTables known;
  for (RawTable& table : tables) {
    known.all_names.insert(table.name.table);
    const std::string_view location = store::WithoutTrailingSlash(table.location);
    if (location != prefix && !store::RelativeTo(prefix, location)) continue;
    known.locations.insert(table.location);
    known.by_location.emplace(table.location, std::move(table));
  }
  return known;
}

struct Listing {
  std::vector<store::ObjectInfo> files;
  bool is_single_file = false;
};

Result<Listing> ListPrefix(store::ObjectStore& store, std::string_view prefix) {
  Listing listing;
  DAYPART_TRY(std::vector<store::ObjectInfo> all, store.List(prefix));
  listing.files = VisibleFiles(std::move(all), prefix);
  if (!listing.files.empty()) return listing;
  auto file = store.Head(prefix);
  if (!file && file.error().code != ErrorCode::kNotFound) return std::move(file).error();
  if (file) {
    listing.files.push_back(std::move(*file));
    listing.is_single_file = true;
  }
  return listing;
}

/// Names for drafts of tables that are not registered yet, none of them taken.
class TableNames {
 public:
  TableNames(const std::string& database, std::set<std::string> taken)
      : database_(database), taken_(std::move(taken)) {}

  TableName Choose(const TableDraft& draft, std::vector<std::string>& warnings) {
    std::string base = LowerName(draft.name_hint);
    if (base.empty()) base = "table";
    std::string name = base;
    if (taken_.contains(name)) {
      // The folder above tells more than a number does.
      const std::string above = LowerName(store::BaseName(store::ParentLocation(draft.location)));
      if (!above.empty()) name = above + "_" + base;
    }
    const std::string stem = name;
    for (int n = 2; taken_.contains(name); ++n) name = fmt::format("{}_{}", stem, n);
    if (name != base) {
      warnings.push_back(
          fmt::format("the name {} is taken by another table: named {}", base, name));
    }
    taken_.insert(name);
    return {.database = database_, .table = name};
  }

 private:
  std::string database_;
  std::set<std::string> taken_;
};

void LimitWarnings(std::vector<std::string>& warnings) {
  std::vector<std::string> kept;
  for (std::string& warning : warnings) {
    if (std::find(kept.begin(), kept.end(), warning) == kept.end())
      kept.push_back(std::move(warning));
  }
  if (kept.size() > kWarningsMax) {
    const size_t more = kept.size() - kWarningsMax;
    kept.resize(kWarningsMax);
    kept.push_back(fmt::format("and {} more", more));
  }
  warnings = std::move(kept);
}

/// A crawl's parts that its steps share; all must outlive it.
struct Crawler {
  catalog::RawCatalog& raw_catalog;
  Clock& clock;
  const CrawlOptions& options;
  const std::vector<store::ObjectInfo>& files;

  TableReport ReportOf(const TableDraft& draft) const {
    TableReport report;
    report.warnings = draft.shape.warnings;
    report.warnings.insert(report.warnings.end(), draft.warnings.begin(), draft.warnings.end());
    report.files_count = draft.files.size();
    report.sampled_files_count = draft.sampled_files_count;
    for (const size_t file : draft.files) report.bytes += files[file].bytes;
    return report;
  }

  /// Brings the entry up to date; again from what is there now if another program was quicker.
  Result<TableReport> Register(const TableDraft& draft, std::optional<RawTable> registered,
                               TableNames& names) const {
    const TableReport unchanged = ReportOf(draft);
    std::optional<TableName> name;
    for (int attempt = 1;; ++attempt) {
      TableReport report = unchanged;
      if (registered) {
        name = registered->name;
      } else if (!name) {
        name = names.Choose(draft, report.warnings);
      }
      const RawTable found = TableFromDraft(draft, *name, report.warnings);
      const RawTable before = registered.value_or(RawTable{});
      if (registered) {
        report.table = *registered;
        Evolve(found, options.apply_incompatible, report);
      } else {
        report.table = found;
        report.change = TableChange::kCreated;
        report.added_partitions = found.partitions;
      }
      LimitWarnings(report.warnings);
      const bool is_same = registered && is_same_description(before, report.table);
      if (options.dry_run || is_same) return report;
      report.table.updated = clock.Now();
      const Status put = raw_catalog.PutRawTable(report.table);
      if (put) {
        ++report.table.version;
        return report;
      }
      if (put.error().code != ErrorCode::kConflict || attempt == kPutAttemptsMax)
        return put.error();
      auto current = raw_catalog.GetRawTable(*name);
      if (!current && current.error().code != ErrorCode::kNotFound)
        return std::move(current).error();
      registered = current ? std::optional<RawTable>(std::move(*current)) : std::nullopt;
    }
  }

  static bool is_same_description(const RawTable& left, const RawTable& right) {
    return left.format == right.format && left.delimiter == right.delimiter &&
           left.quote == right.quote && left.has_header == right.has_header &&
           left.columns == right.columns && left.partition_columns == right.partition_columns &&
           left.partitions == right.partitions && left.parameters == right.parameters;
  }
};

/// One table of the one file that the prefix is.
Result<std::vector<TableDraft>> DraftSingleFile(Sampler& sampler) {
  DAYPART_RETURN_IF_ERROR(sampler.Sample({0}));
  std::vector<TableDraft> drafts;
  if (const FileShape* shape = sampler.ShapeOf(0)) {
    TableDraft draft;
    draft.location = sampler.files().front().location;
    draft.name_hint = std::string(FileStem(store::BaseName(draft.location)));
    draft.files = {0};
    draft.shape = *shape;
    draft.sampled_files_count = 1;
    drafts.push_back(std::move(draft));
  }
  return drafts;
}

void AddMissing(KnownTables& known, CrawlReport& report) {
  for (auto& [location, table] : known.by_location) {
    TableReport missing;
    missing.table = std::move(table);
    missing.change = TableChange::kMissing;
    missing.warnings = {"there are no files of it any more under " + location};
    report.tables.push_back(std::move(missing));
  }
}

Status EnsureDatabase(catalog::Catalog& catalog, const CrawlOptions& options) {
  DAYPART_TRY(const std::vector<std::string> databases, catalog.ListDatabases());
  const bool is_there =
      std::find(databases.begin(), databases.end(), options.database) != databases.end();
  if (is_there || options.dry_run) return Ok();
  const Status created = catalog.CreateDatabase(options.database, {});
  if (!created && created.error().code != ErrorCode::kAlreadyExists) return created;
  return Ok();
}

}  // namespace

Result<CrawlReport> Crawl(store::ObjectStore& store, catalog::RawCatalog& raw_catalog,
                          catalog::Catalog& catalog, Clock& clock, const CrawlOptions& options,
                          const CancelToken& cancel) {
  DAYPART_RETURN_IF_ERROR(catalog::ParseTableName("t", options.database));
  const std::string prefix(store::WithoutTrailingSlash(options.prefix));
  DAYPART_TRY(KnownTables known, FindKnownTables(raw_catalog, options, prefix));
  DAYPART_TRY(const Listing listing, ListPrefix(store, prefix));
  if (listing.files.empty() && known.by_location.empty()) {
    return NotFound("expected files to crawl, found none under " + prefix);
  }
  Sampler sampler(store, listing.files, options.limits, options.threads_count, cancel);
  std::vector<TableDraft> drafts;
  if (listing.is_single_file) {
    DAYPART_TRY(drafts, DraftSingleFile(sampler));
  } else {
    DAYPART_TRY(drafts, DraftTables(*BuildTree(listing.files, prefix), sampler, known.locations));
  }
  if (!drafts.empty()) DAYPART_RETURN_IF_ERROR(EnsureDatabase(catalog, options));

  CrawlReport report;
  const Crawler crawler = {raw_catalog, clock, options, listing.files};
  TableNames names(options.database, known.all_names);
  for (const TableDraft& draft : drafts) {
    DAYPART_RETURN_IF_ERROR(cancel.Check());
    std::optional<RawTable> registered;
    if (auto entry = known.by_location.extract(draft.location)) registered = entry.mapped();
    DAYPART_TRY(TableReport table, crawler.Register(draft, std::move(registered), names));
    report.tables.push_back(std::move(table));
  }
  AddMissing(known, report);
  std::sort(report.tables.begin(), report.tables.end(),
            [](const auto& a, const auto& b) { return a.table.name < b.table.name; });
  for (size_t file = 0; file < listing.files.size(); ++file) {
    report.bytes += listing.files[file].bytes;
    if (const NotATable* refusal = sampler.RefusalOf(file)) {
      report.skipped.push_back({listing.files[file].location, refusal->reason});
    }
  }
  report.files_count = listing.files.size();
  return report;
}

}  // namespace daypart::crawl
