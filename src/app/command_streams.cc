// SPDX-License-Identifier: Apache-2.0
//
// daypart stream create | list | describe | delete: streams themselves, not their events.
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/server_notice.h"
#include "app/stream_service.h"
#include "app/stream_session.h"

namespace daypart::app {
namespace {

nlohmann::json ToJson(const StreamFacts& facts) {
  return {{"stream", facts.name},
          {"arn", facts.arn.empty() ? nlohmann::json() : nlohmann::json(facts.arn)},
          {"status", facts.status},
          {"mode", facts.mode},
          {"shards", facts.open_shards},
          {"retention_hours", facts.retention_hours}};
}

std::string Described(const StreamFacts& facts) {
  return facts.name + ": " + Counted(facts.open_shards, "open shard") + ", " + facts.mode + ", " +
         facts.status + ", records kept for " + Counted(facts.retention_hours, "hour") +
         (facts.arn.empty() ? "" : "\narn " + facts.arn);
}

Result<std::unique_ptr<StreamService>> ServiceOf(LakeSession& session,
                                                 const NamedStreamArguments& arguments,
                                                 StreamTarget& target, const CancelToken& stop) {
  DAYPART_TRY(target, StreamTargetOf(session, {.stream = arguments.name,
                                               .endpoint = arguments.endpoint,
                                               .region = arguments.region,
                                               .is_aws = arguments.is_aws}));
  return StreamService::Open(session, target, !arguments.endpoint.empty(), stop);
}

/// What to do next with a stream that was just made.
std::string NextStep(const LakeSession& session, const NamedStreamArguments& arguments) {
  const std::string where = arguments.is_aws ? " --aws" : "";
  const auto configured = session.config().streams.find(arguments.name);
  const bool is_served = ServerNotice::Find(session.config().lake_directory.string()).has_value();
  if (is_served && configured != session.config().streams.end()) {
    return "next: daypart send FILE.jsonl --stream " + arguments.name + where +
           "; daypart serve, which runs, takes it into " + configured->second.table;
  }
  const std::string from = arguments.is_aws ? " --from kinesis:" + arguments.name : "";
  return "next: daypart send FILE.jsonl --stream " + arguments.name + where +
         (arguments.is_aws || is_served ? "" : " while daypart serve runs") +
         ", then daypart stream " + arguments.name + from;
}

struct ListedStream {
  std::string source;
  std::optional<StreamFacts> facts;
  std::string table;
};

/// Streams that there are, and those that daypart.toml names.
Result<std::map<std::string, ListedStream>> ListOf(LakeSession& session, StreamService& service,
                                                   bool is_aws) {
  std::map<std::string, ListedStream> streams;
  for (const auto& [name, config] : session.config().streams) {
    if (is_aws || config.source.empty()) continue;
    streams[name] = {.source = config.source, .facts = {}, .table = config.table};
  }
  DAYPART_TRY(const auto names, service.List());
  for (const std::string& name : names) {
    ListedStream& listed = streams[is_aws ? "kinesis:" + name : name];
    if (is_aws) {
      listed.source = "kinesis:" + name;
      continue;
    }
    DAYPART_TRY(listed.facts, service.Describe(name));
    if (listed.source.empty()) listed.source = "lake";
    const auto config = StreamConfigOf(session.config(), name);
    if (config) listed.table = config->table;
  }
  return streams;
}

/// What a stream of the lake holds that its table or its files do not have would be lost with it.
/// errors: kConflict then.
Status CheckAllCommitted(LakeSession& session, const std::string& name, const CancelToken& stop) {
  DAYPART_TRY(StreamConfig config, StreamConfigOf(session.config(), name));
  const bool is_served = session.config().streams.contains(name) &&
                         ServerNotice::Find(session.config().lake_directory.string());
  const int64_t commit_seconds = std::max(config.commit_seconds, config.files_commit_seconds);
  config.source.clear();  // the one to be deleted is the lake's own
  DAYPART_TRY(const auto stream, StreamSession::Open(session, std::move(config),
                                                     {.reads_only = true}, stop));
  DAYPART_TRY(const auto backlogs, stream->Backlogs());
  if (backlogs.empty()) return Ok();
  std::string told;
  for (const auto& [sink, records_count] : backlogs) {
    told += (told.empty() ? "" : ", ") + Counted(records_count, "record") + " not in " + sink;
  }
  const std::string next =
      is_served ? "daypart serve, which runs, commits them within " +
                      Counted(commit_seconds, "second") + ": wait for it"
                : "take them in with: daypart stream " + name + " --until-idle";
  return Conflict("stream " + name + " is expected to be committed, it holds " + told + "; " +
                  next + "; or delete them with --force");
}

}  // namespace

Result<int> RunStreamCreate(LakeSession& session, const NamedStreamArguments& arguments,
                            const CancelToken& stop, const OutputOptions& output) {
  StreamTarget target;
  DAYPART_TRY(const auto service, ServiceOf(session, arguments, target, stop));
  DAYPART_RETURN_IF_ERROR(
      service->Create(target.place.stream, arguments.is_on_demand ? 0 : arguments.shards_count));
  DAYPART_TRY(const StreamFacts facts, service->Describe(target.place.stream));
  if (output.is_json) {
    PrintLine(ToJson(facts).dump());
  } else if (!output.is_quiet) {
    PrintLine("made " + Described(facts));
    PrintLine(NextStep(session, arguments));
  }
  return kExitDone;
}

Result<int> RunStreamDescribe(LakeSession& session, const NamedStreamArguments& arguments,
                              const CancelToken& stop, const OutputOptions& output) {
  StreamTarget target;
  DAYPART_TRY(const auto service, ServiceOf(session, arguments, target, stop));
  DAYPART_TRY(const StreamFacts facts, service->Describe(target.place.stream));
  PrintLine(output.is_json ? ToJson(facts).dump() : Described(facts));
  return kExitDone;
}

Result<int> RunStreamDelete(LakeSession& session, const NamedStreamArguments& arguments,
                            const CancelToken& stop, const OutputOptions& output) {
  StreamTarget target;
  DAYPART_TRY(const auto service, ServiceOf(session, arguments, target, stop));
  // Another server's streams are not known here, nor who takes what is at Kinesis.
  if (target.is_local && arguments.endpoint.empty() && !arguments.is_forced) {
    DAYPART_TRY(const StreamFacts facts, service->Describe(arguments.name));
    const Status committed = CheckAllCommitted(session, facts.name, stop);
    if (!committed) return committed.error();
  }
  DAYPART_RETURN_IF_ERROR(service->Delete(target.place.stream));
  if (output.is_json) {
    PrintLine(nlohmann::json{{"stream", target.place.stream}, {"deleted", true}}.dump());
  } else if (!output.is_quiet) {
    PrintLine("deleted " + target.place.stream +
              " with the records in it; tables that it filled stay as they are");
  }
  return kExitDone;
}

Result<int> RunStreamList(LakeSession& session, const NamedStreamArguments& arguments,
                          const CancelToken& stop, const OutputOptions& output) {
  StreamTarget target;
  DAYPART_TRY(const auto service, ServiceOf(session, arguments, target, stop));
  DAYPART_TRY(const auto streams, ListOf(session, *service, arguments.is_aws));
  nlohmann::json json = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, listed] : streams) {
    const auto number = [&](auto member) {
      return listed.facts ? nlohmann::json((*listed.facts).*member) : nlohmann::json();
    };
    json.push_back({{"stream", name},
                    {"source", listed.source},
                    {"shards", number(&StreamFacts::open_shards)},
                    {"retention_hours", number(&StreamFacts::retention_hours)},
                    {"table", listed.table}});
    rows.push_back({name, listed.source,
                    listed.facts ? FormatCount(listed.facts->open_shards) : "",
                    listed.facts ? FormatCount(listed.facts->retention_hours) + " h" : "",
                    listed.table});
  }
  if (output.is_json) {
    PrintLine(json.dump(2));
  } else if (rows.empty()) {
    PrintLine("no streams yet; make one with: daypart stream create NAME");
  } else {
    PrintLine(FormatTable({"stream", "source", "shards", "kept for", "table"}, rows,
                          {false, false, true, true, false}));
  }
  return kExitDone;
}

}  // namespace daypart::app
