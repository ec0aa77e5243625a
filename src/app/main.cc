// SPDX-License-Identifier: Apache-2.0
//
// The daypart binary: arguments to commands, errors to text and exit codes, Ctrl-C to a clean stop.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <functional>
#include <set>

#include "app/allocator.h"
#include "app/commands.h"
#include "base/log.h"

namespace {

using daypart::CancelToken;
using daypart::Error;
using daypart::ErrorCode;
using daypart::Result;
using namespace daypart::app;  // NOLINT(google-build-using-namespace): this file is app's own

/// The token that the signal handler reaches; the one global, because a handler has no arguments.
CancelToken cancel_token;

void OnSignal(int) {
  if (cancel_token.is_cancelled()) _exit(130);
  cancel_token.Cancel();
}

void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

struct Options {
  std::string config;
  std::string log_level = "warning";
  OutputOptions output;
  InitArguments init;
  std::string table;
  std::string mode = "append";
  LoadArguments load;
  CrawlArguments crawl;
  GenerateArguments generate;
  UploadArguments upload;
  QueryArguments query;
  DiffArguments diff;
  RunArguments run;
  MaintainArguments maintain;
  StreamArguments stream;
  ReplayArguments replay;
  WindowsArguments windows;
  ServeArguments serve;
  SendArguments send;
  DeployIamArguments iam;
  DeployGlueArguments glue;
  std::string crawl_with = "daypart";
  std::vector<std::string> maintain_words;
};

/// Runs a command within a session, read_only for commands that only look.
Result<int> WithSession(const Options& options, bool read_only,
                        const std::function<Result<int>(LakeSession&)>& run) {
  std::optional<std::string> given;
  if (!options.config.empty()) given = options.config;
  DAYPART_TRY(const auto file, FindConfig(given, std::filesystem::current_path()));
  DAYPART_TRY(auto config, LoadConfig(file));
  DAYPART_TRY(const auto session, LakeSession::Open(std::move(config), read_only, cancel_token));
  return run(*session);
}

using Action = std::function<Result<int>()>;

void AddLoad(CLI::App& app, Options& options, Action& action) {
  auto* load = app.add_subcommand("load", "Load CSV, JSON-lines or Parquet files into a table");
  load->footer("Example: daypart load media.ad_revenue ads.csv --mode merge --key ad_id");
  load->add_option("TABLE", options.load.table, "Table, such as media.ad_revenue")->required();
  load->add_option("FILE", options.load.files, "Files; .gz and .zst are decompressed")->required();
  load->add_option("--mode", options.mode, "append, overwrite, overwrite-partitions or merge")
      ->check(CLI::IsMember({"append", "overwrite", "overwrite-partitions", "merge"}));
  load->add_option("--key", options.load.key_columns, "Key columns of a merge")->delimiter(',');
  load->add_option("--partition", options.load.partition,
                   "Partitioning of a new table: 'day(event_time), bucket(16, viewer_id)'");
  load->add_option("--sort", options.load.sort_order,
                   "Sort order of a new table: 'event_time DESC, channel_id'");
  load->add_option("--set", options.load.properties,
                   "Property of a new table, such as write.delete.mode=merge-on-read");
  load->add_option("--format-version", options.load.format_version,
                   "Iceberg format version of a new table: 2 or 3")
      ->check(CLI::IsMember({2, 3}));
  load->add_option("--delimiter", options.load.delimiter,
                   "Between the fields of CSV files: one character or 'tab'; found out by default");
  load->add_option("--max-rejects", options.load.rejects_max,
                   "Stop, and commit nothing, once more rows than this do not fit");
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

void AddQuery(CLI::App& app, Options& options, Action& action) {
  auto* query = app.add_subcommand("query", "Ask the tables in SQL");
  query->footer(
      "Example: daypart query 'SELECT region, COUNT(*) AS views FROM viewership GROUP BY region'");
  query->add_option("SQL", options.query.sql, "One SELECT");
  query->add_option("-f,--file", options.query.file, "File that holds the SELECT");
  query->add_option("--saved", options.query.saved, "A saved query; daypart queries lists them");
  query->add_option("--format", options.query.format, "table, csv, json or arrow")
      ->check(CLI::IsMember({"table", "csv", "json", "arrow"}));
  query->add_option("--engine", options.query.engine, "embedded or athena; query.engine by default")
      ->check(CLI::IsMember({"embedded", "athena"}));
  query->add_flag("--write", options.query.is_write,
                  "The statement changes rows or a table: INSERT, DELETE, UPDATE, MERGE, CREATE "
                  "TABLE, ALTER TABLE, DROP TABLE, CALL system.…");
  query->callback([&] {
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
      ->check(CLI::IsMember({"table", "csv", "json"}));
  diff->callback([&] {
    action = [&] {
      return WithSession(options, true, [&](LakeSession& session) {
        return RunDiff(session, options.diff, options.output);
      });
    };
  });
}

void AddDelivery(CLI::App& app, Options& options, Action& action) {
  auto* generate = app.add_subcommand("generate", "Make believable media data");
  generate->footer("Example: daypart generate --out data --events 1000000 --seed 1");
  generate->add_option("--out", options.generate.out, "Folder for the files")->required();
  generate->add_option("--viewers", options.generate.viewers, "Viewers");
  generate->add_option("--channels", options.generate.channels, "Channels");
  generate->add_option("--days", options.generate.days, "Days of viewing");
  generate->add_option("--events", options.generate.events, "Viewing events");
  generate->add_option("--seed", options.generate.seed, "The same seed gives the same bytes");
  generate->add_flag("--jsonl", options.generate.has_jsonl, "The events as JSON lines too");
  generate->add_flag("--faults", options.generate.has_faults,
                     "Add repeated, late and broken rows, and a manifest of them");
  generate->callback([&] {
    action = [&] { return RunGenerate(options.generate, cancel_token, options.output); };
  });
  auto* upload = app.add_subcommand("upload", "Copy files into the lake's store");
  upload->footer("Example: daypart upload -r data raw/");
  upload->add_option("PATH", options.upload.paths, "Files, and last the folder in the lake")
      ->required()
      ->expected(2, 1 << 20);
  upload->add_flag("-r,--recursive", options.upload.is_recursive, "Take folders too");
  upload->add_flag("--verify", options.upload.verifies, "Read back and compare checksums");
  upload->callback([&] {
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        return RunUpload(session, options.upload, options.output);
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

void AddRun(CLI::App& app, Options& options, Action& action) {
  auto* run = app.add_subcommand("run", "Run a pipeline: new raw files into Iceberg tables");
  run->footer("Example: daypart run standard --task ad_revenue");
  run->add_option("PIPELINE", options.run.pipeline,
                  "Folder below sql/pipelines, standard by default");
  run->add_option("--task", options.run.task, "Only this task");
  run->add_flag("--full-refresh", options.run.is_full_refresh,
                "Make the tables anew from all files");
  run->add_option("--engine", options.run.engine, "embedded, or glue: its job of the pipeline")
      ->check(CLI::IsMember({"embedded", "glue"}));
  run->callback([&] {
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        if (options.run.engine == "glue") return RunGlueJob(session, options.run, options.output);
        return RunPipeline(session, options.run, options.output);
      });
    };
  });
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
      ->check(CLI::NonNegativeNumber);
  maintain->add_option("--keep", options.maintain.snapshots_min,
                       "expire: newest snapshots that stay whatever their age (1)");
  maintain
      ->add_option("--strategy", options.maintain.strategy, "compact: binpack, sort or zorder")
      ->check(CLI::IsMember({"binpack", "sort", "zorder"}));
  maintain->add_option("--columns", options.maintain.columns,
                       "compact: what to sort by ('region, event_time desc') or to put in Z-order; "
                       "statistics: columns whose distinct values to count (all)")
      ->delimiter(',');
  maintain->add_option("--where", options.maintain.where,
                       "compact: only files that may hold such rows: \"day >= DATE '2026-11-01'\"");
  maintain->add_option("--target-bytes", options.maintain.file_bytes_target,
                       "compact: size of the files to make");
  maintain->add_option("--groups-per-commit", options.maintain.groups_per_commit,
                       "compact: commit every so many groups of files, instead of once");
  maintain->callback([&] {
    options.maintain.action = options.maintain_words.back();
    if (options.maintain_words.size() == 2) options.maintain.table = options.maintain_words.front();
    const std::string& what = options.maintain.action;
    static const std::set<std::string> kWhats = {
        "compact", "deletes", "manifests", "expire", "orphans", "statistics", "auto"};
    if (!kWhats.contains(what)) {
      throw CLI::ValidationError(
          "WHAT",
          "compact, deletes, manifests, expire, orphans, statistics or auto is expected, found " +
              what);
    }
    action = [&] {
      return WithSession(options, options.maintain.is_dry_run, [&](LakeSession& session) {
        return RunMaintain(session, options.maintain, options.output);
      });
    };
  });
}

void AddStream(CLI::App& app, Options& options, Action& action) {
  auto* stream = app.add_subcommand("stream", "Take a stream's events into its table");
  stream->footer("Example: daypart stream clicks --from raw/live --until-idle");
  stream->add_option("NAME", options.stream.name, "The stream");
  stream->add_flag("--until-idle", options.stream.until_idle,
                   "Stop once the source has nothing more");
  stream->add_option("--from", options.stream.from,
                     "Folder that keeps receiving .jsonl or .csv files, or kinesis:STREAM");
  stream->add_option("--table", options.stream.table, "Iceberg table to write to");
  stream->add_flag("--no-windows", options.stream.keeps_no_windows, "Do not keep its windows");
  auto* replay = stream->add_subcommand("replay-quarantine",
                                        "Bring records back from quarantine that fit by now");
  replay->footer("Example: daypart stream replay-quarantine clicks --dry-run");
  replay->add_option("NAME", options.replay.name, "The stream")->required();
  replay->add_option("--from", options.replay.from, "As of daypart stream");
  replay->add_option("--table", options.replay.table, "As of daypart stream");
  replay->add_flag("--dry-run", options.replay.is_dry_run, "Only say what would come back");
  replay->callback([&] {
    action = [&] {
      return WithSession(options, options.replay.is_dry_run, [&](LakeSession& session) {
        return RunReplay(session, options.replay, cancel_token, options.output);
      });
    };
  });
  stream->callback([&, replay] {
    if (replay->parsed()) return;
    if (options.stream.name.empty()) throw CLI::RequiredError("NAME");
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        return RunStream(session, options.stream, cancel_token, options.output);
      });
    };
  });
}

void AddWindows(CLI::App& app, Options& options, Action& action) {
  AddWindowsOptions(app, options.windows)->callback([&] {
    action = [&] {
      return WithSession(options, options.windows.is_look(), [&](LakeSession& session) {
        return RunWindows(session, options.windows, options.output);
      });
    };
  });
}

void AddSend(CLI::App& app, Options& options, Action& action) {
  AddSendOptions(app, options.send)->callback([&] {
    action = [&] {
      return WithSession(options, true, [&](LakeSession& session) {
        return RunSend(session, options.send, cancel_token, options.output);
      });
    };
  });
}

void AddServe(CLI::App& app, Options& options, Action& action) {
  auto* serve = app.add_subcommand(
      "serve", "Answer queries over HTTP on this machine and look after the tables");
  serve->footer("Example: daypart serve --listen 127.0.0.1:8480");
  serve->add_option("--listen", options.serve.listen, "Address and port (127.0.0.1:8480)");
  serve->add_option("--port", options.serve.port, "Port alone; 0 for any that is free");
  serve->callback([&] {
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        return RunServe(session, options.serve, cancel_token, options.output);
      });
    };
  });
}

void AddAccount(CLI::App& app, Options& options, Action& action) {
  auto* doctor = app.add_subcommand("doctor", "Try all that a lake needs, say what is missing");
  doctor->footer("Example: daypart doctor");
  doctor->callback([&] {
    action = [&] {
      std::optional<std::string> given;
      if (!options.config.empty()) given = options.config;
      return RunDoctor(given, cancel_token, options.output);
    };
  });
  auto* deploy = app.add_subcommand("deploy", "Print or write what an AWS account needs");
  deploy->require_subcommand(1);
  auto* iam = deploy->add_subcommand("iam", "Least-privilege policies of each role");
  iam->footer("Example: daypart deploy iam --role query");
  iam->add_option("--role", options.iam.role, "ingest, etl, query, lambda, airflow; all by default")
      ->check(CLI::IsMember({"ingest", "etl", "query", "lambda", "airflow"}));
  iam->add_option("--account", options.iam.account, "Account number; the caller's by default");
  iam->add_option("--database", options.iam.databases,
                  "More databases of Glue than media, media_raw and those of streams");
  iam->add_option("--out", options.iam.out, "Folder to write policies and trust documents to");
  auto* glue = deploy->add_subcommand("glue", "Make or change the Glue job of a pipeline");
  glue->footer("Example: daypart deploy glue --script s3://bucket/job.py --role daypart-etl");
  glue->add_option("PIPELINE", options.glue.pipeline, "standard by default");
  glue->add_option("--script", options.glue.script, "s3://… of the Spark script")->required();
  glue->add_option("--role", options.glue.role, "Role of the job; glue.role by default");
  glue->add_option("--workers", options.glue.workers_count, "Workers G.1X (2)")
      ->check(CLI::Range(2, 1000));
  glue->callback([&] {
    action = [&] {
      return WithSession(options, true, [&](LakeSession& session) {
        return RunDeployGlue(session, options.glue, options.output);
      });
    };
  });
  iam->callback([&] {
    action = [&] {
      return WithSession(options, true, [&](LakeSession& session) {
        return RunDeployIam(session, options.iam, options.output);
      });
    };
  });
}

void AddCommands(CLI::App& app, Options& options, Action& action) {
  auto* init = app.add_subcommand("init", "Make a lake: daypart.toml, lake/");
  init->footer("Example: daypart init demo --warehouse s3://bucket/lake");
  init->add_option("DIR", options.init.folder, "Folder, the current one by default");
  init->add_option("--warehouse", options.init.warehouse,
                   "s3://BUCKET/PREFIX for the lake's files instead of the folder lake/");
  init->add_option("--endpoint", options.init.endpoint, "URL of an S3 server that is not AWS's")
      ->needs("--warehouse");
  init->add_flag("--glue", options.init.is_in_glue, "Catalog in AWS Glue instead of SQLite")
      ->needs("--warehouse");
  init->callback([&] { action = [&] { return RunInit(options.init, options.output); }; });
  auto* crawl = app.add_subcommand("crawl", "Find out what files are and register raw tables");
  crawl->footer("Example: daypart crawl raw/");
  crawl->add_option("PREFIX", options.crawl.prefix, "Folder in the lake, or an absolute path")
      ->required();
  crawl->add_option("--database", options.crawl.database, "Database for the tables");
  crawl->add_flag("--dry-run", options.crawl.dry_run, "Only tell what would be done");
  crawl->add_flag("--force", options.crawl.is_forced,
                  "Take over changes that queries written for the old columns may not survive");
  crawl->add_option("--with", options.crawl_with, "daypart, or glue: a crawler of AWS Glue does it")
      ->check(CLI::IsMember({"daypart", "glue"}));
  crawl->add_option("--role", options.crawl.role, "Role of Glue's crawler; glue.role by default");
  crawl->callback([&] {
    action = [&] {
      return WithSession(options, options.crawl.dry_run, [&](LakeSession& session) {
        if (options.crawl_with == "glue") {
          return RunGlueCrawl(session, options.crawl, options.output);
        }
        return RunCrawl(session, options.crawl, options.output);
      });
    };
  });
  AddDelivery(app, options, action);
  AddLoad(app, options, action);
  AddQuery(app, options, action);
  AddDiff(app, options, action);
  AddQueries(app, options, action);
  AddRun(app, options, action);
  AddMaintain(app, options, action);
  AddStream(app, options, action);
  AddWindows(app, options, action);
  AddServe(app, options, action);
  AddSend(app, options, action);
  AddLooks(app, options, action);
  AddAccount(app, options, action);
}

int ExitCodeOf(const Error& error) {
  PrintNotice("daypart: " + error.message);
  return error.code == ErrorCode::kCancelled ? 130 : kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  KeepFreedBuffers();
  CatchSignals();
  CLI::App app("Daypart: media files and events in, Iceberg tables and answers out", "daypart");
  Options options;
  Action action;
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.allow_extras();  // An unknown command is told by its name below, not as an "argument".
  app.set_version_flag("--version", "daypart " DAYPART_VERSION);
  app.add_option("--config", options.config, "daypart.toml to use");
  app.add_option(
         "--log-level", options.log_level,
         "What is told on standard error of work under way: debug, info, warning, error, off")
      ->envname("DAYPART_LOG");
  app.add_flag("--quiet", options.output.is_quiet, "Print errors only");
  app.add_flag("--json", options.output.is_json, "Print results as JSON");
  AddCommands(app, options, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  if (!action && rest.empty()) {
    PrintNotice(app.help());
    return kExitUsage;
  }
  if (!rest.empty()) {
    PrintNotice("daypart: unknown " + std::string(action ? "argument " : "command ") +
                rest.front() + "; daypart " +
                (action ? "COMMAND --help tells what it takes" : "--help lists them"));
    return kExitUsage;
  }
  const auto level = daypart::ParseLogLevel(options.log_level);
  if (!level) {
    PrintNotice("daypart: --log-level: " + level.error().message);
    return kExitUsage;
  }
  daypart::SetLogLevel(*level);
  try {
    const auto code = action();
    return code ? *code : ExitCodeOf(code.error());
  } catch (const std::exception& exception) {
    PrintNotice(std::string("daypart: unexpected: ") + exception.what());
    return kExitFailed;
  }
}
