// SPDX-License-Identifier: Apache-2.0
//
// nghttp2's callbacks and the loop around them.
#include "http/http2_connection.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <vector>

#include "http/http2_stream.h"

namespace daypart::http {
namespace {

/// Requests at a time on one connection; each has a thread.
constexpr uint32_t kStreamsMax = 128;
/// Bytes that may come before we take them, of a stream and of the connection: a PutRecords of
/// 5 MiB comes without waiting for us.
constexpr int32_t kWindowBytes = 16 << 20;

nghttp2_nv Field(std::string_view name, std::string_view value) {
  // The library copies both; its type is not const for reasons of C.
  return {.name = reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          .value = reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

struct Http2Connection::Session {
  static Http2Connection& Of(void* user_data) {
    return *static_cast<Http2Connection*>(user_data);
  }
  static Stream* StreamOf(void* user_data, int32_t id) {
    auto& streams = Of(user_data).streams_;
    const auto found = streams.find(id);
    return found == streams.end() ? nullptr : found->second.get();
  }

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    Http2Connection& self = Of(user_data);
    const int32_t id = frame->hd.stream_id;
    self.streams_.emplace(
        id, std::make_shared<Stream>(id, self.socket_, [&self] { self.Wake(); }));
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_bytes, const uint8_t* value, size_t value_bytes, uint8_t,
                      void* user_data) {
    Stream* stream = StreamOf(user_data, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    std::string key(reinterpret_cast<const char*>(name), name_bytes);
    std::string text(reinterpret_cast<const char*>(value), value_bytes);
    stream->head_bytes() += key.size() + text.size();
    if (stream->head_bytes() > Of(user_data).limits_.head_bytes_max) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    ServerRequest& request = stream->request();
    if (key == ":method") {
      request.method = std::move(text);
    } else if (key == ":path") {
      request.target = std::move(text);
    } else if (key == ":authority") {
      request.headers.push_back({"host", std::move(text)});
    } else if (!key.starts_with(':')) {
      request.headers.push_back({std::move(key), std::move(text)});
    }
    return 0;
  }

  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t count,
                    void* user_data) {
    Stream* stream = StreamOf(user_data, id);
    if (stream == nullptr || stream->is_too_large()) return 0;
    std::string& body = stream->request().body;
    if (body.size() + count > Of(user_data).limits_.body_bytes_max) {
      stream->is_too_large() = true;
      body.clear();
      return 0;
    }
    body.append(reinterpret_cast<const char*>(bytes), count);
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      Of(user_data).Dispatch(frame->hd.stream_id);
    }
    return 0;
  }

  static int OnStreamClose(nghttp2_session*, int32_t id, uint32_t, void* user_data) {
    if (Stream* stream = StreamOf(user_data, id)) stream->Close();
    return 0;
  }

  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* into, size_t bytes_max,
                          uint32_t* flags, nghttp2_data_source* source, void*) {
    return static_cast<Stream*>(source->ptr)->Read(into, bytes_max, *flags);
  }
};

Http2Connection::Http2Connection(ServerSocket& socket, const ServerLimits& limits,
                                 const ServerHandler& handler, std::string received)
    : socket_(socket), limits_(limits), handler_(handler), received_(std::move(received)) {}

Http2Connection::~Http2Connection() {
  for (const auto& [id, stream] : streams_) stream->Close();
  for (const auto& [id, stream] : streams_) {
    if (stream->thread().joinable()) stream->thread().join();
  }
  nghttp2_session_del(session_);
  if (wake_ >= 0) ::close(wake_);
}

void Http2Connection::Wake() const {
  const uint64_t one = 1;
  // It can only fail by being full, and then the thread is awake.
  (void)!::write(wake_, &one, sizeof(one));
}

bool Http2Connection::Begin() {
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  nghttp2_session_callbacks* callbacks = nullptr;
  if (wake_ < 0 || nghttp2_session_callbacks_new(&callbacks) != 0) return false;
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Session::OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Session::OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Session::OnData);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Session::OnFrame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Session::OnStreamClose);
  const int made = nghttp2_session_server_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) return false;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kStreamsMax},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(kWindowBytes)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits_.head_bytes_max)}};
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindowBytes) == 0;
}

void Http2Connection::Dispatch(int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || found->second->thread().joinable()) return;
  const std::shared_ptr<Stream> stream = found->second;
  if (stream->is_too_large()) {
    stream->Send({.status = 413}, "the body is too large\n");
    stream->Finish(false);
    return;
  }
  const auto run = [this, raw = stream.get()] {
    bool has_thrown = false;
    try {
      handler_(raw->request(), *raw);
    } catch (const std::exception&) {
      has_thrown = true;
    }
    raw->Finish(has_thrown);
  };
  try {
    // The stream stays in streams_ until the handler has returned.
    stream->thread() = std::thread(run);
  } catch (const std::exception&) {
    // No thread to be had; nghttp2 is not to see the exception.
    stream->Send({.status = 503}, "too many requests\n");
    stream->Finish(false);
  }
}

void Http2Connection::Answer(Stream& stream) {
  Stream::News news = stream.TakeNews();
  if (news.has_bytes) {
    // Fails for a stream that is not waiting, which then reads by itself.
    (void)nghttp2_session_resume_data(session_, stream.id());
    return;
  }
  if (!news.has_head) return;
  const std::string status = std::to_string(news.head.status);
  Headers headers = {{"content-type", news.head.content_type}};
  for (Header& header : news.head.headers) {
    headers.push_back({LowerCase(std::move(header.name)), std::move(header.value)});
  }
  std::vector<nghttp2_nv> fields = {Field(":status", status)};
  for (const Header& header : headers) fields.push_back(Field(header.name, header.value));
  const nghttp2_data_provider body{.source = {.ptr = &stream}, .read_callback = Session::ReadBody};
  const bool is_head = stream.request().method == "HEAD";
  (void)nghttp2_submit_response(session_, stream.id(), fields.data(), fields.size(),
                                is_head ? nullptr : &body);
}

void Http2Connection::Collect() {
  for (auto next = streams_.begin(); next != streams_.end();) {
    const auto current = next++;
    Stream& stream = *current->second;
    if (!stream.is_closed()) {
      Answer(stream);
      continue;
    }
    if (stream.thread().joinable() && !stream.is_finished()) continue;
    if (stream.thread().joinable()) stream.thread().join();
    streams_.erase(current);
  }
}

bool Http2Connection::SendWhatIsDue() {
  for (;;) {
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_, &bytes);
    if (count < 0) return false;
    if (count == 0) return true;
    if (!socket_.SendAll({reinterpret_cast<const char*>(bytes), static_cast<size_t>(count)})) {
      return false;
    }
  }
}

bool Http2Connection::ReceiveOrWait() {
  pollfd wanted[] = {{socket_.descriptor(), POLLIN, 0}, {wake_, POLLIN, 0}};
  const int ready = ::poll(wanted, 2, static_cast<int>(kStopLookInterval.count()));
  if (ready == 0) {
    silent_ += kStopLookInterval;
    return !streams_.empty() || silent_ < limits_.idle_max;
  }
  if ((wanted[1].revents & POLLIN) != 0) {
    uint64_t count = 0;
    (void)!::read(wake_, &count, sizeof(count));
  }
  if (wanted[0].revents == 0) return true;
  silent_ = std::chrono::milliseconds(0);
  received_.resize(kReceiveBytes);
  const ssize_t got = ::recv(socket_.descriptor(), received_.data(), received_.size(), 0);
  received_.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return got > 0;
}

void Http2Connection::Run() {
  if (!Begin()) return;
  bool is_going_away = false;
  for (;;) {
    if (!received_.empty()) {
      const ssize_t taken = nghttp2_session_mem_recv(
          session_, reinterpret_cast<const uint8_t*>(received_.data()), received_.size());
      // What is no HTTP/2 ends the connection; nghttp2 has a GOAWAY ready for most of it.
      if (taken < 0) {
        (void)SendWhatIsDue();
        return;
      }
      received_.clear();
    }
    Collect();
    if (socket_.is_stopping() && !is_going_away) {
      // Requests that run get their answers, new ones go elsewhere.
      is_going_away = true;
      (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                                  nghttp2_session_get_last_proc_stream_id(session_),
                                  NGHTTP2_NO_ERROR, nullptr, 0);
    }
    if (!SendWhatIsDue()) return;
    Collect();
    if (is_going_away && streams_.empty()) return;
    if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) {
      return;
    }
    if (!ReceiveOrWait()) return;
  }
}

}  // namespace daypart::http
