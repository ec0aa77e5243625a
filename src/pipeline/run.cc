// SPDX-License-Identifier: Apache-2.0
//
// New files, SQL, merge, ledger.
#include "pipeline/run.h"

#include <algorithm>

#include "base/log.h"
#include "ingest/quarantine.h"
#include "lake/arrow_schema.h"
#include "lake/raw_files.h"
#include "pipeline/ledger.h"
#include "source/file_source.h"

namespace daypart::pipeline {
namespace {

using catalog::RawTable;
using lake::RawFile;

/// The target, made from the SQL's columns if it is not there.
Result<lake::LoadedTable> EnsureTarget(const lake::LakeContext& context, const Task& task,
                                       const arrow::Schema& columns) {
  auto table = lake::LoadTable(context, task.target);
  if (table || table.error().code != ErrorCode::kNotFound) return table;
  lake::CreateOptions options;
  DAYPART_TRY(auto schema, lake::FromArrowSchema(columns));
  options.schema = iceberg::AssignFreshIds(std::move(schema));
  DAYPART_TRY(options.spec, iceberg::ParsePartitionSpec(task.partition, options.schema));
  return lake::CreateTable(context, task.target, options);
}

bool is_same_file(const store::ObjectInfo& left, const store::ObjectInfo& right) {
  return left.bytes == right.bytes && left.etag == right.etag;
}

/// Reads the task's new files through its SQL into the target.
Status TakeIn(const lake::LakeContext& context, catalog::RawCatalog& raw, const Task& task,
              const RunOptions& options, const RawTable& raw_table,
              const std::vector<RawFile>& files, Ledger ledger, TaskReport& report) {
  DAYPART_TRY(const auto quarantine, ingest::Quarantine::Open(task.target));
  source::FileSourceProgress progress;
  const source::RejectSink sink = [&](const source::InputFile& file,
                                      const decode::RejectedRow& reject) {
    return quarantine->Add(file, reject);
  };
  std::unique_ptr<source::BatchSource> source;
  DAYPART_TRY(const auto engine, query::OpenEngine(context, raw, options.engine));
  if (raw_table.format == catalog::RawFormat::kParquet) {
    DAYPART_RETURN_IF_ERROR(engine->BindFiles(raw_table, files));
  } else {
    DAYPART_TRY(auto source_options, lake::RawFileSource(raw_table, files));
    DAYPART_TRY(source, source::OpenFiles(context.store, std::move(source_options), sink,
                                          context.cancel, progress));
    DAYPART_RETURN_IF_ERROR(engine->Bind(task.source, *source));
  }
  DAYPART_TRY(const auto rows, engine->Query(task.sql));
  DAYPART_TRY(const auto target, EnsureTarget(context, task, *rows->schema()));
  for (const RawFile& file : files) ledger[file.info.location] = file.info;
  DAYPART_TRY(const std::string ledger_location, WriteLedger(context, target, ledger));
  lake::WriteOptions write = options.write;
  write.summary[kLedgerKey] = ledger_location;
  write.properties[kLedgerKey] = ledger_location;
  write.commits_empty = true;
  write.before_commit = [&] { return quarantine->Commit(context); };
  auto committed = lake::Merge(context, task.target, *rows,
                               {.key_columns = task.key_columns,
                                .order_column = task.order_column,
                                .keeps_newer = !task.order_column.empty(),
                                .inserts_only = task.inserts_only,
                                .replaces_all = options.is_full_refresh},
                               write);
  if (!committed) {
    if (committed.error().code != ErrorCode::kCommitUnknown) {
      (void)context.store.Delete(ledger_location);  // an orphan at worst
    }
    return std::move(committed).error();
  }
  report.commit = *committed;
  report.rows_quarantined = static_cast<int64_t>(quarantine->rows_count());
  return Ok();
}

}  // namespace

Result<TaskReport> RunTask(const lake::LakeContext& context, catalog::RawCatalog& raw,
                           const Task& task, const RunOptions& options) {
  TaskReport report;
  const auto raw_table = raw.GetRawTable(task.source);
  if (!raw_table) {
    report.is_skipped = task.is_optional && raw_table.error().code == ErrorCode::kNotFound;
    if (report.is_skipped) return report;
    return Error(raw_table.error()).WithContext("task " + task.name);
  }
  Ledger ledger;
  const auto target = lake::LoadTable(context, task.target);
  if (target && !options.is_full_refresh) {
    DAYPART_TRY(ledger, ReadLedger(context, *target));
  } else if (!target && target.error().code != ErrorCode::kNotFound) {
    return target.error();
  }
  DAYPART_TRY(auto files, lake::ListRawFiles(context.store, *raw_table));
  std::erase_if(files, [&](const RawFile& file) {
    const auto known = ledger.find(file.info.location);
    return known != ledger.end() && is_same_file(known->second, file.info);
  });
  report.files_new = static_cast<int64_t>(files.size());
  Log(LogLevel::kInfo, "task " + task.name + ": " + std::to_string(files.size()) +
                           " new files for " + ToString(task.target));
  for (const RawFile& file : files) Log(LogLevel::kDebug, "takes in " + file.info.location);
  if (files.empty() && !(options.is_full_refresh && target)) return report;
  Status taken = TakeIn(context, raw, task, options, *raw_table, files, std::move(ledger), report);
  if (!taken) return std::move(taken).error().WithContext("task " + task.name);
  return report;
}

}  // namespace daypart::pipeline
