// SPDX-License-Identifier: Apache-2.0
//
// daypart maintain: compact, manifests, expire, orphans, statistics and auto, for one table or all.
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/work_options.h"
#include "lake/maintenance.h"
#include "lake/maintenance_scheduler.h"
#include "query/condition.h"
#include "lake/table_statistics.h"

namespace daypart::app {
namespace {

/// One table's outcome as text for people and as JSON.
struct Outcome {
  std::string text;
  nlohmann::json json;
};

/// Why a dry run would do it, for people and for programs.
void AddReason(Outcome& outcome, const std::string& reason) {
  outcome.text += ": " + reason;
  outcome.json["reason"] = reason;
}

/// "would rewrite" of a dry run, "rewrote" of a real one.
std::string Verb(bool is_dry, std::string_view present, std::string_view past) {
  return is_dry ? "would " + std::string(present) : std::string(past);
}

/// Of objects that the store did not delete.
std::string FailedText(int64_t count) {
  if (count == 0) return "";
  return "; " + Counted(count, "file") +
         " could not be deleted, the next run of orphans tries again";
}

Result<iceberg::Expression> WhereOf(LakeSession& session, const catalog::TableName& name,
                                    const std::string& condition) {
  DAYPART_TRY(const auto table, lake::LoadTable(session.context(), name));
  return query::ParseCondition(table.metadata.current_schema(), condition);
}

lake::WriteOptions RewriteOptionsOf(LakeSession& session, const MaintainArguments& arguments) {
  lake::WriteOptions write = WriteOptionsOf(session.config());
  if (arguments.file_bytes_target > 0) write.file_bytes_target = arguments.file_bytes_target;
  return write;
}

Result<Outcome> CompactOne(LakeSession& session, const catalog::TableName& name,
                           const MaintainArguments& arguments) {
  lake::CompactOptions options;
  options.dry_run = arguments.is_dry_run;
  options.write = RewriteOptionsOf(session, arguments);
  options.strategy = arguments.strategy == "sort"     ? lake::CompactStrategy::kSort
                     : arguments.strategy == "zorder" ? lake::CompactStrategy::kZOrder
                                                      : lake::CompactStrategy::kBinPack;
  options.columns = arguments.columns;
  options.groups_per_commit = arguments.groups_per_commit;
  if (!arguments.where.empty()) {
    DAYPART_TRY(options.where, WhereOf(session, name, arguments.where));
  }
  DAYPART_TRY(const auto report, lake::Compact(session.context(), name, options));
  Outcome outcome;
  outcome.json = {{"files_before", report.files_before},
                  {"files_after", report.files_after},
                  {"bytes_before", report.bytes_before},
                  {"bytes_after", report.bytes_after},
                  {"partitions", report.partitions},
                  {"commits", report.commits},
                  {"rows", report.rows},
                  {"deletes_applied", report.rows_deleted_applied}};
  if (report.files_before == 0) {
    outcome.text = "nothing to compact";
    return outcome;
  }
  outcome.text = Verb(arguments.is_dry_run, "rewrite", "rewrote") + ' ' +
                 Counted(report.files_before, "file") + " (" + FormatBytes(report.bytes_before) +
                 ") of " + Counted(report.partitions, "partition");
  if (!arguments.is_dry_run) {
    outcome.text +=
        " into " + FormatCount(report.files_after) + " (" + FormatBytes(report.bytes_after) + ")";
  } else if (options.strategy != lake::CompactStrategy::kBinPack) {
    AddReason(outcome, "partitions are rewritten whole to be in order");
  } else {
    AddReason(outcome, FormatCount(report.files_small) + " are smaller than " +
                           FormatBytes(report.small_file_bytes) + ", " +
                           FormatCount(report.files_with_deletes) + " have deletes to apply");
  }
  return outcome;
}

Result<Outcome> ExpireOne(LakeSession& session, const catalog::TableName& name,
                          const MaintainArguments& arguments) {
  lake::ExpireOptions options;
  options.dry_run = arguments.is_dry_run;
  if (arguments.hours) options.age_max = std::chrono::hours(*arguments.hours);
  options.snapshots_min = arguments.snapshots_min;
  DAYPART_TRY(const auto report, lake::ExpireSnapshots(session.context(), name, options));
  Outcome outcome;
  outcome.json = {{"snapshots", report.snapshots.size()},
                  {"files", report.files.size()},
                  {"bytes", report.bytes},
                  {"files_failed", report.files_failed}};
  if (report.snapshots.empty()) {
    outcome.text = "no snapshot is old enough to expire";
    return outcome;
  }
  outcome.text = Verb(arguments.is_dry_run, "drop", "dropped") + ' ' +
                 Counted(static_cast<int64_t>(report.snapshots.size()), "snapshot") + " and " +
                 Counted(static_cast<int64_t>(report.files.size()), "file") + " (" +
                 FormatBytes(report.bytes) + ") that nothing else needed" +
                 FailedText(report.files_failed);
  if (arguments.is_dry_run) {
    AddReason(outcome, arguments.hours
                           ? "older than " + std::to_string(*arguments.hours) +
                                 " hours, no ref points to them"
                           : "older than history.expire.max-snapshot-age-ms or their branch's "
                             "max-snapshot-age-ms allows (5 days without either), no ref points "
                             "to them");
    for (const auto id : report.snapshots) {
      outcome.text += "\n  snapshot " + std::to_string(id.value());
    }
  }
  return outcome;
}

Result<Outcome> ManifestsOne(LakeSession& session, const catalog::TableName& name,
                             const MaintainArguments& arguments) {
  DAYPART_TRY(const auto report,
              lake::RewriteManifests(session.context(), name, {.dry_run = arguments.is_dry_run}));
  Outcome outcome;
  outcome.json = {{"manifests_before", report.manifests_before},
                  {"manifests_after", report.manifests_after},
                  {"bytes_before", report.bytes_before}};
  outcome.text = Verb(arguments.is_dry_run, "sort", "sorted") + ' ' +
                 Counted(report.manifests_before, "manifest") + " (" +
                 FormatBytes(report.bytes_before) + ") by partition into " +
                 FormatCount(report.manifests_after);
  if (report.manifests_before == 0) {
    outcome.text = "the manifests are in order";
  } else if (arguments.is_dry_run) {
    AddReason(outcome, "so few are enough at commit.manifest.target-size-bytes each");
  }
  return outcome;
}

/// What the policy asks for now: told, or done.
Result<Outcome> AutoOne(LakeSession& session, const catalog::TableName& name,
                        const MaintainArguments& arguments) {
  lake::MaintenanceScheduler scheduler(session.context(), RewriteOptionsOf(session, arguments));
  DAYPART_TRY(const auto done, arguments.is_dry_run ? scheduler.Plan(name) : scheduler.Run(name));
  Outcome outcome;
  outcome.json = {{"actions", nlohmann::json::array()}};
  for (const auto& action : done) {
    outcome.json["actions"].push_back(
        {{"action", std::string(lake::NameOf(action.kind))}, {"reason", action.reason}});
    if (!outcome.text.empty()) outcome.text += "\n  ";
    outcome.text += (arguments.is_dry_run ? "would do " : "did ") +
                    std::string(lake::NameOf(action.kind)) + ": " + action.reason;
  }
  if (done.empty()) outcome.text = "nothing to do";
  return outcome;
}

Result<Outcome> DeletesOne(LakeSession& session, const catalog::TableName& name,
                           const MaintainArguments& arguments) {
  DAYPART_TRY(const auto report, lake::RemoveDanglingDeletes(session.context(), name,
                                                             {.dry_run = arguments.is_dry_run}));
  const auto count = static_cast<int64_t>(report.dangling.size());
  Outcome outcome;
  outcome.json = {
      {"delete_files", report.delete_files}, {"removed", count}, {"rows", report.rows}};
  if (count == 0) {
    outcome.text = report.delete_files == 0
                       ? "no delete files"
                       : "all of " + Counted(report.delete_files, "delete file") + " have rows "
                         "left to delete";
    return outcome;
  }
  outcome.text = Verb(arguments.is_dry_run, "remove", "removed") + ' ' + FormatCount(count) +
                 " of " + Counted(report.delete_files, "delete file");
  if (arguments.is_dry_run) {
    AddReason(outcome, "what they name (" + Counted(report.rows, "row") +
                           ") is in no file of the table any more");
    for (const std::string& file : report.dangling) outcome.text += "\n  " + file;
  }
  return outcome;
}

/// As Spark's remove_orphan_files: a commit that takes longer would lose its files.
constexpr auto kOrphanAgeSafe = std::chrono::hours(24);

Result<Outcome> OrphansOne(LakeSession& session, const catalog::TableName& name,
                           const MaintainArguments& arguments) {
  lake::OrphanOptions options;
  options.dry_run = arguments.is_dry_run;
  if (arguments.hours) options.age_min = std::chrono::hours(*arguments.hours);
  const bool is_safe = options.age_min >= kOrphanAgeSafe || arguments.is_dry_run;
  if (!is_safe && !arguments.is_forced) {
    return InvalidArgument(
        "files younger than 24 hours may belong to a commit that is under way; take a greater "
        "--older-than-hours, or --force if nothing writes to the table now");
  }
  DAYPART_TRY(const auto report, lake::RemoveOrphans(session.context(), name, options));
  Outcome outcome;
  outcome.json = {
      {"files", report.files}, {"bytes", report.bytes}, {"files_failed", report.files_failed}};
  const std::string age = Counted(arguments.hours.value_or(72), "hour");
  if (report.files.empty()) {
    outcome.text = "no files older than " + age + " that nothing refers to";
    return outcome;
  }
  outcome.text = Verb(arguments.is_dry_run, "delete", "deleted") + ' ' +
                 Counted(static_cast<int64_t>(report.files.size()), "file") +
                 " that nothing refers to (" + FormatBytes(report.bytes) + ")" +
                 FailedText(report.files_failed);
  if (arguments.is_dry_run) {
    AddReason(outcome,
              "older than " + age + " and named by no metadata file, snapshot or manifest");
    for (const std::string& file : report.files) outcome.text += "\n  " + file;
  }
  return outcome;
}

Result<Outcome> StatisticsOne(LakeSession& session, const catalog::TableName& name,
                              const MaintainArguments& arguments) {
  if (arguments.is_dry_run) {
    return InvalidArgument("statistics has no --dry-run: it reads the rows to tell anything");
  }
  DAYPART_TRY(const auto report, lake::ComputeStatistics(
                                     session.context(), name,
                                     {.columns = arguments.columns,
                                      .threads_count = session.config().threads_count}));
  Outcome outcome;
  nlohmann::json columns = nlohmann::json::object();
  std::vector<std::vector<std::string>> rows;
  for (const auto& column : report.columns) {
    columns[column.column] = column.distinct_count;
    rows.push_back({"  " + column.column, FormatCount(column.distinct_count)});
  }
  if (rows.empty()) {
    outcome.text = "nothing to count";
  } else {
    outcome.text = "distinct values by column\n" + FormatTable(rows, {false, true});
  }
  outcome.json = {{"distinct_counts", std::move(columns)}, {"location", report.location}};
  return outcome;
}

Result<std::vector<catalog::TableName>> TablesOf(LakeSession& session, const std::string& table) {
  std::vector<catalog::TableName> names;
  if (!table.empty()) {
    DAYPART_TRY(auto name, catalog::ParseTableName(table, "media"));
    names.push_back(std::move(name));
    return names;
  }
  DAYPART_TRY(const auto databases, session.catalog().ListDatabases());
  for (const std::string& database : databases) {
    DAYPART_TRY(auto found, session.catalog().ListTables(database));
    names.insert(names.end(), found.begin(), found.end());
  }
  return names;
}

}  // namespace

Result<int> RunMaintain(LakeSession& session, const MaintainArguments& arguments,
                        const OutputOptions& output) {
  DAYPART_TRY(const auto names, TablesOf(session, arguments.table));
  nlohmann::json json = nlohmann::json::array();
  for (const auto& name : names) {
    auto outcome = arguments.action == "compact"     ? CompactOne(session, name, arguments)
                   : arguments.action == "expire"    ? ExpireOne(session, name, arguments)
                   : arguments.action == "manifests" ? ManifestsOne(session, name, arguments)
                   : arguments.action == "deletes"   ? DeletesOne(session, name, arguments)
                   : arguments.action == "auto"      ? AutoOne(session, name, arguments)
                   : arguments.action == "statistics" ? StatisticsOne(session, name, arguments)
                                                     : OrphansOne(session, name, arguments);
    if (!outcome) return std::move(outcome).error().WithContext(ToString(name));
    outcome->json["table"] = ToString(name);
    json.push_back(std::move(outcome->json));
    if (!output.is_json && !output.is_quiet) PrintLine(ToString(name) + ": " + outcome->text);
  }
  if (output.is_json) PrintLine(json.dump(2));
  return kExitDone;
}

}  // namespace daypart::app
