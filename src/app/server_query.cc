// SPDX-License-Identifier: Apache-2.0
//
// POST /query, the answer as an Arrow stream.
#include "app/server_query.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/server_notice.h"
#include "app/server_watch.h"
#include "base/log.h"
#include "http/client.h"
#include "lake/arrow_io.h"
#include "serve/query_endpoint.h"

namespace daypart::app {
namespace {

/// A longer answer is not held in memory: it is read from the committed rows, here.
constexpr uint64_t kAnswerBytesMax = uint64_t{1} << 30;

/// An answer in memory; one cursor has all rows.
class AnsweredRows final : public source::BatchSource {
 public:
  static Result<std::unique_ptr<source::BatchSource>> Open(std::string body) {
    auto rows = std::make_unique<AnsweredRows>();
    rows->bytes_ = arrow::Buffer::FromString(std::move(body));
    DAYPART_TRY(rows->reader_, lake::FromArrow(arrow::ipc::RecordBatchStreamReader::Open(
                                   std::make_shared<arrow::io::BufferReader>(rows->bytes_))));
    return std::unique_ptr<source::BatchSource>(std::move(rows));
  }
  std::shared_ptr<arrow::Schema> schema() const override { return reader_->schema(); }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    return std::unique_ptr<source::BatchCursor>(std::make_unique<Cursor>(*reader_));
  }

 private:
  class Cursor final : public source::BatchCursor {
   public:
    explicit Cursor(arrow::RecordBatchReader& reader) : reader_(reader) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      return lake::FromArrow(reader_.Next());
    }

   private:
    arrow::RecordBatchReader& reader_;
  };

  std::shared_ptr<arrow::Buffer> bytes_;  // shared with the batches
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader_;
};

/// {"error": {"code": "invalid argument", "message": "…"}}
Error ErrorOf(const http::Response& response) {
  constexpr std::array kCodes = {ErrorCode::kInvalidArgument, ErrorCode::kCorruptData,
                                 ErrorCode::kNotFound,        ErrorCode::kUnsupported,
                                 ErrorCode::kUnavailable,     ErrorCode::kResourceExhausted};
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) {
    return Unavailable("it answered with status " + std::to_string(response.status));
  }
  Error error = Unavailable(json["error"].value("message", "the server failed"));
  for (const ErrorCode code : kCodes) {
    if (json["error"].value("code", "") == ErrorCodeName(code)) error.code = code;
  }
  return error;
}

/// The whole answer of a server that lives.
/// errors: kUnavailable if there is none to be had; those that the server tells of the statement.
Result<http::Response> Ask(const std::string& url, const std::string& sql,
                           const CancelToken& cancel) {
  const auto client = http::MakeClient({});
  DAYPART_RETURN_IF_ERROR(CheckServerLives(*client, url, cancel));
  ServerWatch watch(*client, url, cancel);
  http::Request request;
  request.method = "POST";
  request.url = url + "/query?format=arrow";
  request.headers = {{"content-type", "text/plain; charset=utf-8"}};
  request.body = std::as_bytes(std::span(sql));
  request.body_bytes_max = kAnswerBytesMax;
  // The server sends nothing while a long statement sorts: the watch tells that from a hang.
  request.idle_timeout = std::chrono::hours(24);
  request.total_timeout = std::chrono::hours(24);
  request.cancel = &watch.token();
  request.received_bytes = &watch.received_bytes();
  auto response = client->Send(request);
  if (const Status watched = watch.End(); !watched) return watched.error();
  // Its rows are streamed here.
  if (!response && response.error().code == ErrorCode::kResourceExhausted) {
    return Unavailable(response.error().message);
  }
  if (response && !response->is_success()) return ErrorOf(*response);
  return response;
}

}  // namespace

Result<ServerAnswer> QueryServer(LakeSession& session, const std::string& sql) {
  if (session.config().streams.empty()) return ServerAnswer{};
  const auto url = ServerNotice::Find(session.config().lake_directory.string());
  if (!url) return ServerAnswer{};
  auto response = Ask(*url, sql, session.context().cancel);
  if (!response) {
    if (response.error().code != ErrorCode::kUnavailable) return std::move(response).error();
    Log(LogLevel::kWarning, "the server at " + *url + " did not answer (" +
                                response.error().message + "): this query is run without it");
    return ServerAnswer{};
  }
  ServerAnswer answer;
  // A server of an earlier version does not tell.
  const auto count = http::FindHeader(response->headers, serve::kRowsNotCommittedHeader);
  if (count) {
    std::from_chars(count->data(), count->data() + count->size(), answer.rows_not_committed);
  }
  answer.tables_behind = http::FindHeader(response->headers, serve::kTablesBehindHeader)
                             .value_or(std::string_view());
  DAYPART_TRY(answer.rows, AnsweredRows::Open(std::move(response->body)));
  return answer;
}

}  // namespace daypart::app
