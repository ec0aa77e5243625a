// SPDX-License-Identifier: Apache-2.0
//
// Options of the commands about streams, and of the server.
#include <CLI/CLI.hpp>

#include "app/options.h"

namespace daypart::app {
namespace {

using NamedStreamCommand = Result<int> (*)(LakeSession&, const NamedStreamArguments&,
                                           const CancelToken&, const OutputOptions&);

/// A command about a stream itself.
CLI::App* AddNamed(CLI::App& stream, const std::string& name, const std::string& text,
                   Options& options, Action& action, NamedStreamCommand run) {
  auto* command = stream.add_subcommand(name, text);
  NamedStreamArguments& arguments = options.named_stream;
  if (name != "list") {
    command->footer("Example: daypart stream " + name + " clicks");
    command->add_option("NAME", arguments.name, "The stream")->required();
  }
  auto* endpoint =
      command->add_option("--endpoint", arguments.endpoint,
                          "Of the API; the lake itself, or its server if one runs, by default")
          ->check(HttpUrl());
  command->add_flag("--aws", arguments.is_aws, "At Amazon Kinesis")->excludes(endpoint);
  command->add_option("--region", arguments.region, "AWS_REGION or the profile's by default");
  command->callback([&options, &action, run] {
    action = [&options, run] {
      return WithSession(options, false, [&](LakeSession& session) {
        return run(session, options.named_stream, options.cancel, options.output);
      });
    };
  });
  return command;
}

void AddNamedStreams(CLI::App& stream, Options& options, Action& action) {
  auto* create =
      AddNamed(stream, "create", "Make a stream that takes records", options, action,
               RunStreamCreate);
  create->footer("Example: daypart stream create clicks --shards 4");
  auto* shards = create->add_option("--shards", options.named_stream.shards_count,
                                    "Shards: records of one key are in order within theirs (1)")
                     ->check(WholeNumber(1, 10'000));
  create->add_flag("--on-demand", options.named_stream.is_on_demand,
                   "The service chooses the shards")
      ->excludes(shards);
  AddNamed(stream, "list", "List the streams", options, action, RunStreamList);
  AddNamed(stream, "describe", "Show a stream's shards and retention", options, action,
           RunStreamDescribe);
  AddNamed(stream, "delete", "Delete a stream and the records in it", options, action,
           RunStreamDelete)
      ->add_flag("--force", options.named_stream.is_forced,
                 "Also records that its table or files do not have yet");
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
        return RunReplay(session, options.replay, options.cancel, options.output);
      });
    };
  });
  AddNamedStreams(*stream, options, action);
  stream->callback([&, stream] {
    if (!stream->get_subcommands().empty()) return;
    if (options.stream.name.empty()) throw CLI::RequiredError("NAME");
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        return RunStream(session, options.stream, options.cancel, options.output);
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

void AddServe(CLI::App& app, Options& options, Action& action) {
  auto* serve = app.add_subcommand(
      "serve", "Answer queries over HTTP on this machine and look after the tables");
  serve->footer("Example: daypart serve --listen 127.0.0.1:8480");
  serve->add_option("--listen", options.serve.listen, "Address and port (127.0.0.1:8480)");
  serve->add_option("--port", options.serve.port, "Port alone; 0 for any that is free")
      ->check(WholeNumber(0, 65535));
  serve->callback([&] {
    action = [&] {
      return WithSession(options, false, [&](LakeSession& session) {
        return RunServe(session, options.serve, options.cancel, options.output);
      });
    };
  });
}

void AddSend(CLI::App& app, Options& options, Action& action) {
  AddSendOptions(app, options.send)->callback([&] {
    action = [&] {
      return WithSession(options, true, [&](LakeSession& session) {
        return RunSend(session, options.send, options.cancel, options.output);
      });
    };
  });
}

}  // namespace

void AddStreamCommands(CLI::App& app, Options& options, Action& action) {
  AddStream(app, options, action);
  AddWindows(app, options, action);
  AddServe(app, options, action);
  AddSend(app, options, action);
}

}  // namespace daypart::app
