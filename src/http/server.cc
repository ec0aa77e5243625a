// SPDX-License-Identifier: Apache-2.0
//
// The listening socket and the connections' threads.
#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "base/log.h"
#include "http/http1_connection.h"
#include "http/http2_connection.h"
#include "http/server_socket.h"

namespace daypart::http {
namespace {

constexpr size_t kFirstBytes = 4096;

}  // namespace

struct Server::Connection {
  Connection(int descriptor, const ServerLimits& limits, const std::atomic<bool>& is_stopping)
      : socket(descriptor, limits, is_stopping) {}
  ServerSocket socket;
  std::atomic<bool> is_done{false};
  std::thread thread;
};

Server::Server(const ServerLimits& limits, ServerHandler handler)
    : limits_(limits), handler_(std::move(handler)) {}

Result<std::unique_ptr<Server>> Server::Listen(const std::string& address, uint16_t port,
                                               const ServerLimits& limits, ServerHandler handler) {
  std::unique_ptr<Server> server(new Server(limits, std::move(handler)));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1) {
    return InvalidArgument("an IPv4 address is expected, found '" + address + "'");
  }
  server->listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server->listener_ < 0) return SystemError("making a socket", errno);
  const int yes = 1;
  ::setsockopt(server->listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  auto* plain = reinterpret_cast<sockaddr*>(&where);
  if (::bind(server->listener_, plain, sizeof(where)) != 0 ||
      ::listen(server->listener_, kBacklog) != 0) {
    const std::string place = address + ':' + std::to_string(port);
    if (errno == EADDRINUSE) return AlreadyExists(place + " is taken by another program");
    return SystemError("listening on " + place, errno);
  }
  socklen_t bytes = sizeof(where);
  ::getsockname(server->listener_, plain, &bytes);
  server->port_ = ntohs(where.sin_port);
  server->acceptor_ = std::thread([raw = server.get()] { raw->Accept(); });
  return server;
}

Server::~Server() {
  Stop();
  if (listener_ >= 0) ::close(listener_);
}

void Server::Stop() {
  is_stopping_ = true;
  if (acceptor_.joinable()) acceptor_.join();
  std::vector<std::unique_ptr<Connection>> connections;
  {
    const std::lock_guard lock(mutex_);
    connections.swap(connections_);
  }
  for (const auto& connection : connections) connection->thread.join();
}

size_t Server::connections_count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [](const auto& connection) { return !connection->is_done; }));
}

void Server::Reap() {
  const std::lock_guard lock(mutex_);
  std::erase_if(connections_, [](const std::unique_ptr<Connection>& connection) {
    if (!connection->is_done) return false;
    connection->thread.join();
    return true;
  });
}

void Server::Accept() {
  while (!is_stopping_) {
    pollfd wanted{listener_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(kStopLookInterval.count()));
    Reap();
    if (ready <= 0) continue;
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) continue;
    const int yes = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    auto connection = std::make_unique<Connection>(descriptor, limits_, is_stopping_);
    const std::lock_guard lock(mutex_);
    if (connections_.size() >= limits_.connections_max) {
      connection->socket.SendAll(
          "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      continue;
    }
    connection->thread = std::thread([this, raw = connection.get()] {
      Serve(*raw);
      raw->socket.Close();
      raw->is_done = true;
    });
    connections_.push_back(std::move(connection));
  }
}

void Server::Serve(Connection& connection) {
  try {
    // The first bytes tell which HTTP the client speaks.
    std::string received;
    while (received.size() < kHttp2Preface.size() && kHttp2Preface.starts_with(received)) {
      char part[kFirstBytes];
      const size_t got = connection.socket.Receive(part, sizeof(part));
      if (got == 0) break;
      received.append(part, got);
    }
    if (received.starts_with(kHttp2Preface)) {
      ++http2_connections_total_;
      Http2Connection(connection.socket, limits_, handler_, std::move(received)).Run();
    } else {
      Http1Connection(connection.socket, limits_, handler_, std::move(received)).Run();
    }
  } catch (const std::exception& exception) {
    Log(LogLevel::kError, std::string("a connection ended: ") + exception.what());
  }
}

}  // namespace daypart::http
