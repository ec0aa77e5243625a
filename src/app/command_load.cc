// SPDX-License-Identifier: Apache-2.0
//
// daypart load: files straight into an Iceberg table. The table's schema decides how values are
// read; a new table gets the schema that the crawler infers from the files. Rows that do not fit
// are kept in media.quarantine, committed before the rows that do.
#include <arrow/type.h>
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "app/commands.h"
#include "app/keyless_notice.h"
#include "app/progress.h"
#include "app/quarantine_notice.h"
#include "app/work_options.h"
#include "catalog/new_table_catalog.h"
#include "crawl/crawl.h"
#include "lake/arrow_schema.h"
#include "lake/raw_files.h"
#include "ingest/left_out_keys.h"
#include "ingest/limits.h"
#include "ingest/quarantine.h"
#include "query/engine.h"
#include "source/file_source.h"

namespace daypart::app {
namespace {

using catalog::RawColumn;
using catalog::RawTable;
using iceberg::Type;
using iceberg::TypeKind;

/// errors: kInvalidArgument for what is no delimiter.
Result<std::optional<char>> DelimiterOf(const std::string& text) {
  if (text.empty()) return std::optional<char>();
  if (text == "tab" || text == "\\t") return std::optional<char>('\t');
  const bool is_usable = text.size() == 1 && text != "\"" && text != "\n" && text != "\r" &&
                         std::isalnum(static_cast<unsigned char>(text.front())) == 0;
  if (is_usable) return std::optional<char>(text.front());
  return InvalidArgument(
      "--delimiter: one character that is no letter, digit or quote, or 'tab', is "
      "expected, found '" +
      text + "'");
}

/// What the crawler says of one file; nothing is registered.
Result<crawl::TableReport> InspectFile(LakeSession& session, const std::string& location,
                                       std::optional<char> delimiter) {
  DAYPART_TRY(const auto info, session.store().Head(location));
  if (info.bytes == 0) return InvalidArgument(location + ": rows are expected, the file is empty");
  crawl::CrawlOptions options;
  options.prefix = location;
  options.dry_run = true;
  options.limits.delimiter = delimiter;
  DAYPART_TRY(const auto report,
              crawl::Crawl(session.store(), session.raw_catalog(), session.catalog(),
                           session.clock(), options, session.context().cancel));
  if (!report.tables.empty()) return report.tables.front();
  const std::string reason =
      report.skipped.empty() ? "no rows were found in it" : report.skipped.front().reason;
  return InvalidArgument(location + ": CSV or JSON lines are expected: " + reason);
}

/// The narrowest type that holds both; string where nothing else does.
Type Widen(const Type& left, const Type& right) {
  if (left == right) return left;
  const auto rank = [](TypeKind kind) {
    switch (kind) {
      case TypeKind::kInt: return 1;
      case TypeKind::kLong: return 2;
      case TypeKind::kDouble: return 3;
      default: return 0;
    }
  };
  if (rank(left.kind) > 0 && rank(right.kind) > 0) {
    return rank(left.kind) > rank(right.kind) ? left : right;
  }
  return Type::Of(TypeKind::kString);
}

/// What the files have, and of keys that are no columns, why.
struct FilesShape {
  RawTable table;
  std::set<std::string> left_out;  // "key tags is left out: arrays are no columns"
};

/// One shape for all files: columns of any, types wide enough for all.
Result<FilesShape> InspectFiles(LakeSession& session, const std::vector<std::string>& locations,
                              std::optional<char> delimiter) {
  FilesShape all;
  RawTable& shape = all.table;
  for (size_t i = 0; i < locations.size(); ++i) {
    DAYPART_TRY(const auto inspected, InspectFile(session, locations[i], delimiter));
    for (const std::string& warning : inspected.warnings) {
      if (warning.starts_with(crawl::kLeftOutKeyWarning)) all.left_out.insert(warning);
    }
    const RawTable& other = inspected.table;
    if (i == 0) {
      shape = other;
      continue;
    }
    if (other.format != shape.format || other.delimiter != shape.delimiter ||
        other.has_header != shape.has_header) {
      return InvalidArgument(locations[i] +
                             ": files of one format and delimiter are expected, "
                             "found another than in " +
                             locations.front());
    }
    for (const RawColumn& column : other.columns) {
      const auto found =
          std::find_if(shape.columns.begin(), shape.columns.end(),
                       [&](const RawColumn& known) { return known.name == column.name; });
      if (found == shape.columns.end()) {
        shape.columns.push_back(column);
      } else {
        found->type = Widen(found->type, column.type);
      }
    }
  }
  return all;
}

Result<lake::LoadedTable> CreateFrom(const lake::LakeContext& context,
                                     const catalog::TableName& name, const RawTable& shape,
                                     const LoadArguments& arguments) {
  lake::CreateOptions options;
  for (const RawColumn& column : shape.columns) {
    options.schema.fields.push_back({.name = column.name, .type = column.type, .doc = ""});
  }
  options.schema = iceberg::AssignFreshIds(std::move(options.schema));
  DAYPART_TRY(options.spec, iceberg::ParsePartitionSpec(arguments.partition, options.schema));
  options.format_version = arguments.format_version;
  for (const std::string& property : arguments.properties) {
    const size_t at = property.find('=');
    if (at == 0 || at == std::string::npos) {
      return InvalidArgument("--set: KEY=VALUE is expected, found '" + property + "'");
    }
    options.properties[property.substr(0, at)] = property.substr(at + 1);
  }
  DAYPART_TRY(options.sort_order, iceberg::ParseSortOrder(arguments.sort_order, options.schema));
  return lake::CreateTable(context, name, options);
}

/// Reads each of the table's columns from the file column of its name.
Result<source::FileSourceOptions> SourceFor(LakeSession& session, const lake::LoadedTable& table,
                                            const RawTable& shape, const LoadArguments& arguments,
                                            const std::vector<std::string>& locations) {
  source::FileSourceOptions options;
  iceberg::Schema matched;
  for (const auto& field : table.metadata.current_schema().fields) {
    const auto found =
        std::find_if(shape.columns.begin(), shape.columns.end(), [&](const RawColumn& column) {
          return column.name == field.name || column.source_name == field.name;
        });
    if (found == shape.columns.end()) continue;
    options.target.columns.push_back(
        {.name = field.name, .source_name = found->source_name, .is_required = field.is_required});
    matched.fields.push_back(field);
  }
  for (const RawColumn& column : shape.columns) {
    const bool is_known =
        std::any_of(options.target.columns.begin(), options.target.columns.end(),
                    [&](const auto& target) { return target.source_name == column.source_name; });
    if (is_known) continue;
    return InvalidArgument("the files have a column " + column.source_name + " that table " +
                           ToString(table.name) +
                           " does not have; leave it out of the files or "
                           "load into a new table");
  }
  if (matched.fields.empty()) {
    return InvalidArgument("the files have none of the columns of table " + ToString(table.name));
  }
  DAYPART_TRY(options.target.schema, lake::ToArrowSchema(matched));
  if (shape.format == catalog::RawFormat::kCsv) {
    decode::CsvOptions csv;
    csv.delimiter = shape.delimiter;
    csv.quote = shape.quote;
    csv.has_header = shape.has_header;
    for (const RawColumn& column : shape.columns) csv.file_columns.push_back(column.source_name);
    options.format = std::move(csv);
  } else {
    options.format = decode::JsonOptions{};
  }
  for (const std::string& location : locations) {
    DAYPART_TRY(const store::ObjectInfo file, session.store().Head(location));
    options.files.push_back({.location = file.location, .constants = {}, .version = file.etag});
  }
  options.rejects_max = arguments.rejects_max.value_or(UINT64_MAX);
  return options;
}

Result<lake::CommitResult> Write(const lake::LakeContext& context, const catalog::TableName& name,
                                 source::BatchSource& rows, const LoadArguments& arguments,
                                 const lake::WriteOptions& options) {
  switch (arguments.mode) {
    case LoadMode::kAppend: return lake::Append(context, name, rows, options);
    case LoadMode::kOverwrite: return lake::Overwrite(context, name, rows, options);
    case LoadMode::kOverwritePartitions: {
      DAYPART_TRY(const auto table, lake::LoadTable(context, name));
      return lake::OverwritePartitions(context, table, rows, options, /*replans=*/true);
    }
    case LoadMode::kMerge:
      return lake::Merge(context, name, rows, {.key_columns = arguments.key_columns},
                         options);
  }
  return InvalidArgument("no such mode");
}

/// Parquet files through DuckDB, columns by name.
Result<std::unique_ptr<source::BatchSource>> ParquetRows(LakeSession& session,
                                                         const RawTable& shape,
                                                         const std::vector<std::string>& locations,
                                                         std::unique_ptr<query::Engine>& engine,
                                                         source::FileSourceProgress& progress) {
  std::vector<lake::RawFile> files;
  for (const std::string& location : locations) {
    DAYPART_TRY(auto info, session.store().Head(location));
    progress.bytes_read += info.bytes;
    files.push_back({.info = std::move(info), .constants = {}});
  }
  DAYPART_TRY(engine, query::OpenEngine(session.context(), session.raw_catalog(),
                                        EngineOptionsOf(session.config())));
  RawTable named = shape;
  named.name = {"daypart_load", "files"};
  DAYPART_RETURN_IF_ERROR(engine->BindFiles(named, std::move(files)));
  DAYPART_TRY(auto rows, engine->Query("SELECT * FROM daypart_load.files"));
  return std::unique_ptr<source::BatchSource>(std::move(rows));
}

Result<lake::CommitResult> WriteWithProgress(const lake::LakeContext& context,
                                             const catalog::TableName& name,
                                             source::BatchSource& rows,
                                             const LoadArguments& arguments,
                                             const lake::WriteOptions& options,
                                             const source::FileSourceProgress& progress,
                                             const OutputOptions& output) {
  ProgressLine line(output);
  const ProgressWatch watch(line, [&](ProgressLine& shown) {
    shown.Show(ToString(name), progress.bytes_read, progress.bytes_total,
               FormatCount(static_cast<int64_t>(progress.rows)) + " rows");
  });
  return Write(context, name, rows, arguments, options);
}

/// Keys of JSON whose values came to no column: those that the sample showed with the reason why.
void TellLeftOut(const std::vector<std::string>& keys, const std::set<std::string>& reasons) {
  if (keys.empty()) return;
  PrintNotice("left out: values of " + ingest::ListedKeys(keys) +
              ", for which the table has no column");
  const auto is_told = [&reasons](const std::string& key) {
    return std::ranges::any_of(reasons, [&key](const std::string& reason) {
      return reason.starts_with(crawl::kLeftOutKeyWarning + key + " is left out");
    });
  };
  size_t told = 0;
  for (const std::string& reason : reasons) {
    if (told++ < ingest::kLeftOutKeysMax) PrintNotice("  " + reason);
  }
  if (!std::ranges::all_of(keys, is_told)) {
    PrintNotice(
        "  others came up beyond the sample that columns are made from: ALTER TABLE ADD COLUMN "
        "gives them one, for a load anew");
  }
}

void Report(const catalog::TableName& name, const lake::CommitResult& result, uint64_t rejected,
            const source::FileSourceProgress& progress, double seconds,
            const OutputOptions& output) {
  const uint64_t bytes = progress.bytes_read;
  if (output.is_json) {
    PrintLine(nlohmann::json{
        {"table", ToString(name)},
        {"rows_added", result.rows_added},
        {"rows_updated", result.rows_updated},
        {"rows_deleted", result.rows_deleted},
        {"rows_skipped", result.rows_skipped},
        {"rows_quarantined", rejected},
        {"rows_without_key", result.rows_without_key},
        {"left_out_keys", progress.unknown_keys.All()},
        {"files_added", result.files_added},
        {"bytes_read", bytes},
        {"bytes_written", result.bytes_added},
        {"seconds", seconds},
        {"snapshot_id",
         result.snapshot_id ? nlohmann::json(result.snapshot_id->value()) : nlohmann::json()}}
                  .dump());
    return;
  }
  if (!output.is_quiet) {
    const double rows = static_cast<double>(result.rows_added);
    std::string line =
        ToString(name) + ": " + Counted(result.rows_added, "row") + " in " +
        FormatSeconds(seconds) + " (" + FormatCount(static_cast<int64_t>(rows / seconds)) +
        " rows/s, " + FormatBytes(static_cast<int64_t>(static_cast<double>(bytes) / seconds)) +
        "/s), " + Counted(result.files_added, "file") + " of " + FormatBytes(result.bytes_added);
    if (result.rows_updated > 0) line += ", " + FormatCount(result.rows_updated) + " replaced";
    if (result.rows_skipped > 0) line += ", " + FormatCount(result.rows_skipped) + " repeated";
    PrintLine(line);
  }
  if (const std::string keyless = KeylessNotice(result, ToString(name)); !keyless.empty()) {
    PrintNotice(keyless);
  }
  if (rejected > 0) {
    PrintNotice(QuarantineNotice(static_cast<int64_t>(rejected), "row", ToString(name)));
  }
}

}  // namespace

Result<int> RunLoad(LakeSession& session, const LoadArguments& arguments,
                    const OutputOptions& output) {
  const UtcMicros start = session.clock().Now();
  DAYPART_TRY(const auto name, catalog::ParseTableName(arguments.table, "media"));
  if (arguments.mode == LoadMode::kMerge && arguments.key_columns.empty()) {
    return InvalidArgument("--mode merge needs --key COLUMN[,COLUMN…]");
  }
  std::vector<std::string> locations;
  for (const std::string& file : arguments.files) locations.push_back(session.LocationOf(file));
  DAYPART_TRY(const auto delimiter, DelimiterOf(arguments.delimiter));
  DAYPART_TRY(const FilesShape inspected, InspectFiles(session, locations, delimiter));
  const RawTable& shape = inspected.table;
  // A new table is registered by the commit of its first rows.
  catalog::NewTableCatalog new_tables(session.catalog());
  const lake::LakeContext& own = session.context();
  const lake::LakeContext context{.store = own.store,
                                  .catalog = new_tables,
                                  .clock = own.clock,
                                  .random = own.random,
                                  .cancel = own.cancel,
                                  .warehouse = own.warehouse,
                                  .cache = own.cache,
                                  .manifest_threads_max = own.manifest_threads_max,
                                  .turns = own.turns};
  auto table = lake::LoadTable(context, name);
  const bool is_new = !table && table.error().code == ErrorCode::kNotFound;
  if (is_new) table = CreateFrom(context, name, shape, arguments);
  if (!table) return std::move(table).error();
  if (!is_new && !(arguments.partition.empty() && arguments.sort_order.empty())) {
    return InvalidArgument("--partition and --sort are for new tables, " + ToString(name) +
                           " is there already");
  }
  const auto load = [&]() -> Result<int> {
    DAYPART_TRY(const auto quarantine, ingest::Quarantine::Open(name));
    source::FileSourceProgress progress;
    std::unique_ptr<query::Engine> engine;  // outlives the rows
    std::unique_ptr<source::BatchSource> rows;
    if (shape.format == catalog::RawFormat::kParquet) {
      DAYPART_TRY(rows, ParquetRows(session, shape, locations, engine, progress));
    } else {
      DAYPART_TRY(auto options, SourceFor(session, *table, shape, arguments, locations));
      const source::RejectSink sink = [&](const source::InputFile& file,
                                          const decode::RejectedRow& reject) {
        return quarantine->Add(file, reject);
      };
      DAYPART_TRY(rows, source::OpenFiles(session.store(), std::move(options), sink,
                                          session.context().cancel, progress));
    }
    lake::WriteOptions write = WriteOptionsOf(session.config());
    write.before_commit = [&] {
      const std::string keys = ingest::LeftOutKeysToJson(progress.unknown_keys.All());
      if (!keys.empty()) write.summary[ingest::kLeftOutKeysSummary] = keys;
      return quarantine->Commit(session.context());
    };
    DAYPART_TRY(const auto result,
                WriteWithProgress(context, name, *rows, arguments, write, progress, output));
    DAYPART_RETURN_IF_ERROR(new_tables.Register(name));
    const double seconds =
        std::max(1e-6, static_cast<double>((session.clock().Now().value() - start.value())) / 1e6);
    Report(name, result, quarantine->rows_count(), progress, seconds, output);
    if (!output.is_json) TellLeftOut(progress.unknown_keys.All(), inspected.left_out);
    return quarantine->rows_count() > 0 ? kExitPartly : kExitDone;
  };
  auto code = load();
  // A failed load leaves the lake as it was.
  if (!code && is_new && code.error().code != ErrorCode::kCommitUnknown) {
    (void)session.store().Delete(table->metadata_location);
  }
  return code;
}

}  // namespace daypart::app
