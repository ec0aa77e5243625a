// SPDX-License-Identifier: Apache-2.0
//
// daypart diff: rows that a table gained, lost and changed between two snapshots; counts first.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/work_options.h"
#include "query/format.h"
#include "query/snapshot_diff.h"

namespace daypart::app {

Result<int> RunDiff(LakeSession& session, const DiffArguments& arguments,
                    const OutputOptions& output) {
  const bool is_json = output.is_json || arguments.format == "json";
  DAYPART_TRY(const auto format, query::ParseOutputFormat(is_json ? "json" : arguments.format));
  DAYPART_TRY(const auto name, catalog::ParseTableName(arguments.table, "media"));
  DAYPART_TRY(const auto table, lake::LoadTable(session.context(), name));
  query::EngineOptions engine = EngineOptionsOf(session.config());
  DAYPART_TRY(auto diff,
              query::SnapshotDiff::Open(session.context(), session.raw_catalog(), engine, table,
                                        {.from = arguments.from,
                                         .to = arguments.to,
                                         .key_columns = arguments.key_columns}));
  if (is_json) {
    nlohmann::ordered_json counts{{"added", diff.added()},
                                  {"removed", diff.removed()},
                                  {"changed", diff.changed()},
                                  {"files_read", diff.files_read()},
                                  {"files_shared", diff.files_shared()}};
    std::string head = counts.dump();
    head.back() = ',';  // the rows follow in the same object
    (void)std::fputs((head + "\"rows\":").c_str(), stdout);  // WriteRows tells of a broken pipe
    DAYPART_TRY(const int64_t count, query::WriteRows(diff.rows(), format, stdout));
    (void)count;
    PrintLine("}");
    return kExitDone;
  }
  const std::string counts = FormatCount(diff.added()) + " rows added, " +
                             FormatCount(diff.removed()) + " removed, " +
                             FormatCount(diff.changed()) + " changed; " +
                             FormatCount(diff.files_read()) + " files read, " +
                             FormatCount(diff.files_shared()) + " in both";
  // A CSV file is to hold rows alone.
  if (format == query::OutputFormat::kTable) {
    PrintLine(counts);
    (void)std::fflush(stdout);  // WriteRows tells of a broken pipe
  } else if (!output.is_quiet) {
    PrintNotice(counts);
  }
  DAYPART_TRY(const int64_t count, query::WriteRows(diff.rows(), format, stdout));
  (void)count;
  return kExitDone;
}

}  // namespace daypart::app
