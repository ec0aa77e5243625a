// SPDX-License-Identifier: Apache-2.0
//
// Endpoints by path and method; each answer is counted.
#include "serve/router.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace daypart::serve {
namespace {

constexpr char kRequests[] = "daypart_http_requests_total";
constexpr char kSeconds[] = "daypart_http_request_seconds";

/// Lets an answer through and remembers its status.
class ObservedWriter final : public http::ResponseWriter {
 public:
  explicit ObservedWriter(http::ResponseWriter& writer) : writer_(writer) {}
  void Send(const http::ResponseHead& head, std::string_view body) override {
    status_ = head.status;
    writer_.Send(head, body);
  }
  bool Begin(const http::ResponseHead& head) override {
    status_ = head.status;
    return writer_.Begin(head);
  }
  bool Write(std::string_view part) override { return writer_.Write(part); }
  bool End() override { return writer_.End(); }
  bool is_open() const override { return writer_.is_open(); }
  int status() const { return status_; }

 private:
  http::ResponseWriter& writer_;
  int status_ = 500;
};

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported: return 400;
    case ErrorCode::kPermissionDenied: return 403;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kConflict: return 409;
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
    case ErrorCode::kResourceExhausted: return 503;
    case ErrorCode::kCorruptData:
    case ErrorCode::kCommitUnknown: return 500;
  }
  return 500;
}

}  // namespace

void SendError(http::ResponseWriter& writer, int status, std::string_view code,
               const std::string& message) {
  const nlohmann::json body = {{"error", {{"code", code}, {"message", message}}}};
  // Messages quote what was sent, which need not be UTF-8.
  writer.Send({.status = status, .content_type = "application/json"},
              body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
}

void SendError(http::ResponseWriter& writer, const Error& error) {
  SendError(writer, StatusOf(error.code), ErrorCodeName(error.code), error.message);
}

bool is_loopback_host(std::string_view host) {
  if (host.starts_with("[::1]")) return host.size() == 5 || host[5] == ':';
  const std::string_view name = host.substr(0, host.find(':'));
  if (name == "localhost") return true;
  return name.starts_with("127.") && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isdigit(c) != 0 || c == '.';
         });
}

Router::Router(Clock& clock, Metrics& metrics) : clock_(clock), metrics_(metrics) {
  metrics_.Describe(kRequests, MetricKind::kCounter, "Requests answered, by path and status");
  metrics_.Describe(kSeconds, MetricKind::kHistogram, "Time from a request to its whole answer");
}

void Router::Add(const std::string& method, const std::string& path,
                 http::ServerHandler handler) {
  paths_[path][method] = std::move(handler);
}

void Router::Route(const http::ServerRequest& request, http::ResponseWriter& writer) const {
  const std::string_view host = request.Header("host");
  if (!host.empty() && !is_loopback_host(host)) {
    SendError(writer, 403, "permission denied",
              "a request to localhost or 127.0.0.1 is expected, found one to " +
                  std::string(host));
    return;
  }
  const auto path = paths_.find(std::string(request.path()));
  if (path == paths_.end()) {
    std::string known;
    for (const auto& [name, handlers] : paths_) known += (known.empty() ? "" : ", ") + name;
    SendError(writer, 404, "not found",
              "one of " + known + " is expected, found " + std::string(request.path()));
    return;
  }
  auto handler = path->second.find(request.method);
  if (handler == path->second.end() && request.method == "HEAD") handler = path->second.find("GET");
  if (handler == path->second.end()) {
    std::string methods;
    for (const auto& [name, known] : path->second) methods += (methods.empty() ? "" : ", ") + name;
    const nlohmann::json body = {
        {"error",
         {{"code", "unsupported"}, {"message", path->first + " is for " + methods + " only"}}}};
    writer.Send({.status = 405,
                 .content_type = "application/json",
                 .headers = {{"Allow", methods}}},
                body.dump() + '\n');
    return;
  }
  handler->second(request, writer);
}

void Router::Handle(const http::ServerRequest& request, http::ResponseWriter& writer) {
  const UtcMicros start = clock_.Now();
  ObservedWriter observed(writer);
  Route(request, observed);
  // Paths that nobody serves are one label: a scanner must not make the page grow.
  const std::string path(request.path());
  const std::string label = paths_.contains(path) ? path : "other";
  metrics_.Add(kRequests, {{"path", label}, {"status", std::to_string(observed.status())}});
  metrics_.Observe(kSeconds, {{"path", label}},
                   static_cast<double>(clock_.Now().value() - start.value()) / 1e6);
}

}  // namespace daypart::serve
