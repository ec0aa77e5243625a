// SPDX-License-Identifier: Apache-2.0
//
// The commands of the binary, each a function of its arguments; main.cc parses, these act. All
// return the exit code: 0 done, 3 partly done (rows quarantined); failures are errors and become 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/lake_session.h"
#include "app/output.h"
#include "base/result.h"

namespace CLI {
class App;
}  // namespace CLI

namespace daypart::app {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitPartly = 3;

struct InitArguments {
  std::string folder = ".";
  std::string warehouse;  // s3://bucket/prefix; empty: lake/ of the folder
  std::string endpoint;   // of an S3 server that is not AWS's
  bool is_in_glue = false;
};

/// daypart init [DIR]
Result<int> RunInit(const InitArguments& arguments, const OutputOptions& output);

enum class LoadMode { kAppend, kOverwrite, kOverwritePartitions, kMerge };

struct LoadArguments {
  std::string table;
  std::vector<std::string> files;
  LoadMode mode = LoadMode::kAppend;
  std::vector<std::string> key_columns;
  std::string partition;
  std::string sort_order;
  int32_t format_version = 2;
  std::vector<std::string> properties;  // KEY=VALUE, of a new table
  std::string delimiter;  // of CSV files, instead of the one found; "tab" or one character
  std::optional<uint64_t> rejects_max;
};

/// daypart load TABLE FILE…
Result<int> RunLoad(LakeSession& session, const LoadArguments& arguments,
                    const OutputOptions& output);

/// daypart tables | describe T | snapshots T
Result<int> RunTables(LakeSession& session, const OutputOptions& output);
Result<int> RunDescribe(LakeSession& session, const std::string& table,
                        const OutputOptions& output);
Result<int> RunSnapshots(LakeSession& session, const std::string& table,
                         const OutputOptions& output);

struct CrawlArguments {
  std::string prefix;
  std::string database = "media_raw";
  bool dry_run = false;
  bool is_forced = false;  // incompatible changes are taken over
  bool is_with_glue = false;  // a crawler of AWS Glue does it
  std::string role;           // that the crawler works with; empty: as configured
};

/// daypart crawl PREFIX
Result<int> RunCrawl(LakeSession& session, const CrawlArguments& arguments,
                     const OutputOptions& output);

/// daypart crawl PREFIX --with glue
Result<int> RunGlueCrawl(LakeSession& session, const CrawlArguments& arguments,
                         const OutputOptions& output);

struct RunArguments {
  std::string pipeline = "standard";
  std::string task;  // empty: all
  bool is_full_refresh = false;
  std::string engine = "embedded";  // or glue
};

/// daypart run [PIPELINE]
Result<int> RunPipeline(LakeSession& session, const RunArguments& arguments,
                        const OutputOptions& output);

/// daypart run [PIPELINE] --engine glue
Result<int> RunGlueJob(LakeSession& session, const RunArguments& arguments,
                       const OutputOptions& output);

struct DeployGlueArguments {
  std::string pipeline = "standard";
  std::string script;  // s3://…, a Spark script
  std::string role;    // empty: as configured
  int64_t workers_count = 2;
};

/// daypart deploy glue
Result<int> RunDeployGlue(LakeSession& session, const DeployGlueArguments& arguments,
                          const OutputOptions& output);

struct QueryArguments {
  std::string sql;
  std::string file;   // instead of sql
  std::string saved;  // instead of sql: a name from `daypart queries`
  std::string format = "table";
  bool is_write = false;  // the statement changes rows or a table
  std::string engine;     // embedded or athena; empty: as the configuration says
};

/// daypart query 'SQL' | -f FILE | --saved NAME
Result<int> RunQuery(LakeSession& session, const QueryArguments& arguments,
                     const OutputOptions& output);

struct DiffArguments {
  std::string table;
  std::string from;  // snapshot id, branch, tag or time
  std::string to;    // likewise; empty for the current snapshot
  std::vector<std::string> key_columns;
  std::string format = "table";
};

/// daypart diff T A [B]
Result<int> RunDiff(LakeSession& session, const DiffArguments& arguments,
                    const OutputOptions& output);

struct GenerateArguments {
  std::string out;
  uint64_t viewers = 10'000;
  uint64_t channels = 50;
  uint64_t days = 7;
  uint64_t events = 1'000'000;
  uint64_t seed = 1;
  bool has_jsonl = false;
  bool has_faults = false;
};

/// daypart generate --out DIR; needs no lake.
Result<int> RunGenerate(const GenerateArguments& arguments, const CancelToken& cancel,
                        const OutputOptions& output);

struct UploadArguments {
  std::vector<std::string> paths;  // the last one is the folder in the lake
  bool is_recursive = false;
  bool verifies = false;
};

/// daypart upload FILE… raw/
Result<int> RunUpload(LakeSession& session, const UploadArguments& arguments,
                      const OutputOptions& output);

struct MaintainArguments {
  std::string action;  // compact, manifests, expire, orphans, statistics or auto
  std::string table;   // empty: all
  bool is_dry_run = false;
  bool is_forced = false;  // orphans: an age that is not safe beside writers is taken
  /// expire: snapshots older than this go; orphans: objects younger than this stay.
  std::optional<int64_t> hours;
  std::optional<int64_t> snapshots_min;  // expire: newest snapshots that stay
  std::vector<std::string> columns;      // compact: to sort by; statistics: to count, empty for all
  // compact:
  std::string strategy = "binpack";  // binpack, sort or zorder
  std::string where;  // an SQL condition
  int64_t file_bytes_target = 0;
  int64_t groups_per_commit = 0;
};

/// daypart maintain [T] compact|manifests|expire|orphans|statistics|auto
Result<int> RunMaintain(LakeSession& session, const MaintainArguments& arguments,
                        const OutputOptions& output);

struct StreamArguments {
  std::string name;
  bool until_idle = false;
  std::optional<std::string> from;   // instead of the configured source
  std::optional<std::string> table;  // instead of the configured table
  bool keeps_no_windows = false;
};

/// daypart stream NAME
Result<int> RunStream(LakeSession& session, const StreamArguments& arguments,
                      const CancelToken& stop, const OutputOptions& output);

struct NamedStreamArguments {
  std::string name;
  int64_t shards_count = 1;
  bool is_on_demand = false;
  bool is_forced = false;
  bool is_aws = false;
  std::string endpoint;
  std::string region;
};

/// daypart stream create NAME | describe NAME | delete NAME | list
Result<int> RunStreamCreate(LakeSession& session, const NamedStreamArguments& arguments,
                            const CancelToken& stop, const OutputOptions& output);
Result<int> RunStreamDescribe(LakeSession& session, const NamedStreamArguments& arguments,
                              const CancelToken& stop, const OutputOptions& output);
Result<int> RunStreamDelete(LakeSession& session, const NamedStreamArguments& arguments,
                            const CancelToken& stop, const OutputOptions& output);
Result<int> RunStreamList(LakeSession& session, const NamedStreamArguments& arguments,
                          const CancelToken& stop, const OutputOptions& output);

struct ReplayArguments {
  std::string name;
  std::optional<std::string> from;
  std::optional<std::string> table;
  bool is_dry_run = false;
};

/// daypart stream replay-quarantine NAME
Result<int> RunReplay(LakeSession& session, const ReplayArguments& arguments,
                      const CancelToken& stop, const OutputOptions& output);

struct WindowsArguments {
  std::string name;  // empty: all
  bool until_idle = false;
  bool is_full_refresh = false;
  bool is_look() const { return !until_idle && !is_full_refresh; }
};

/// The command with its options, which go to `arguments`.
CLI::App* AddWindowsOptions(CLI::App& app, WindowsArguments& arguments);

/// daypart windows [NAME]
Result<int> RunWindows(LakeSession& session, const WindowsArguments& arguments,
                       const OutputOptions& output);

struct SendArguments {
  std::string file = "-";
  std::string stream;
  std::string key_field = "viewer_id";
  int64_t rate = 0;  // records a second; 0: as fast as they are taken
  std::string endpoint;
  std::string region;
  bool is_aws = false;
  int connections_count = 4;
  int64_t live = 0;  // events to make up instead of reading
  /// Unless given, the events of each run are others, with ids of their own.
  std::optional<uint64_t> seed;
  uint64_t late_permille = 0;
  uint64_t repeated_permille = 0;
};

CLI::App* AddSendOptions(CLI::App& app, SendArguments& arguments);

/// daypart send [FILE.jsonl|-] --stream NAME. What was read is sent even if `stop` is cancelled.
Result<int> RunSend(LakeSession& session, const SendArguments& arguments, const CancelToken& stop,
                    const OutputOptions& output);

struct ServeArguments {
  std::optional<std::string> listen;  // ADDRESS:PORT instead of the configured one
  std::optional<uint16_t> port;       // instead of the address's; 0 for any that is free
};

/// daypart serve, until `stop` is cancelled, which the session must know as its own token.
Result<int> RunServe(LakeSession& session, const ServeArguments& arguments,
                     const CancelToken& stop, const OutputOptions& output);

/// daypart doctor; needs no lake that opens. config_path: as --config.
Result<int> RunDoctor(const std::optional<std::string>& config_path, const CancelToken& cancel,
                      const OutputOptions& output);

struct DeployIamArguments {
  std::string role;     // empty: all
  std::string account;  // empty: the caller's
  std::string out;      // a folder for files; empty: to standard output
  std::vector<std::string> databases;  // of Glue, more than media and media_raw
};

/// daypart deploy iam
Result<int> RunDeployIam(LakeSession& session, const DeployIamArguments& arguments,
                         const OutputOptions& output);

/// daypart queries
Result<int> RunQueries(const Config& config, const OutputOptions& output);

}  // namespace daypart::app
