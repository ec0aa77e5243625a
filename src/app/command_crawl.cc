// SPDX-License-Identifier: Apache-2.0
//
// daypart crawl: what the files under a prefix are, registered as raw tables.
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "crawl/crawl.h"

namespace daypart::app {
namespace {

std::string_view ChangeName(crawl::TableChange change) {
  switch (change) {
    case crawl::TableChange::kCreated: return "created";
    case crawl::TableChange::kUpdated: return "updated";
    case crawl::TableChange::kUnchanged: return "unchanged";
    case crawl::TableChange::kIncompatible: return "incompatible";
    case crawl::TableChange::kMissing: return "files missing";
  }
  return "";
}

/// For people; of a dry run, what would become of the table.
std::string ChangeText(crawl::TableChange change, bool is_dry_run) {
  const bool is_change =
      change == crawl::TableChange::kCreated || change == crawl::TableChange::kUpdated;
  return (is_dry_run && is_change ? "would be " : "") + std::string(ChangeName(change));
}

}  // namespace

Result<int> RunCrawl(LakeSession& session, const CrawlArguments& arguments,
                     const OutputOptions& output) {
  crawl::CrawlOptions options;
  const std::string_view prefix = arguments.prefix;
  options.prefix =
      prefix.starts_with('/') ? "file://" + arguments.prefix : session.LakeLocation(prefix);
  options.database = arguments.database;
  options.dry_run = arguments.dry_run;
  options.apply_incompatible = arguments.is_forced;
  DAYPART_TRY(const auto report,
              crawl::Crawl(session.store(), session.raw_catalog(), session.catalog(),
                           session.clock(), options, session.context().cancel));
  nlohmann::json json = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : report.tables) {
    const std::string change(ChangeName(table.change));
    rows.push_back({ToString(table.table.name), ChangeText(table.change, arguments.dry_run),
                    std::to_string(table.table.columns.size()),
                    std::to_string(table.table.partitions.size()),
                    FormatCount(static_cast<int64_t>(table.files_count)),
                    FormatBytes(static_cast<int64_t>(table.bytes))});
    json.push_back({{"table", ToString(table.table.name)},
                    {"change", change},
                    {"location", table.table.location},
                    {"files", table.files_count},
                    {"bytes", table.bytes},
                    {"added_columns", table.added_columns},
                    {"widened_columns", table.widened_columns},
                    {"incompatible", table.incompatible},
                    {"warnings", table.warnings}});
  }
  if (output.is_json) {
    PrintLine(json.dump(2));
    return kExitDone;
  }
  if (rows.empty()) PrintLine("no tables found under " + options.prefix);
  if (!rows.empty() && !output.is_quiet) {
    PrintLine(FormatTable({"table", "change", "columns", "partitions", "files", "size"}, rows,
                          {false, false, true, true, true, true}));
  }
  for (const auto& table : report.tables) {
    const auto notice = [&](const std::string& what) {
      PrintNotice("daypart: " + ToString(table.table.name) + ": " + what);
    };
    for (const auto& column : table.added_columns) notice("new column " + column);
    for (const auto& column : table.widened_columns) notice("wider column " + column);
    for (const auto& what : table.incompatible) {
      notice(arguments.is_forced ? "taken over: " + what
                                 : "not applied: " + what + "; crawl --force takes it over");
    }
    for (const auto& warning : table.warnings) notice(warning);
  }
  for (const auto& skipped : report.skipped) {
    PrintNotice("daypart: " + skipped.location + " left out: " + skipped.reason);
  }
  return kExitDone;
}

}  // namespace daypart::app
