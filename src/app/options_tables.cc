// SPDX-License-Identifier: Apache-2.0
//
// Options of the commands that read tables and write to them.
#include <CLI/CLI.hpp>

#include "app/options.h"

namespace daypart::app {
namespace {

void AddLoad(CLI::App& app, Options& options, Action& action) {
  auto* load = app.add_subcommand("load", "Load CSV, JSON-lines or Parquet files into a table");
  load->footer("Example: daypart load media.ad_revenue ads.csv --mode merge --key ad_id");
  load->add_option("TABLE", options.load.table, "Table, such as media.ad_revenue")->required();
  load->add_option("FILE", options.load.files, "Files; .gz and .zst are decompressed")->required();
  load->add_option("--mode", options.mode, "append, overwrite, overwrite-partitions or merge")
      ->check(OneOf({"append", "overwrite", "overwrite-partitions", "merge"}));
  load->add_option("--key", options.load.key_columns, "Key columns of a merge")->delimiter(',');
  load->add_option("--partition", options.load.partition,
                   "Partitioning of a new table: 'day(event_time), bucket(16, viewer_id)'");
  load->add_option("--sort", options.load.sort_order,
                   "Sort order of a new table: 'event_time DESC, channel_id'");
  load->add_option("--set", options.load.properties,
                   "Property of a new table, such as write.delete.mode=merge-on-read");
  load->add_option("--format-version", options.load.format_version,
                   "Iceberg format version of a new table: 2 or 3")
      ->check(OneOf({"2", "3"}));
  load->add_option("--delimiter", options.load.delimiter,
                   "Between the fields of CSV files: one character or 'tab'; found out by default");
  load->add_option("--max-rejects", options.load.rejects_max,
                   "Stop, and commit nothing, once more rows than this do not fit")
      ->check(WholeNumber(0));
  load->callback([&] {
    options.load.mode = options.mode == "merge"       ? LoadMode::kMerge
                        : options.mode == "overwrite" ? LoadMode::kOverwrite
                        : options.mode == "overwrite-partitions" ? LoadMode::kOverwritePartitions
                                                                 : LoadMode::kAppend;
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        return RunLoad(session, options.load, options.output);
      });
    };
  });
}

void AddQuery(CLI::App& app, Options& options, Action& action) {
  auto* query = app.add_subcommand("query", "Ask the tables in SQL");
  query->footer(
      "Example: daypart query 'SELECT region, COUNT(*) AS views FROM viewership GROUP BY region'");
  query->add_option("SQL", options.query.sql, "One SELECT");
  query->add_option("-f,--file", options.query.file, "File that holds the SELECT");
  query->add_option("--saved", options.query.saved, "A saved query; daypart queries lists them");
  query->add_option("--format", options.query.format, "table, csv, json or arrow")
      ->check(OneOf({"table", "csv", "json", "arrow"}));
  query->add_option("--engine", options.query.engine, "embedded or athena; query.engine by default")
      ->check(OneOf({"embedded", "athena"}));
  query->add_flag("--write", options.query.is_write,
                  "The statement changes rows or a table: INSERT, DELETE, UPDATE, MERGE, CREATE "
                  "TABLE, ALTER TABLE, DROP TABLE, CALL system.…");
  query->callback([&] {
    const QueryArguments& given = options.query;
    const int sources_count = int{!given.sql.empty()} + int{!given.file.empty()} +
                              int{!given.saved.empty()};
    if (sources_count != 1) {
      throw CLI::ValidationError(
          sources_count == 0 ? "a statement is expected: 'SELECT …', -f FILE or --saved NAME"
                             : "one of 'SELECT …', -f FILE and --saved NAME is expected, found " +
                                   std::to_string(sources_count));
    }
    action = [&] {
      return WithSession(options, !options.query.is_write, [&](LakeSession& session) {
        return RunQuery(session, options.query, options.output);
      });
    };
  });
}

void AddDiff(CLI::App& app, Options& options, Action& action) {
  auto* diff = app.add_subcommand("diff", "Show what rows a table gained, lost and changed");
  diff->footer("Example: daypart diff media.ad_revenue 2026-11-01 --key ad_id");
  diff->add_option("TABLE", options.diff.table, "Table, such as media.ad_revenue")->required();
  diff->add_option("FROM", options.diff.from, "Snapshot id, branch, tag or time")->required();
  diff->add_option("TO", options.diff.to, "Likewise; the current snapshot by default");
  diff->add_option("--key", options.diff.key_columns,
                   "Columns that name a row; the identifier fields by default, else whole rows")
      ->delimiter(',');
  diff->add_option("--format", options.diff.format, "table, csv or json")
      ->check(OneOf({"table", "csv", "json"}));
  diff->callback([&] {
    action = [&] {
      return WithSession(options, true, [&](LakeSession& session) {
        return RunDiff(session, options.diff, options.output);
      });
    };
  });
}

void AddQueries(CLI::App& app, Options& options, Action& action) {
  auto* queries =
      app.add_subcommand("queries", "List the saved queries and what their columns mean");
  queries->footer("Example: daypart queries");
  queries->callback([&] {
    action = [&] {
      return WithSession(options, true, [&](LakeSession& session) {
        return RunQueries(session.config(), options.output);
      });
    };
  });
}

void AddLooks(CLI::App& app, Options& options, Action& action) {
  auto* tables = app.add_subcommand("tables", "List tables with rows, files and sizes");
  tables->footer("Example: daypart tables");
  tables->callback([&] {
    action = [&] {
      return WithSession(options, true,
                         [&](LakeSession& session) { return RunTables(session, options.output); });
    };
  });
  const auto add = [&](const char* name, const char* text, auto run) {
    auto* command = app.add_subcommand(name, text);
    command->footer(std::string("Example: daypart ") + name + " media.ad_revenue");
    command->add_option("TABLE", options.table, "Table, such as media.ad_revenue")->required();
    command->callback([&options, &action, run] {
      action = [&options, run] {
        return WithSession(options, true, [&](LakeSession& session) {
          return run(session, options.table, options.output);
        });
      };
    });
  };
  add("describe", "Show a table's columns, partitioning and properties", RunDescribe);
  add("snapshots", "Show a table's snapshots", RunSnapshots);
}

void AddMaintain(CLI::App& app, Options& options, Action& action) {
  auto* maintain =
      app.add_subcommand("maintain", "Compact, expire snapshots, remove orphans, count values");
  maintain->footer("Example: daypart maintain media.viewership compact --dry-run");
  maintain
      ->add_option("WHAT", options.maintain_words,
                   "[TABLE] compact, deletes, manifests, expire, orphans, statistics, or auto "
                   "(what the table's policy asks for); all tables if none is named")
      ->required()
      ->expected(1, 2);
  maintain->add_flag("--dry-run", options.maintain.is_dry_run, "Only tell what would be done");
  maintain->add_flag("--force", options.maintain.is_forced,
                     "orphans: take an age below 24 hours; only while nothing writes");
  maintain
      ->add_option("--older-than-hours", options.maintain.hours,
                   "expire: age of snapshots that go (5 days); orphans: of files (3 days)")
      ->check(WholeNumber(0));
  maintain->add_option("--keep", options.maintain.snapshots_min,
                       "expire: newest snapshots that stay whatever their age (1)")
      ->check(WholeNumber(1));
  maintain
      ->add_option("--strategy", options.maintain.strategy, "compact: binpack, sort or zorder")
      ->check(OneOf({"binpack", "sort", "zorder"}));
  maintain->add_option("--columns", options.maintain.columns,
                       "compact: what to sort by ('region, event_time desc') or to put in Z-order; "
                       "statistics: columns whose distinct values to count (all)")
      ->delimiter(',');
  maintain->add_option("--where", options.maintain.where,
                       "compact: only files that may hold such rows: \"day >= DATE '2026-11-01'\"");
  maintain->add_option("--target-bytes", options.maintain.file_bytes_target,
                       "compact: size of the files to make")
      ->check(WholeNumber(1));
  maintain->add_option("--groups-per-commit", options.maintain.groups_per_commit,
                       "compact: commit every so many groups of files, instead of once")
      ->check(WholeNumber(1));
  maintain->callback([&] {
    options.maintain.action = options.maintain_words.back();
    if (options.maintain_words.size() == 2) options.maintain.table = options.maintain_words.front();
    const std::string wrong = OneOf({"compact", "deletes", "manifests", "expire", "orphans",
                                     "statistics", "auto"})(options.maintain.action);
    if (!wrong.empty()) throw CLI::ValidationError("WHAT", wrong);
    action = [&] {
      return WithSession(options, options.maintain.is_dry_run, [&](LakeSession& session) {
        return RunMaintain(session, options.maintain, options.output);
      });
    };
  });
}

}  // namespace

void AddTableCommands(CLI::App& app, Options& options, Action& action) {
  AddLoad(app, options, action);
  AddQuery(app, options, action);
  AddDiff(app, options, action);
  AddQueries(app, options, action);
  AddLooks(app, options, action);
  AddMaintain(app, options, action);
}

}  // namespace daypart::app
