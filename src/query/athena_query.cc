// SPDX-License-Identifier: Apache-2.0
//
// The loop around a statement. Pauses: a short statement is seen to end after a tenth of a second,
// a long one is asked for each second, far below the 100 calls a second that an account has.
#include "query/athena_query.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>

#include "query/sql_tokens.h"

namespace daypart::query {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPauseMin{100};
constexpr milliseconds kPauseMax{1'000};
/// How long Ctrl-C may go unnoticed.
constexpr milliseconds kSlice{50};

void Pause(Clock& clock, const CancelToken& cancel, milliseconds duration) {
  while (duration.count() > 0 && !cancel.is_cancelled()) {
    const milliseconds slice = std::min(duration, kSlice);
    clock.Sleep(slice);
    duration -= slice;
  }
}

Error Stopped(aws::Athena& athena, const std::string& id) {
  const Status stopped = athena.Stop(id);
  if (stopped) {
    return Cancelled("stopped on request, statement " + id +
                     " too; what it scanned until then is billed");
  }
  return Cancelled("stopped on request, but statement " + id +
                   " could not be and may go on (aws athena stop-query-execution "
                   "--query-execution-id " +
                   id + "): " + stopped.error().message);
}

Error Failed(const aws::AthenaStatement& statement) {
  std::string message = "Athena: " + (statement.reason.empty() ? "no reason given"
                                                               : statement.reason) +
                        " (statement " + statement.id + ')';
  if (statement.may_be_retried) return Unavailable(message + "; Athena says: try again");
  return InvalidArgument(std::move(message));
}

}  // namespace

Result<bool> IsReadingStatement(const std::string& sql) {
  DAYPART_TRY(const auto tokens, Tokenize(sql));
  auto first = std::find_if(tokens.begin(), tokens.end(),
                            [](const Token& token) { return token.text != "("; });
  if (first == tokens.end()) return InvalidArgument("a statement is expected, found none");
  std::string word = Upper(first->text);
  const bool is_run = word == "EXPLAIN" && first + 1 != tokens.end() &&
                      Upper((first + 1)->text) == "ANALYZE";
  if (is_run) {
    // What is analyzed is carried out.
    first += 2;
    while (first != tokens.end() && (first->depth > 0 || first->text == "(" ||
                                     first->text == ")" || Upper(first->text) == "VERBOSE")) {
      ++first;
    }
    word = first == tokens.end() ? "" : Upper(first->text);
  }
  const std::initializer_list<std::string_view> kReading = {
      "SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"};
  return std::find(kReading.begin(), kReading.end(), word) != kReading.end();
}

Result<aws::AthenaStatement> RunInAthena(aws::Athena& athena, Clock& clock,
                                         const CancelToken& cancel, const std::string& sql) {
  DAYPART_TRY(const std::string id, athena.Start(sql));
  return WaitInAthena(athena, clock, cancel, id);
}

Result<aws::AthenaStatement> WaitInAthena(aws::Athena& athena, Clock& clock,
                                          const CancelToken& cancel, const std::string& id) {
  milliseconds pause = kPauseMin;
  while (true) {
    if (cancel.is_cancelled()) return Stopped(athena, id);
    auto statement = athena.Look(id);
    if (cancel.is_cancelled()) return Stopped(athena, id);
    if (!statement) {
      return std::move(statement).error().WithContext("statement " + id + " runs on in Athena");
    }
    switch (statement->state) {
      case aws::AthenaState::kSucceeded: return statement;
      case aws::AthenaState::kFailed: return Failed(*statement);
      case aws::AthenaState::kCancelled:
        return Cancelled("statement " + id + " was stopped in Athena: " + statement->reason);
      case aws::AthenaState::kQueued:
      case aws::AthenaState::kRunning: break;
    }
    Pause(clock, cancel, pause);
    pause = std::min(kPauseMax, pause * 3 / 2);
  }
}

}  // namespace daypart::query
