// SPDX-License-Identifier: Apache-2.0
//
// libcurl's easy handles in a pool: a handle keeps its connections, so a thread that borrows one
// that talked to the same host before sends at once. The pool holds as many handles as there ever
// were requests at one time.
#include "http/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace daypart::http {
namespace {

bool is_same_name(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

/// A request under way, what the callbacks see of it.
struct Exchange {
  const Request& request;
  Response response;
  size_t sent_bytes = 0;
  int sends_count = 0;
  bool is_too_long = false;
  bool is_given_up = false;  // instead of being sent a second time
  bool is_ended = false;     // by Request::on_body
};

/// 64 KiB, libcurl's own limit for one header line, times a generous count of them.
constexpr size_t kHeadersMax = 256;

void CountReceived(const Request& request, size_t bytes) {
  if (request.received_bytes != nullptr) request.received_bytes->fetch_add(bytes);
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  CountReceived(exchange.request, size * count);
  std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // a new answer begins: the one before was a 100
    exchange.response.headers.clear();
    exchange.response.status = 0;
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) exchange.response.status = std::atoi(line.data() + space);
    return size * count;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string_view value = line.substr(colon + 1);
  constexpr std::string_view kSpace = " \t\r\n";
  value.remove_prefix(std::min(value.find_first_not_of(kSpace), value.size()));
  value = value.substr(0, value.find_last_not_of(kSpace) + 1);
  if (exchange.response.headers.size() >= kHeadersMax) return 0;
  exchange.response.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
  return size * count;
}

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const size_t bytes = size * count;
  CountReceived(exchange.request, bytes);
  Response& response = exchange.response;
  if (exchange.request.on_body && response.is_success()) {
    exchange.is_ended = !exchange.request.on_body({data, bytes});
    return exchange.is_ended ? 0 : bytes;
  }
  if (!exchange.request.into.empty() && response.is_success()) {
    if (bytes > exchange.request.into.size() - response.into_bytes) {
      exchange.is_too_long = true;
      return 0;
    }
    std::memcpy(exchange.request.into.data() + response.into_bytes, data, bytes);
    response.into_bytes += bytes;
    return bytes;
  }
  if (bytes > exchange.request.body_bytes_max - response.body.size()) {
    exchange.is_too_long = true;
    return 0;
  }
  response.body.append(data, bytes);
  return bytes;
}

size_t OnSend(char* into, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::span<const std::byte> rest = exchange.request.body.subspan(exchange.sent_bytes);
  const size_t bytes = std::min(size * count, rest.size());
  if (bytes > 0) std::memcpy(into, rest.data(), bytes);
  exchange.sent_bytes += bytes;
  return bytes;
}

int OnSeek(void* user, curl_off_t offset, int origin) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  exchange.sent_bytes = std::min(static_cast<size_t>(offset), exchange.request.body.size());
  return CURL_SEEKFUNC_OK;
}

/// libcurl sends a request again by itself when a kept connection ends before the answer. The
/// server may have acted on the first one, which a caller has to know of: only reads are repeated
/// unseen.
int OnPrereq(void* user, char*, char*, int, int) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string& method = exchange.request.method;
  exchange.is_given_up = ++exchange.sends_count > 1 && method != "GET" && method != "HEAD";
  return exchange.is_given_up ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& exchange = *static_cast<Exchange*>(user);
  const CancelToken* cancel = exchange.request.cancel;
  return cancel != nullptr && cancel->is_cancelled() ? 1 : 0;
}

template <typename Value>
void Set(const Handle& handle, CURLoption option, Value value) {
  // Options of this list exist in every libcurl that the build accepts; failing is our bug.
  (void)curl_easy_setopt(handle.get(), option, value);
}

/// The URL without its query, which may hold a signature.
std::string Shown(std::string_view url) { return std::string(url.substr(0, url.find('?'))); }

class CurlClient final : public Client {
 public:
  explicit CurlClient(ClientOptions options) : options_(std::move(options)) {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)started;  // fails only when out of memory; the handles would then fail too
  }

  Result<Response> Send(const Request& request) override {
    if (!request.url.starts_with("http://") && !request.url.starts_with("https://")) {
      return InvalidArgument("a URL that begins with http:// or https:// is expected, found '" +
                             Shown(request.url) + "'");
    }
    std::vector<Handle>& idle = request.prefers_http2 ? idle_http2_ : idle_;
    DAYPART_TRY(Handle handle, Borrow(idle));
    Exchange exchange{.request = request, .response = {}};
    const HeaderList headers = Prepare(handle, exchange);
    char text[CURL_ERROR_SIZE] = "";
    Set(handle, CURLOPT_ERRORBUFFER, text);
    const CURLcode code = curl_easy_perform(handle.get());
    Set(handle, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
    if (code == CURLE_OK) {
      Return(std::move(handle), idle);
      return std::move(exchange.response);
    }
    // A handle whose exchange failed is closed with its connection, whose state nobody knows.
    if (exchange.is_ended) return std::move(exchange.response);
    return ErrorOf(code, text, exchange);
  }

 private:
  Result<Handle> Borrow(std::vector<Handle>& idle) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle.empty()) {
        Handle handle = std::move(idle.back());
        idle.pop_back();
        return handle;
      }
    }
    Handle handle(curl_easy_init());
    if (handle == nullptr) return ResourceExhausted("no memory for an HTTP connection");
    return handle;
  }

  void Return(Handle handle, std::vector<Handle>& idle) {
    curl_easy_reset(handle.get());
    const std::lock_guard lock(mutex_);
    idle.push_back(std::move(handle));
  }

  HeaderList Prepare(const Handle& handle, Exchange& exchange) const {
    const Request& request = exchange.request;
    curl_slist* list = nullptr;
    for (const Header& header : request.headers) {
      // "Name;" is how libcurl is told to send a header without a value.
      const std::string line =
          header.value.empty() ? header.name + ";" : header.name + ": " + header.value;
      list = curl_slist_append(list, line.c_str());
    }
    // A 100-continue would cost a round trip before each upload.
    list = curl_slist_append(list, "Expect:");
    if (!FindHeader(request.headers, "Content-Type")) {
      list = curl_slist_append(list, "Content-Type:");
    }
    Set(handle, CURLOPT_URL, request.url.c_str());
    Set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    const auto version = request.prefers_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    Set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(version));
    Set(handle, CURLOPT_NOSIGNAL, 1L);
    Set(handle, CURLOPT_TCP_NODELAY, 1L);
    Set(handle, CURLOPT_PATH_AS_IS, 1L);
    Set(handle, CURLOPT_BUFFERSIZE, 512L << 10);
    Set(handle, CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
    Set(handle, CURLOPT_USERAGENT, options_.user_agent.c_str());
    if (!options_.ca_file.empty()) Set(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
    Set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
    Set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout.count()));
    Set(handle, CURLOPT_LOW_SPEED_LIMIT, request.on_body ? 1L : 1024L);
    Set(handle, CURLOPT_LOW_SPEED_TIME,
        std::max(1L, static_cast<long>(request.idle_timeout.count() / 1000)));
    Set(handle, CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(handle, CURLOPT_HEADERDATA, &exchange);
    Set(handle, CURLOPT_WRITEFUNCTION, &OnBody);
    Set(handle, CURLOPT_WRITEDATA, &exchange);
    Set(handle, CURLOPT_PREREQFUNCTION, &OnPrereq);
    Set(handle, CURLOPT_PREREQDATA, &exchange);
    if (request.cancel != nullptr) {
      Set(handle, CURLOPT_NOPROGRESS, 0L);
      Set(handle, CURLOPT_XFERINFOFUNCTION, &OnProgress);
      Set(handle, CURLOPT_XFERINFODATA, &exchange);
    }
    if (request.method == "HEAD") {
      Set(handle, CURLOPT_NOBODY, 1L);
    } else if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
      Set(handle, CURLOPT_UPLOAD, 1L);
      Set(handle, CURLOPT_READFUNCTION, &OnSend);
      Set(handle, CURLOPT_READDATA, &exchange);
      Set(handle, CURLOPT_SEEKFUNCTION, &OnSeek);
      Set(handle, CURLOPT_SEEKDATA, &exchange);
      Set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      Set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    } else if (request.method != "GET") {
      Set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    Set(handle, CURLOPT_HTTPHEADER, list);
    return HeaderList(list);
  }

  /// What to do about a server that is not to be had.
  static const char* HintOf(CURLcode code) {
    switch (code) {
      case CURLE_COULDNT_RESOLVE_HOST:
        return "; no such host is known: correct the endpoint or the region, or see to the DNS";
      case CURLE_COULDNT_CONNECT:
        return "; nothing listens there: start the service, or correct the endpoint";
      case CURLE_OPERATION_TIMEDOUT:
        return "; the service is slow or a firewall keeps the answer back: try again, see that it "
               "can be reached from here";
      case CURLE_SSL_CONNECT_ERROR:
        return "; is it https that is spoken there? Correct the endpoint's scheme or port";
      case CURLE_PEER_FAILED_VERIFICATION:
        return "; its certificate is not trusted: AWS_CA_BUNDLE names a file of those that are";
      case CURLE_SEND_ERROR:
      case CURLE_RECV_ERROR:
      case CURLE_GOT_NOTHING:
      case CURLE_PARTIAL_FILE:
        return "; the connection broke off: run it again; if it goes on, look at the service's log "
               "and at proxies between";
      default: return "";
    }
  }

  static Error ErrorOf(CURLcode code, const char* text, const Exchange& exchange) {
    const Request& request = exchange.request;
    const std::string what = request.method + " " + Shown(request.url);
    if (exchange.is_too_long) {
      const uint64_t limit =
          request.into.empty() ? request.body_bytes_max : uint64_t{request.into.size()};
      return ResourceExhausted(what + ": an answer of at most " + std::to_string(limit) +
                               " bytes is expected, found more");
    }
    if (exchange.is_given_up) {
      return Unavailable(what + ": the connection ended before the answer came" +
                         HintOf(CURLE_RECV_ERROR));
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) return Cancelled("stopped on request: " + what);
    if (code == CURLE_URL_MALFORMAT) return InvalidArgument("no URL: " + Shown(request.url));
    return Unavailable(what + ": " + (*text != '\0' ? text : curl_easy_strerror(code)) +
                       HintOf(code));
  }

  const ClientOptions options_;
  std::mutex mutex_;  // guards idle_ and idle_http2_
  std::vector<Handle> idle_;
  // Of their own: libcurl would take a kept connection of HTTP/1.1 for a request that prefers 2.
  std::vector<Handle> idle_http2_;
};

}  // namespace

std::optional<std::string_view> FindHeader(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (is_same_name(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::unique_ptr<Client> MakeClient(ClientOptions options) {
  return std::make_unique<CurlClient>(std::move(options));
}

}  // namespace daypart::http
