// SPDX-License-Identifier: Apache-2.0
//
// daypart doctor: the findings as lines or as JSON; exit code 1 if one of them has to be mended.
#include <arrow/record_batch.h>

#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/doctor.h"
#include "query/engine.h"

namespace daypart::app {
namespace {

const char* OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kFine: return "ok";
    case Outcome::kFailed: return "failed";
    case Outcome::kSkipped: return "skipped";
  }
  return "";
}

void ExamineDuckdb(LakeSession& session, Findings& findings) {
  query::EngineOptions options;
  options.memory_bytes_max = session.config().query_memory_bytes;
  options.threads_count = session.config().threads_count;
  const auto answer = [&]() -> Result<int64_t> {
    DAYPART_TRY(const auto engine,
                query::OpenEngine(session.context(), session.raw_catalog(), options));
    DAYPART_TRY(const auto rows, engine->Query("SELECT 6 * 7 AS answer"));
    DAYPART_TRY(const auto cursor, rows->NewCursor());
    DAYPART_TRY(const auto batch, cursor->Next());
    return batch == nullptr ? 0 : batch->num_rows();
  }();
  if (answer && *answer == 1) {
    findings.Fine("duckdb", "query",
                  "answers, with up to " + FormatBytes(options.memory_bytes_max));
  } else {
    findings.Failed("duckdb", "query", answer ? "no row came" : answer.error().message,
                    "see query.memory in daypart.toml, and that libduckdb.so is whole");
  }
}

/// All but the configuration itself, which is read by now.
Status Examine(Config config, const CancelToken& cancel, Findings& findings) {
  ExamineMachine(config, findings);
  // A catalog that cannot be opened has been told; this session is to open all the same.
  Config calls = std::move(config);
  const std::string kind = std::exchange(calls.catalog_kind, kNoCatalog);
  DAYPART_TRY(const auto probing, LakeSession::Open(calls, true, cancel));
  ExamineDuckdb(*probing, findings);
  calls.catalog_kind = kind;
  if (!is_on_aws(calls)) return Ok();
  ExamineAws(*probing, kind, findings);
  return Ok();
}

/// Without a lake the credentials can be looked at all the same.
Status ExamineWithoutLake(const CancelToken& cancel, Findings& findings) {
  Config none;
  none.catalog_kind = kNoCatalog;
  DAYPART_TRY(const auto probing, LakeSession::Open(none, true, cancel));
  ExamineCredentialsAlone(*probing, findings);
  return Ok();
}

void Print(const Findings& findings, const OutputOptions& output) {
  nlohmann::json json = nlohmann::json::array();
  for (const Check& check : findings.checks()) {
    json.push_back({{"service", check.service},
                    {"check", check.what},
                    {"outcome", OutcomeName(check.outcome)},
                    {"found", check.found},
                    {"missing_action", check.missing},
                    {"remedy", check.remedy}});
    const bool is_shown = !output.is_quiet || check.outcome == Outcome::kFailed;
    if (output.is_json || !is_shown) continue;
    std::string line = std::string(OutcomeName(check.outcome)) + ' ' + check.service + ": " +
                       check.what + ": " + check.found;
    if (!check.remedy.empty()) line += "\n    do: " + check.remedy;
    PrintLine(line);
  }
  if (output.is_json) {
    PrintLine(nlohmann::json{{"is_well", findings.is_well()}, {"checks", json}}.dump(2));
  }
}

}  // namespace

Result<int> RunDoctor(const std::optional<std::string>& config_path, const CancelToken& cancel,
                      const OutputOptions& output) {
  Findings findings;
  const auto file = FindConfig(config_path, std::filesystem::current_path());
  auto config = file ? LoadConfig(*file) : Result<Config>(file.error());
  if (!config) {
    findings.Failed("configuration", "read", config.error().message,
                    "correct the file, or make a lake: daypart init");
    if (!file) {
      Status examined = ExamineWithoutLake(cancel, findings);
      if (!examined) {
        findings.Failed("session", "open", examined.error().message, "see the message");
      }
    }
  } else {
    findings.Fine("configuration", "read", file->string());
    Status examined = Examine(std::move(config).value(), cancel, findings);
    if (!examined) {
      findings.Failed("session", "open", examined.error().message, "see the message");
    }
  }
  Print(findings, output);
  return findings.is_well() ? kExitDone : kExitFailed;
}

}  // namespace daypart::app
