// SPDX-License-Identifier: Apache-2.0
//
// UncommittedRows: what the lake's own stream log holds beyond the commits to the tables, for a
// query of a process of its own, where no server has it in memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/hot_streams.h"
#include "app/lake_session.h"
#include "app/stream_session.h"
#include "base/cancel.h"
#include "lake/hot_rows.h"

namespace daypart::app {

/// For one thread. Reads a table's streams when the table is first asked for; streams of folders
/// and of Kinesis, whose records are not the lake's, are left to who takes them in.
class UncommittedRows final : public lake::HotTables {
 public:
  /// Both must outlive it.
  UncommittedRows(LakeSession& session, const CancelToken& cancel);

  bool has(const catalog::TableName& table) const override;
  /// What cannot be read is told in the log, and the table read without it.
  bool Await(const catalog::TableName& table) override;
  Result<std::unique_ptr<lake::HotRows>> Pin(const lake::LoadedTable& table) override;

 private:
  Status Read(const std::string& name);

  LakeSession& session_;
  const CancelToken& cancel_;
  HotStreams streams_;
  std::map<std::string, catalog::TableName> waiting_;  // by stream: not read yet
  std::map<std::string, catalog::TableName> tables_;   // of all the lake's own streams
  std::vector<std::unique_ptr<HotStreams::Running>> read_;
};

}  // namespace daypart::app
