// SPDX-License-Identifier: Apache-2.0
//
// What the command line declares: each command's options and the action they come to. main.cc
// parses and acts; the options_*.cc files declare, by groups of commands.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "base/cancel.h"
#include "base/result.h"

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace daypart::app {

/// Where the parsed values go. The declared options point into it.
struct Options {
  explicit Options(const CancelToken& token) : cancel(token) {}

  const CancelToken& cancel;  // set by Ctrl-C; must outlive the options
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
  NamedStreamArguments named_stream;
  WindowsArguments windows;
  ServeArguments serve;
  SendArguments send;
  DeployIamArguments iam;
  DeployGlueArguments glue;
  std::string crawl_with = "daypart";
  std::vector<std::string> maintain_words;
};

using Action = std::function<Result<int>()>;

/// Runs a command within a session, read_only for commands that only look.
Result<int> WithSession(const Options& options, bool read_only,
                        const std::function<Result<int>(LakeSession&)>& run);

/// Declare commands; the one that is parsed sets `action`. All three must stay where they are.
void AddLakeCommands(CLI::App& app, Options& options, Action& action);
void AddTableCommands(CLI::App& app, Options& options, Action& action);
void AddStreamCommands(CLI::App& app, Options& options, Action& action);

/// "append, overwrite or merge is expected, found 'appned'; did you mean append?"
CLI::Validator OneOf(std::vector<std::string> words);
/// "a whole number from 1 to 64 is expected, found '0'"
CLI::Validator WholeNumber(int64_t low, int64_t high = INT64_MAX);
/// "a URL such as http://127.0.0.1:8480 is expected, found 'foo'"
CLI::Validator HttpUrl();

}  // namespace daypart::app
