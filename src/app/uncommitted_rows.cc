// SPDX-License-Identifier: Apache-2.0
//
// A stream's log is opened only where it has more than is committed: its window of ids takes time.
#include "app/uncommitted_rows.h"

#include <algorithm>
#include <filesystem>
#include <utility>

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
    Log(LogLevel::kWarning, "stream " + name + ": " + ToString(table) +
                                " is read without what is not committed: " + read.error().message);
  }
  return true;  // What is left out was told, with its reason.
}

Status UncommittedRows::Read(const std::string& name) {
  DAYPART_TRY(auto opened,
              StreamSession::Open(session_, session_.config().streams.at(name),
                                  {.serves_rows = true, .reads_only = true}, cancel_));
  const std::shared_ptr<StreamSession> stream = std::move(opened);
  DAYPART_TRY(const bool has_more, stream->HasUncommitted());
  if (!has_more) return Ok();
  DAYPART_TRY(const bool has_all, stream->ReadUncommitted());
  read_.push_back(streams_.Add(stream));
  if (has_all) return Ok();
  return ResourceExhausted("its newest records do not fit into the memory of [stream." + name +
                           "]; daypart stream " + name + " --until-idle takes them in");
}

Result<std::unique_ptr<lake::HotRows>> UncommittedRows::Pin(const lake::LoadedTable& table) {
  return streams_.Pin(table);
}

}  // namespace daypart::app
