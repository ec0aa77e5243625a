// SPDX-License-Identifier: Apache-2.0
//
// daypart query: SQL over the lake, the rows to standard output.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "app/commands.h"
#include "query/engine.h"
#include "query/format.h"

namespace daypart::app {

Result<int> RunQuery(LakeSession& session, const QueryArguments& arguments,
                     const OutputOptions& output) {
  std::string sql = arguments.sql;
  if (!arguments.file.empty()) {
    std::ifstream file(arguments.file);
    if (!file) return NotFound(arguments.file + ": a file with SQL is expected, there is none");
    sql.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (sql.empty()) return InvalidArgument("SQL is expected: daypart query 'SELECT …' or -f FILE");
  DAYPART_TRY(const auto format,
              query::ParseOutputFormat(output.is_json ? "json" : arguments.format));
  query::EngineOptions options;
  options.memory_bytes_max = session.config().query_memory_bytes;
  options.threads_count = session.config().threads_count;
  options.views_directory = (session.config().sql_directory / "views").string();
  DAYPART_TRY(const auto engine,
              query::OpenEngine(session.context(), session.catalog(), std::move(options)));
  const UtcMicros start = session.clock().Now();
  DAYPART_TRY(const auto rows, engine->Query(sql));
  DAYPART_TRY(const int64_t count, query::WriteRows(*rows, format, stdout));
  if (format == query::OutputFormat::kTable && !output.is_quiet) {
    const double seconds =
        static_cast<double>(session.clock().Now().value() - start.value()) / 1e6;
    const auto& statistics = rows->statistics();
    std::string note = FormatCount(count) + (count == 1 ? " row in " : " rows in ") +
                       FormatSeconds(seconds);
    if (statistics.tables > 0) {
      note += ", " + FormatCount(statistics.files_read) + " of " +
              FormatCount(statistics.files_total) + " files read";
    }
    PrintNotice(note);
  }
  return kExitDone;
}

}  // namespace daypart::app
