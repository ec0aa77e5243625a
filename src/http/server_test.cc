// SPDX-License-Identifier: Apache-2.0
//
// The server against our client and against raw bytes on a socket.
#include "http/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/client.h"

namespace daypart::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Tells what it got: method, target and body.
void Echo(const ServerRequest& request, ResponseWriter& writer) {
  if (request.path() == "/parts") {
    writer.Begin({.content_type = "text/csv"});
    for (int part = 0; part < 3; ++part) writer.Write("part " + std::to_string(part) + '\n');
    writer.End();
    return;
  }
  if (request.path() == "/endless") {
    writer.Begin({});
    while (writer.is_open() && writer.Write("part\n")) continue;
    return;
  }
  if (request.path() == "/quiet") {
    writer.Begin({});
    writer.Write("part\n");
    SystemClock clock;
    for (int i = 0; i < 1'000 && writer.is_open(); ++i) clock.Sleep(std::chrono::milliseconds(10));
    return;
  }
  if (request.path() == "/cut") {
    writer.Begin({});
    writer.Write("half");
    return;
  }
  if (request.path() == "/throws") throw std::runtime_error("a secret");
  writer.Send({.headers = {{"x-seen", std::string(request.Header("X-Given"))}}},
              request.method + ' ' + request.target + ' ' + request.body);
}

std::unique_ptr<Server> Started(ServerLimits limits = {}) {
  auto server = Server::Listen("127.0.0.1", 0, limits, Echo);
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
}

/// Sends bytes as they are and reads until the server closes.
std::string Exchange(const Server& server, std::string_view bytes) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(server.port());
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&where), sizeof(where)), 0);
  EXPECT_EQ(::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  std::string answer;
  char part[4096];
  for (ssize_t got = 0; (got = ::recv(descriptor, part, sizeof(part), 0)) > 0;) {
    answer.append(part, static_cast<size_t>(got));
  }
  ::close(descriptor);
  return answer;
}

TEST(Server, AnswersOurClientOnAKeptConnection) {
  const auto server = Started();
  const auto client = MakeClient({});
  for (int turn = 0; turn < 3; ++turn) {
    const std::string body(100'000, 'b');
    Request request{.method = "POST",
                    .url = "http://127.0.0.1:" + std::to_string(server->port()) + "/a?x=1"};
    request.headers = {{"X-Given", "yes"}};
    request.body = std::as_bytes(std::span(body));
    const auto response = client->Send(request);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /a?x=1 " + body);
    EXPECT_EQ(FindHeader(response->headers, "x-seen"), "yes");
  }
  EXPECT_EQ(server->connections_count(), 1U);
}

TEST(Server, SendsPartsInChunks) {
  const auto server = Started();
  const std::string answer =
      Exchange(*server, "GET /parts HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(answer, HasSubstr("7\r\npart 2\n\r\n0\r\n\r\n"));
}

TEST(Server, AnswersHttp2ThatBeginsByItsPreface) {
  // A preface, SETTINGS, and HEADERS of stream 1 in literals: GET /parts, as RFC 9113 frames them.
  const auto frame = [](char type, char flags, char stream, const std::string& payload) {
    std::string bytes = {0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream};
    return bytes + payload;
  };
  const auto literal = [](const std::string& name, const std::string& value) {
    return std::string(1, '\0') + static_cast<char>(name.size()) + name +
           static_cast<char>(value.size()) + value;
  };
  const std::string head = literal(":method", "GET") + literal(":scheme", "http") +
                           literal(":path", "/parts") + literal(":authority", "localhost");
  const auto server = Started({.idle_max = std::chrono::milliseconds(200)});
  const std::string answer = Exchange(
      *server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, "") + frame(1, 5, 1, head));
  EXPECT_THAT(answer, HasSubstr("\x88")) << ":status 200, as HPACK has it in its table";
  EXPECT_THAT(answer, HasSubstr("part 0\n"));
  EXPECT_THAT(answer, HasSubstr("part 2\n"));
  const std::string broken =
      Exchange(*server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(1, 5, 1, "\xff\xff\xff"));
  EXPECT_THAT(broken, HasSubstr(std::string("\x07", 1))) << "a GOAWAY";
}

TEST(Server, CutsOffAnAnswerThatDidNotEnd) {
  const auto server = Started();
  const std::string answer = Exchange(*server, "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("4\r\nhalf\r\n")) << answer;
}

TEST(Server, AnswersRequestsThatFollowEachOtherWithoutWaiting) {
  const auto server = Started();
  const std::string answer = Exchange(*server,
                                      "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
                                      "POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
                                      "GET /3 HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("POST /1 abc"));
  EXPECT_THAT(answer, HasSubstr("POST /2 def"));
  EXPECT_THAT(answer, HasSubstr("GET /3 "));
}

TEST(Client, GivesABodyPartByPartUntilNoMoreIsWanted) {
  const auto server = Started();
  const auto client = MakeClient({});
  const std::string url = "http://127.0.0.1:" + std::to_string(server->port());
  std::string seen;
  const auto whole = client->Send({.url = url + "/parts", .on_body = [&](std::string_view part) {
                                     seen += part;
                                     return true;
                                   }});
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(seen, "part 0\npart 1\npart 2\n");
  EXPECT_EQ(whole->body, "");
  seen.clear();
  // The server never ends this one by itself.
  const auto ended = client->Send({.url = url + "/endless", .on_body = [&](std::string_view part) {
                                     seen += part;
                                     return seen.size() < 30;
                                   }});
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->status, 200);
  EXPECT_THAT(seen, StartsWith("part\npart\n"));
  // A body that breaks off is an error, whatever of it was given out.
  const auto cut = client->Send({.url = url + "/cut", .on_body = [](std::string_view) {
                                   return true;
                                 }});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::kUnavailable);
}

TEST(Client, KeepsTheBodyOfARefusalForItself) {
  const auto server = Started();
  const auto client = MakeClient({});
  int calls = 0;
  const auto refused =
      client->Send({.url = "http://127.0.0.1:" + std::to_string(server->port()) + "/throws",
                    .on_body = [&](std::string_view) { return ++calls > 0; }});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 500);
  EXPECT_FALSE(refused->body.empty());
  EXPECT_EQ(calls, 0);
}

TEST(Client, EndsAStreamOnRequestWhenNothingComes) {
  const auto server = Started();
  const auto client = MakeClient({});
  CancelToken cancel;
  const auto stopped =
      client->Send({.url = "http://127.0.0.1:" + std::to_string(server->port()) + "/quiet",
                    .on_body =
                        [&](std::string_view) {
                          cancel.Cancel();
                          return true;
                        },
                    .cancel = &cancel});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

TEST(Server, RefusesWhatIsTooLargeOrNoHttp) {
  const auto server = Started({.head_bytes_max = 1000, .body_bytes_max = 100});
  EXPECT_THAT(Exchange(*server, "GET / HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Exchange(*server, "POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Exchange(*server, "\x16\x03\x01 hello\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Exchange(*server, "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
              StartsWith("HTTP/1.1 400"));
}

TEST(Server, AnswersAnExceptionWithoutItsWords) {
  const auto server = Started();
  const std::string answer = Exchange(*server, "GET /throws HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("secret")));
}

TEST(Server, GivesUpASilentClient) {
  const auto server = Started({.idle_max = std::chrono::milliseconds(200)});
  EXPECT_EQ(Exchange(*server, "GET / HT"), "");
}

TEST(Server, TellsThatAPortIsTaken) {
  const auto server = Started();
  const auto second = Server::Listen("127.0.0.1", server->port(), {}, Echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(second.error().message, HasSubstr("is taken by another program"));
  const auto wrong = Server::Listen("localhost", 0, {}, Echo);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
}

TEST(ServerRequest, FindsParametersOfTheQuery) {
  const ServerRequest request{.target = "/q?format=csv&name=a%20b+c&empty&x=%zz"};
  EXPECT_EQ(request.path(), "/q");
  EXPECT_EQ(request.Parameter("format"), "csv");
  EXPECT_EQ(request.Parameter("name"), "a b c");
  EXPECT_EQ(request.Parameter("empty"), "");
  EXPECT_EQ(request.Parameter("x"), "%zz");
  EXPECT_EQ(request.Parameter("none"), "");
}

}  // namespace
}  // namespace daypart::http
