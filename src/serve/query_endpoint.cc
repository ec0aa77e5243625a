// SPDX-License-Identifier: Apache-2.0
//
// From a request to SQL, from rows to parts of the answer.
#include "serve/query_endpoint.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "query/format.h"
#include "serve/router.h"
#include "store/directory_store.h"

namespace daypart::serve {
namespace {

using nlohmann::json;

constexpr char kQueries[] = "daypart_queries_total";
constexpr char kRows[] = "daypart_query_rows_total";
constexpr char kRunning[] = "daypart_queries_running";
/// An answer that is smaller is sent in one piece, and errors until then have their own status.
constexpr size_t kPartBytes = size_t{256} << 10;

struct Asked {
  std::string sql;
  std::string format;
};

std::string FormatOf(const http::ServerRequest& request) {
  if (std::string format = request.Parameter("format"); !format.empty()) return format;
  const std::string_view accept = request.Header("accept");
  if (accept.find("arrow") != std::string_view::npos) return "arrow";
  if (accept.find("text/csv") != std::string_view::npos) return "csv";
  return "json";
}

Result<Asked> Parse(const http::ServerRequest& request) {
  Asked asked{.sql = request.body, .format = FormatOf(request)};
  // curl -d sends JSON as a form, others without a type: no statement begins with a brace.
  const size_t first = request.body.find_first_not_of(" \t\r\n");
  const bool is_json = request.Header("content-type").starts_with("application/json") ||
                       (first != std::string::npos && request.body[first] == '{');
  if (is_json) {
    const json body = json::parse(request.body, nullptr, false);
    if (!body.is_object() || !body.contains("sql") || !body["sql"].is_string() ||
        (body.contains("format") && !body["format"].is_string())) {
      return InvalidArgument(
          R"(JSON like {"sql": "SELECT 1", "format": "csv"} is expected, found another body)");
    }
    asked.sql = body["sql"].get<std::string>();
    asked.format = body.value("format", asked.format);
  }
  if (asked.sql.find_first_not_of(" \t\r\n;") == std::string::npos) {
    return InvalidArgument("a SELECT is expected as the body, found none");
  }
  if (asked.format != "json" && asked.format != "csv" && asked.format != "arrow") {
    return InvalidArgument("format json, csv or arrow is expected, found " + asked.format);
  }
  return asked;
}

std::string ContentTypeOf(const std::string& format) {
  if (format == "csv") return "text/csv; charset=utf-8";
  return format == "arrow" ? "application/vnd.apache.arrow.stream" : "application/json";
}

/// A stdio file whose bytes go to a client: the head with the first of them.
class ClientFile {
 public:
  ClientFile(http::ResponseWriter& writer, std::string content_type)
      : writer_(writer), content_type_(std::move(content_type)), buffer_(kPartBytes) {
    cookie_io_functions_t functions{};
    functions.write = [](void* self, const char* bytes, size_t count) -> ssize_t {
      // A count of 0 is what a stdio stream takes for an error.
      return static_cast<ClientFile*>(self)->Put({bytes, count}) ? static_cast<ssize_t>(count) : 0;
    };
    file_ = ::fopencookie(this, "w", functions);
    if (file_ != nullptr) std::setvbuf(file_, buffer_.data(), _IOFBF, buffer_.size());
  }
  ~ClientFile() {
    if (file_ != nullptr) std::fclose(file_);
  }
  ClientFile(const ClientFile&) = delete;
  ClientFile& operator=(const ClientFile&) = delete;

  std::FILE* file() { return file_; }
  bool has_begun() const { return has_begun_; }
  /// Before the first bytes.
  void AddHeader(std::string name, std::string value) {
    headers_.push_back({.name = std::move(name), .value = std::move(value)});
  }
  /// Nothing more goes out, not even what is held.
  void Abandon() { is_abandoned_ = true; }

 private:
  bool Put(std::string_view bytes) {
    if (is_abandoned_) return false;
    if (!has_begun_) {
      has_begun_ = true;
      if (!writer_.Begin({.content_type = content_type_, .headers = headers_})) return false;
    }
    return writer_.Write(bytes);
  }

  http::ResponseWriter& writer_;
  const std::string content_type_;
  http::Headers headers_;
  std::vector<char> buffer_;
  std::FILE* file_ = nullptr;
  bool has_begun_ = false;
  bool is_abandoned_ = false;
};

/// Where tables lie that the server makes; others cost a session of their own.
std::vector<std::string> FoldersOf(const lake::LakeContext& context) {
  auto folder = store::LocalPath(context.warehouse);
  if (!folder) return {};
  return {std::move(folder).value()};
}

}  // namespace

QueryEndpoint::QueryEndpoint(const lake::LakeContext& context, catalog::RawCatalog& raw,
                             query::EngineOptions options, Metrics& metrics)
    : context_(context),
      raw_(raw),
      options_(std::move(options)),
      sessions_(options_, FoldersOf(context), kQueriesMax),
      metrics_(metrics) {
  metrics_.Describe(kQueries, MetricKind::kCounter, "Queries that ended, by outcome");
  metrics_.Describe(kRows, MetricKind::kCounter, "Rows of query results that were sent");
  metrics_.Describe(kRunning, MetricKind::kGauge, "Queries running now");
  metrics_.OnRead([this] {
    const std::lock_guard lock(mutex_);
    metrics_.Set(kRunning, {}, running_);
  });
}

bool QueryEndpoint::TakeTurn() {
  std::unique_lock lock(mutex_);
  if (!ended_.wait_for(lock, kQueryWaitMax, [this] { return running_ < kQueriesMax; })) {
    return false;
  }
  ++running_;
  return true;
}

void QueryEndpoint::GiveTurn() {
  {
    const std::lock_guard lock(mutex_);
    --running_;
  }
  ended_.notify_one();
}

void QueryEndpoint::Handle(const http::ServerRequest& request, http::ResponseWriter& writer) {
  const auto asked = Parse(request);
  if (!asked) return SendError(writer, asked.error());
  if (!TakeTurn()) {
    return SendError(writer, 503, "unavailable",
                     std::to_string(kQueriesMax) + " queries run already; try again later");
  }
  Run(asked->sql, asked->format, writer);
  GiveTurn();
}

void QueryEndpoint::Run(const std::string& sql, const std::string& format,
                        http::ResponseWriter& writer) {
  ClientFile client(writer, ContentTypeOf(format));
  // Kept until the answer has ended: whoever waits for it need not wait for the clean-up.
  std::unique_ptr<query::Engine> engine;
  std::unique_ptr<query::Rows> rows;
  const auto run = [&]() -> Result<int64_t> {
    if (client.file() == nullptr) return ResourceExhausted("no stream for the answer");
    query::EngineOptions options = options_;
    options.is_given_up = [&writer] { return !writer.is_open(); };
    options.sessions = &sessions_;
    DAYPART_TRY(engine, query::OpenEngine(context_, raw_, std::move(options)));
    DAYPART_TRY(rows, engine->Query(sql));
    client.AddHeader(kRowsNotCommittedHeader,
                     std::to_string(rows->statistics().rows_not_committed));
    std::string behind;
    for (const auto& table : rows->statistics().tables_behind) {
      behind += (behind.empty() ? "" : ", ") + table;
    }
    if (!behind.empty()) client.AddHeader(kTablesBehindHeader, behind);
    DAYPART_TRY(const auto output, query::ParseOutputFormat(format));
    DAYPART_TRY(const int64_t written, query::WriteRows(*rows, output, client.file()));
    if (std::fflush(client.file()) != 0) return Unavailable("the client takes no more");
    return written;
  };
  const auto count = run();
  metrics_.Add(kQueries, {{"outcome", count ? "done" : "failed"}});
  if (count) {
    metrics_.Add(kRows, {}, static_cast<double>(*count));
    writer.End();
    return;
  }
  client.Abandon();
  if (!client.has_begun()) return SendError(writer, count.error());
  Log(LogLevel::kWarning, "a query's answer was cut off: " + count.error().message);
}

}  // namespace daypart::serve
