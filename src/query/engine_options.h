// SPDX-License-Identifier: Apache-2.0
//
// EngineOptions: the bounds of an engine's statements and where names are looked for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lake/hot_rows.h"

namespace daypart::query {

class SessionPool;

struct EngineOptions {
  int64_t memory_bytes_max = int64_t{512} << 20;
  int threads_count = 2;
  /// For what does not fit in memory; created when needed, removed with the engine.
  std::string spill_directory;
  /// Databases in which a bare table name is looked for, in order.
  std::vector<std::string> search_path = {"media", "media_raw"};
  /// Folder of NAME.sql files, each a SELECT: views for names that no database has as a table. May
  /// be empty.
  std::string views_directory;
  /// Asked every so often, from another thread, while a statement runs; true cuts it off with
  /// kCancelled.
  std::function<bool()> is_given_up;
  /// Who knows of rows beyond snapshots, which SELECTs see then; null: committed rows only. Must
  /// outlive the engine.
  lake::HotTables* hot_tables = nullptr;
  /// Sessions that SELECTs use again; null: each opens its own. Must outlive the engine's rows.
  SessionPool* sessions = nullptr;
};

}  // namespace daypart::query
