// SPDX-License-Identifier: Apache-2.0
//
// Options of the commands that make a lake, bring files into it, and prepare an account.
#include <CLI/CLI.hpp>

#include "app/options.h"

namespace daypart::app {
namespace {

void AddInit(CLI::App& app, Options& options, Action& action) {
  auto* init = app.add_subcommand("init", "Make a lake: daypart.toml, lake/");
  init->footer("Example: daypart init demo --warehouse s3://bucket/lake");
  init->add_option("DIR", options.init.folder, "Folder, the current one by default");
  init->add_option("--warehouse", options.init.warehouse,
                   "s3://BUCKET/PREFIX for the lake's files instead of the folder lake/");
  init->add_option("--endpoint", options.init.endpoint, "URL of an S3 server that is not AWS's")
      ->check(HttpUrl())
      ->needs("--warehouse");
  init->add_flag("--glue", options.init.is_in_glue, "Catalog in AWS Glue instead of SQLite")
      ->needs("--warehouse");
  init->callback([&] { action = [&] { return RunInit(options.init, options.output); }; });
}

void AddCrawl(CLI::App& app, Options& options, Action& action) {
  auto* crawl = app.add_subcommand("crawl", "Find out what files are and register raw tables");
  crawl->footer("Example: daypart crawl raw/");
  crawl->add_option("PREFIX", options.crawl.prefix, "Folder in the lake, or an absolute path")
      ->required();
  crawl->add_option("--database", options.crawl.database, "Database for the tables");
  crawl->add_flag("--dry-run", options.crawl.dry_run, "Only tell what would be done");
  crawl->add_flag("--force", options.crawl.is_forced,
                  "Take over changes that queries written for the old columns may not survive");
  crawl->add_option("--with", options.crawl_with, "daypart, or glue: a crawler of AWS Glue does it")
      ->check(OneOf({"daypart", "glue"}));
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
}

void AddDelivery(CLI::App& app, Options& options, Action& action) {
  auto* generate = app.add_subcommand("generate", "Make believable media data");
  generate->footer("Example: daypart generate --out data --events 1000000 --seed 1");
  generate->add_option("--out", options.generate.out, "Folder for the files")->required();
  generate->add_option("--viewers", options.generate.viewers, "Viewers")->check(WholeNumber(0));
  generate->add_option("--channels", options.generate.channels, "Channels")->check(WholeNumber(0));
  generate->add_option("--days", options.generate.days, "Days of viewing")->check(WholeNumber(0));
  generate->add_option("--events", options.generate.events, "Viewing events")
      ->check(WholeNumber(0));
  generate->add_option("--seed", options.generate.seed, "The same seed gives the same bytes")
      ->check(WholeNumber(0));
  generate->add_flag("--jsonl", options.generate.has_jsonl, "The events as JSON lines too");
  generate->add_flag("--faults", options.generate.has_faults,
                     "Add repeated, late and broken rows, and a manifest of them");
  generate->callback([&] {
    action = [&] { return RunGenerate(options.generate, options.cancel, options.output); };
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

void AddRun(CLI::App& app, Options& options, Action& action) {
  auto* run = app.add_subcommand("run", "Run a pipeline: new raw files into Iceberg tables");
  run->footer("Example: daypart run standard --task ad_revenue");
  run->add_option("PIPELINE", options.run.pipeline,
                  "Folder below sql/pipelines, standard by default");
  run->add_option("--task", options.run.task, "Only this task");
  run->add_flag("--full-refresh", options.run.is_full_refresh,
                "Make the tables anew from all files");
  run->add_option("--engine", options.run.engine, "embedded, or glue: its job of the pipeline")
      ->check(OneOf({"embedded", "glue"}));
  run->callback([&] {
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        if (options.run.engine == "glue") return RunGlueJob(session, options.run, options.output);
        return RunPipeline(session, options.run, options.output);
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
      return RunDoctor(given, options.cancel, options.output);
    };
  });
  auto* deploy = app.add_subcommand("deploy", "Print or write what an AWS account needs");
  deploy->require_subcommand(1);
  auto* iam = deploy->add_subcommand("iam", "Least-privilege policies of each role");
  iam->footer("Example: daypart deploy iam --role query");
  iam->add_option("--role", options.iam.role, "ingest, etl, query, lambda, airflow; all by default")
      ->check(OneOf({"ingest", "etl", "query", "lambda", "airflow"}));
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
      ->check(WholeNumber(2, 1000));
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

}  // namespace

void AddLakeCommands(CLI::App& app, Options& options, Action& action) {
  AddInit(app, options, action);
  AddCrawl(app, options, action);
  AddDelivery(app, options, action);
  AddRun(app, options, action);
  AddAccount(app, options, action);
}

}  // namespace daypart::app
