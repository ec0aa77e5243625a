// SPDX-License-Identifier: Apache-2.0
//
// One request of an HTTP/2 connection and its answer, between the connection's thread, which sends,
// and the handler's, which writes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "http/http2_connection.h"

namespace daypart::http {

class Http2Connection::Stream final : public ResponseWriter {
 public:
  /// wake: tells the connection's thread that there is something to send.
  Stream(int32_t id, const ServerSocket& socket, std::function<void()> wake)
      : id_(id), socket_(socket), wake_(std::move(wake)) {}

  // The handler's side.
  void Send(const ResponseHead& head, std::string_view body) override;
  bool Begin(const ResponseHead& head) override;
  bool Write(std::string_view part) override;
  bool End() override;
  bool is_open() const override { return !is_closed_ && !socket_.is_stopping(); }
  /// The handler has returned, by an exception if has_thrown.
  void Finish(bool has_thrown);

  // The connection's side.
  int32_t id() const { return id_; }
  ServerRequest& request() { return request_; }
  size_t& head_bytes() { return head_bytes_; }
  bool& is_too_large() { return is_too_large_; }
  std::thread& thread() { return thread_; }
  bool is_finished() const { return is_finished_; }
  void Close();
  bool is_closed() const { return is_closed_; }

  /// What there is to tell nghttp2 of.
  struct News {
    bool has_head = false;  // for the first time
    bool has_bytes = false;
    ResponseHead head;
  };
  News TakeNews();
  /// As nghttp2's data source: bytes copied, or NGHTTP2_ERR_DEFERRED until there are more.
  ssize_t Read(uint8_t* into, size_t bytes_max, uint32_t& flags);

 private:
  const int32_t id_;
  const ServerSocket& socket_;
  const std::function<void()> wake_;
  ServerRequest request_;
  size_t head_bytes_ = 0;
  bool is_too_large_ = false;
  std::thread thread_;
  std::atomic<bool> is_closed_{false};
  std::atomic<bool> is_finished_{false};

  std::mutex mutex_;  // guards the members below
  std::condition_variable taken_;
  ResponseHead head_;
  bool has_begun_ = false;
  bool is_told_ = false;  // nghttp2 knows the head
  bool has_ended_ = false;
  bool is_cut_ = false;
  bool has_news_ = false;
  std::string outgoing_;
  size_t sent_ = 0;  // of outgoing_
};

}  // namespace daypart::http
