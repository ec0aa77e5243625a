// SPDX-License-Identifier: Apache-2.0
//
// WindowDeclaration: a continuous aggregate as written down in sql/windows/NAME.sql: a head of
// `-- key: value` lines and one SELECT that groups by tumble, hop or session. Taken apart here, put
// together for each purpose in window_sql. See docs/windows.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace daypart::windows {

enum class WindowKind { kTumbling, kHopping, kSession };
std::string_view NameOf(WindowKind kind);

struct WindowDeclaration {
  std::string name;  // of the file, without .sql
  catalog::TableName target;
  catalog::TableName source;
  WindowKind kind = WindowKind::kTumbling;
  std::string time_column;
  int64_t size_micros = 0;   // of a session: the gap that ends it
  int64_t slide_micros = 0;  // between the begins of two windows; of a tumbling one its size
  int64_t offset_micros = 0;
  /// How long after its end a window is still corrected.
  int64_t lateness_micros = int64_t{3'600} * 1'000'000;
  /// A shard that gave nothing for so long holds up no watermark.
  int64_t idle_ms = 60'000;
  std::string partition = "day(window_start)";  // of the target when it is made

  // The SELECT by its clauses.
  std::string select_list;
  std::string alias;  // of the source, quotes kept
  std::string where;  // empty if there is none
  std::vector<std::string> keys;  // names to group by besides the window, without quotes
  std::string having;  // empty if there is none

  /// Changes when what is computed changes; comments and the head's other settings do not count.
  std::string fingerprint;
};

/// name: of the file. errors: kInvalidArgument, telling what was expected and where.
Result<WindowDeclaration> ParseWindowDeclaration(std::string_view name, std::string_view text);

/// All *.sql files of the folder by name; none if there is no such folder. errors: those of
/// ParseWindowDeclaration, naming the file; kInvalidArgument if two have the same target.
Result<std::vector<WindowDeclaration>> ReadWindowDeclarations(const std::filesystem::path& folder);

}  // namespace daypart::windows
