// SPDX-License-Identifier: Apache-2.0
//
// A stream's log is opened only where it has more than is committed: its window of ids takes time.
#include "app/uncommitted_rows.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "app/output.h"
#include "base/log.h"

namespace daypart::app {

UncommittedRows::UncommittedRows(LakeSession& session, const CancelToken& cancel)
    : session_(session), cancel_(cancel), streams_(session) {
  const auto logs = session.config().lake_directory / "streams";
  for (const auto& [name, stream] : session.config().streams) {
    std::error_code error;
    if (!stream.source.empty() || !std::filesystem::exists(logs / name, error)) continue;
    if (auto table = catalog::ParseTableName(stream.table, "media")) tables_[name] = *table;
  }
  waiting_ = tables_;
}

bool UncommittedRows::has(const catalog::TableName& table) const {
  return std::ranges::any_of(tables_, [&](const auto& entry) { return entry.second == table; });
}

bool UncommittedRows::Await(const catalog::TableName& table) {
  for (const auto& [name, of] : tables_) {
    if (of != table || waiting_.erase(name) == 0) continue;
    const Status read = Read(name);
    if (read) continue;
    Log(LogLevel::kWarning, "stream " + name + ": " + read.error().message);
  }
  return true;  // What is left out was told, with its reason.
}

Status UncommittedRows::Read(const std::string& name) {
  DAYPART_TRY(auto opened,
              StreamSession::Open(session_, session_.config().streams.at(name),
                                  {.serves_rows = true, .reads_only = true}, cancel_));
  const std::shared_ptr<StreamSession> stream = std::move(opened);
  DAYPART_TRY(const auto uncommitted, stream->CountUncommitted());
  if (uncommitted.records_count == 0) return Ok();
  const std::string remedy = "daypart stream " + name + " --until-idle takes them in";
  const auto left_out = [&](int64_t count, const std::string& why) {
    return "not in this answer: its " + Counted(count, "newest record") + ", not committed (" +
           why + "); " + remedy;
  };
  if (!uncommitted.has_table) {
    return Unavailable(Counted(uncommitted.records_count, "record") + " of it wait for the table " +
                       ToString(tables_.at(name)) + ", which is not there yet: " + remedy);
  }
  const auto has_all = stream->ReadUncommitted();
  if (!has_all) {
    return Unavailable(left_out(uncommitted.records_count, has_all.error().message));
  }
  read_.push_back(streams_.Add(stream));
  if (*has_all) return Ok();
  DAYPART_TRY(const int64_t unread, stream->CountUnread());
  return ResourceExhausted(
      left_out(unread, "they do not fit into the memory of [stream." + name + "]"));
}

Result<std::unique_ptr<lake::HotRows>> UncommittedRows::Pin(const lake::LoadedTable& table) {
  return streams_.Pin(table);
}

}  // namespace daypart::app
