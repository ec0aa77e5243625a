// SPDX-License-Identifier: Apache-2.0
//
// A buffer with a bound between two threads.
#include "http/http2_stream.h"

#include <algorithm>
#include <cstring>

namespace daypart::http {
namespace {

/// A handler waits when its client has not taken so much.
constexpr size_t kOutgoingBytesMax = size_t{1} << 20;

}  // namespace

void Http2Connection::Stream::Send(const ResponseHead& head, std::string_view body) {
  {
    const std::lock_guard lock(mutex_);
    head_ = head;
    head_.headers.push_back({"content-length", std::to_string(body.size())});
    outgoing_ = body;
    has_begun_ = has_ended_ = has_news_ = true;
  }
  wake_();
}

bool Http2Connection::Stream::Begin(const ResponseHead& head) {
  {
    const std::lock_guard lock(mutex_);
    head_ = head;
    has_begun_ = has_news_ = true;
  }
  wake_();
  return is_open();
}

bool Http2Connection::Stream::Write(std::string_view part) {
  {
    std::unique_lock lock(mutex_);
    while (is_open() && outgoing_.size() - sent_ > kOutgoingBytesMax) {
      taken_.wait_for(lock, kStopLookInterval);
    }
    if (!is_open()) return false;
    outgoing_ += part;
    has_news_ = true;
  }
  wake_();
  return true;
}

bool Http2Connection::Stream::End() {
  {
    const std::lock_guard lock(mutex_);
    has_ended_ = has_news_ = true;
  }
  wake_();
  return is_open();
}

void Http2Connection::Stream::Finish(bool has_thrown) {
  bool is_silent = false;
  {
    const std::lock_guard lock(mutex_);
    is_silent = !has_begun_;
    is_cut_ = !has_ended_ && has_begun_;
    has_news_ = true;
  }
  if (is_silent) Send({.status = 500}, has_thrown ? "unexpected error\n" : "");
  is_finished_ = true;
  wake_();
}

void Http2Connection::Stream::Close() {
  is_closed_ = true;
  taken_.notify_all();
}

Http2Connection::Stream::News Http2Connection::Stream::TakeNews() {
  const std::lock_guard lock(mutex_);
  News news;
  if (!has_news_ || !has_begun_) return news;
  has_news_ = false;
  news.has_head = !is_told_;
  news.has_bytes = is_told_;
  if (!is_told_) news.head = head_;
  is_told_ = true;
  return news;
}

ssize_t Http2Connection::Stream::Read(uint8_t* into, size_t bytes_max, uint32_t& flags) {
  const std::lock_guard lock(mutex_);
  const size_t count = std::min(bytes_max, outgoing_.size() - sent_);
  if (count == 0 && is_cut_) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (count == 0 && !has_ended_) return NGHTTP2_ERR_DEFERRED;
  std::memcpy(into, outgoing_.data() + sent_, count);
  sent_ += count;
  if (sent_ == outgoing_.size()) {
    outgoing_.clear();
    sent_ = 0;
    if (has_ended_) flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  taken_.notify_all();
  return static_cast<ssize_t>(count);
}

}  // namespace daypart::http
