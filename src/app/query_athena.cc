// SPDX-License-Identifier: Apache-2.0
//
// Rows to standard output, the note on scanned bytes and cost to standard error.
#include "app/query_athena.h"

#include <cstdio>

#include <arrow/type.h>
#include <fmt/format.h>

#include "app/commands.h"
#include "query/athena_query.h"
#include "query/athena_rows.h"

namespace daypart::app {
namespace {

std::string NoteOf(const aws::AthenaStatement& statement, double usd_per_tib) {
  std::string note = "Athena: " + FormatSeconds(static_cast<double>(statement.total_ms) / 1000);
  if (statement.is_reused) return note + ", an earlier result was taken, nothing scanned";
  note += ", " + FormatBytes(statement.scanned_bytes) + " scanned";
  const double usd = aws::AthenaCostUsd(statement, usd_per_tib);
  if (usd > 0) note += fmt::format(", about {:.6f} USD", usd);
  return note + ", statement " + statement.id;
}

}  // namespace

std::string AthenaOutput(const Config& config) {
  if (!config.athena_output.empty()) return config.athena_output;
  const bool has_place = config.athena_workgroup != "primary" || !config.is_on_s3();
  return has_place ? "" : config.store_location + "/athena-results/";
}

Result<std::unique_ptr<aws::Athena>> OpenAthena(LakeSession& session, const CancelToken* cancel) {
  const Config& config = session.config();
  const AwsParts parts = session.aws();
  aws::AthenaOptions options;
  options.region = session.Region(config.athena_region);
  DAYPART_TRY(const auto endpoint,
              session.Endpoint(config.athena_endpoint, "athena", options.region));
  options.endpoint = endpoint.url;
  options.workgroup = config.athena_workgroup;
  options.output = AthenaOutput(config);
  if (config.store_encryption == "AES256") options.encryption = "SSE_S3";
  if (config.store_encryption == "aws:kms" && !config.store_kms_key.empty()) {
    options.encryption = "SSE_KMS";
    options.kms_key = config.store_kms_key;
  }
  options.catalog = config.athena_catalog;
  options.database = config.athena_database;
  options.reuse_minutes = config.athena_reuse_minutes;
  return std::make_unique<aws::Athena>(parts.http, parts.credentials, parts.clock, parts.random,
                                       cancel, std::move(options));
}

Result<int> RunAthenaQuery(LakeSession& session, const std::string& sql,
                           query::OutputFormat format, bool is_write,
                           const OutputOptions& output) {
  DAYPART_TRY(const bool is_reading, query::IsReadingStatement(sql));
  if (!is_reading && !is_write) {
    return Unsupported("a statement that changes rows or tables wants --write");
  }
  const CancelToken& cancel = session.context().cancel;
  DAYPART_TRY(const auto athena, OpenAthena(session, &cancel));
  DAYPART_TRY(const auto statement, query::RunInAthena(*athena, session.clock(), cancel, sql));
  DAYPART_TRY(const auto rows, query::RowsOfAthena(*athena, session.store(), statement));
  if (rows->schema()->num_fields() > 0) {
    DAYPART_TRY(const int64_t count, query::WriteRows(*rows, format, stdout));
    if (format == query::OutputFormat::kTable && !output.is_quiet) {
      PrintNotice(FormatCount(count) + (count == 1 ? " row" : " rows"));
    }
  }
  if (!output.is_quiet) PrintNotice(NoteOf(statement, session.config().athena_usd_per_tib));
  return kExitDone;
}

}  // namespace daypart::app
