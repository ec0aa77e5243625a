// SPDX-License-Identifier: Apache-2.0
//
// poll, recv and send.
#include "http/server_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace daypart::http {

ServerSocket::~ServerSocket() { ::close(descriptor_); }

size_t ServerSocket::Receive(char* into, size_t bytes_max) {
  for (auto waited = std::chrono::milliseconds(0); waited < limits_.idle_max;
       waited += kStopLookInterval) {
    pollfd wanted{descriptor_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(kStopLookInterval.count()));
    if (ready < 0 && errno != EINTR) return 0;
    if (ready <= 0) {
      if (is_stopping()) return 0;
      continue;
    }
    const ssize_t got = ::recv(descriptor_, into, bytes_max, 0);
    if (got < 0 && errno == EINTR) continue;
    return got < 0 ? 0 : static_cast<size_t>(got);
  }
  return 0;
}

bool ServerSocket::SendAll(std::string_view bytes) {
  auto waited = std::chrono::milliseconds(0);
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      waited = std::chrono::milliseconds(0);
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
    pollfd wanted{descriptor_, POLLOUT, 0};
    if (::poll(&wanted, 1, static_cast<int>(kStopLookInterval.count())) == 0) {
      waited += kStopLookInterval;
      if (waited >= limits_.send_max) return false;
    }
  }
  return true;
}

bool ServerSocket::is_closed_by_client() const {
  pollfd wanted{descriptor_, POLLRDHUP, 0};
  return ::poll(&wanted, 1, 0) > 0;
}

void ServerSocket::Linger() {
  ::shutdown(descriptor_, SHUT_WR);
  std::vector<char> passed(kReceiveBytes);
  const auto end = std::chrono::steady_clock::now() + kLingerMax;
  while (!is_stopping() && std::chrono::steady_clock::now() < end) {
    pollfd wanted{descriptor_, POLLIN, 0};
    if (::poll(&wanted, 1, static_cast<int>(kStopLookInterval.count())) <= 0) continue;
    if (::recv(descriptor_, passed.data(), passed.size(), 0) <= 0) return;
  }
}

void ServerSocket::Close() { ::shutdown(descriptor_, SHUT_RDWR); }

}  // namespace daypart::http
