// SPDX-License-Identifier: Apache-2.0
//
// Beast parses what comes; heads and chunks of answers are put together here.
#include "http/http1_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <atomic>
#include <charconv>
#include <exception>

namespace daypart::http {
namespace {

namespace beast = boost::beast::http;

class Http1Writer final : public ResponseWriter {
 public:
  Http1Writer(ServerSocket& socket, bool is_kept, bool has_chunks, bool is_head_request)
      : socket_(socket),
        is_kept_(is_kept),
        has_chunks_(has_chunks),
        is_head_request_(is_head_request) {}

  void Send(const ResponseHead& head, std::string_view body) override {
    std::string bytes = HeadText(head);
    bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    if (!is_head_request_) bytes += body;
    state_ = socket_.SendAll(bytes) ? State::kEnded : State::kBroken;
  }

  bool Begin(const ResponseHead& head) override {
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
    if (!has_chunks_) is_kept_ = false;
    const std::string bytes =
        HeadText(head) + (has_chunks_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    state_ = socket_.SendAll(bytes) ? State::kBegun : State::kBroken;
    return is_open();
  }

  bool Write(std::string_view part) override {
    if (state_ != State::kBegun) return false;
    if (part.empty() || is_head_request_) return is_open();
    std::string bytes;
    if (has_chunks_) {
      char size[20];
      const auto end = std::to_chars(size, size + sizeof(size), part.size(), 16).ptr;
      bytes.append(size, end).append("\r\n").append(part).append("\r\n");
      part = bytes;
    }
    if (!socket_.SendAll(part)) state_ = State::kBroken;
    return is_open();
  }

  bool End() override {
    if (state_ != State::kBegun) return false;
    const bool is_sent = !has_chunks_ || is_head_request_ || socket_.SendAll("0\r\n\r\n");
    state_ = is_sent ? State::kEnded : State::kBroken;
    return is_sent;
  }

  bool is_open() const override {
    return state_ != State::kBroken && !socket_.is_stopping() && !socket_.is_closed_by_client();
  }

  bool has_begun() const { return state_ != State::kNothing; }
  bool may_go_on() const { return state_ == State::kEnded && is_kept_; }

 private:
  enum class State { kNothing, kBegun, kEnded, kBroken };

  std::string HeadText(const ResponseHead& head) const {
    std::string text = "HTTP/1.1 " + std::to_string(head.status) + ' ';
    text += ReasonOf(head.status);
    text += "\r\nContent-Type: " + head.content_type + "\r\n";
    for (const auto& header : head.headers) text += header.name + ": " + header.value + "\r\n";
    if (!is_kept_) text += "Connection: close\r\n";
    return text;
  }

  ServerSocket& socket_;
  bool is_kept_;
  const bool has_chunks_;
  const bool is_head_request_;
  std::atomic<State> state_{State::kNothing};  // is_open is for other threads too
};

int RefusalFor(const boost::system::error_code& error) {
  if (error == beast::error::body_limit) return 413;
  if (error == beast::error::header_limit) return 431;
  return 400;
}

}  // namespace

bool Http1Connection::ReceiveMore() {
  const size_t before = received_.size();
  received_.resize(before + kReceiveBytes);
  const size_t got = socket_.Receive(received_.data() + before, kReceiveBytes);
  received_.resize(before + got);
  return got > 0;
}

Http1Connection::Outcome Http1Connection::Read(ServerRequest& request) {
  beast::request_parser<beast::string_body> parser;
  parser.eager(true);
  parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes_max));
  parser.body_limit(limits_.body_bytes_max);
  bool is_continued = false;
  while (!parser.is_done()) {
    boost::system::error_code error;
    if (!received_.empty()) {
      const size_t used = parser.put(boost::asio::const_buffer(received_.data(), received_.size()),
                                     error);
      received_.erase(0, used);
    } else {
      error = beast::error::need_more;
    }
    if (error && error != beast::error::need_more) {
      return {.refusal = RefusalFor(error)};
    }
    if (parser.is_done()) break;
    if (parser.is_header_done() && !is_continued) {
      is_continued = true;
      if (beast::token_list(parser.get()[beast::field::expect]).exists("100-continue") &&
          !socket_.SendAll("HTTP/1.1 100 Continue\r\n\r\n")) {
        return {};
      }
    }
    if (error == beast::error::need_more && !ReceiveMore()) return {};
  }
  beast::request<beast::string_body> parsed = parser.release();
  request.method = std::string(parsed.method_string());
  request.target = std::string(parsed.target());
  for (const auto& field : parsed) {
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  request.body = std::move(parsed.body());
  return {.is_read = true, .is_kept = parsed.keep_alive()};
}

void Http1Connection::Run() {
  for (;;) {
    ServerRequest request;
    const Outcome outcome = Read(request);
    if (outcome.refusal != 0) {
      Http1Writer writer(socket_, false, true, false);
      writer.Send({.status = outcome.refusal}, std::string(ReasonOf(outcome.refusal)) + '\n');
      socket_.Linger();
      return;
    }
    if (!outcome.is_read) return;
    const bool is_kept = outcome.is_kept && !socket_.is_stopping();
    Http1Writer writer(socket_, is_kept, true, request.method == "HEAD");
    try {
      handler_(request, writer);
    } catch (const std::exception&) {
      // What went wrong is in the handler's hands to tell; an exception tells clients nothing.
      if (!writer.has_begun()) writer.Send({.status = 500}, "unexpected error\n");
      return;
    }
    if (!writer.may_go_on()) return;
  }
}

}  // namespace daypart::http
