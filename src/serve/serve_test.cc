// SPDX-License-Identifier: Apache-2.0
//
// Metrics as Prometheus reads them, requests to their endpoints, jobs that go on after failures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "serve/background_jobs.h"
#include "serve/metrics.h"
#include "serve/router.h"

namespace daypart::serve {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Keeps what a handler sent.
class KeptResponse final : public http::ResponseWriter {
 public:
  void Send(const http::ResponseHead& head, std::string_view body) override {
    head_ = head;
    body_ = body;
  }
  bool Begin(const http::ResponseHead& head) override {
    head_ = head;
    return true;
  }
  bool Write(std::string_view part) override {
    body_ += part;
    return true;
  }
  bool End() override { return true; }
  bool is_open() const override { return true; }

  const http::ResponseHead& head() const { return head_; }
  const std::string& body() const { return body_; }

 private:
  http::ResponseHead head_;
  std::string body_;
};

TEST(Metrics, AreTextThatPrometheusReads) {
  Metrics metrics;
  metrics.Describe("requests_total", MetricKind::kCounter, "Requests,\nby path");
  metrics.Add("requests_total", {{"path", "/a\"\\"}, {"status", "200"}});
  metrics.Add("requests_total", {{"path", "/a\"\\"}, {"status", "200"}}, 2);
  metrics.Describe("bytes", MetricKind::kGauge, "Memory");
  metrics.OnRead([&] { metrics.Set("bytes", {}, 1.5e10); });
  EXPECT_EQ(metrics.Text(),
            "# HELP bytes Memory\n# TYPE bytes gauge\nbytes 15000000000\n"
            "# HELP requests_total Requests,\\nby path\n# TYPE requests_total counter\n"
            "requests_total{path=\"/a\\\"\\\\\",status=\"200\"} 3\n");
}

TEST(Metrics, SumUpHistogramBuckets) {
  Metrics metrics;
  metrics.Describe("seconds", MetricKind::kHistogram, "Time");
  for (const double seconds : {0.0005, 0.001, 0.3, 100.0}) {
    metrics.Observe("seconds", {{"path", "/"}}, seconds);
  }
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("seconds_bucket{path=\"/\",le=\"0.001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{path=\"/\",le=\"0.25\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{path=\"/\",le=\"0.5\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{path=\"/\",le=\"30\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("seconds_bucket{path=\"/\",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("seconds_count{path=\"/\"} 4\n"));
}

TEST(Router, KnowsLoopbackHosts) {
  for (const char* host : {"localhost", "localhost:1", "127.0.0.1:8480", "127.1.2.3", "[::1]:80"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"", "evil.example", "127.0.0.1.evil.example", "localhost.evil", "[::1]x",
                           "10.0.0.1", "0.0.0.0"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(Router, CountsAnswersAndKeepsUnknownPathsTogether) {
  FakeClock clock(UtcMicros(0));
  Metrics metrics;
  Router router(clock, metrics);
  router.Add("GET", "/a", [&](const auto&, http::ResponseWriter& writer) {
    clock.Advance(std::chrono::milliseconds(20));
    writer.Send({}, "a");
  });
  const auto ask = [&](const char* method, const char* target) {
    KeptResponse response;
    router.Handle({.method = method, .target = target, .headers = {{"Host", "localhost"}}},
                  response);
    return response;
  };
  EXPECT_EQ(ask("GET", "/a?b=c").body(), "a");
  EXPECT_EQ(ask("HEAD", "/a").head().status, 200);
  EXPECT_EQ(ask("POST", "/a").head().status, 405);
  EXPECT_EQ(ask("GET", "/x").head().status, 404);
  EXPECT_THAT(ask("GET", "/y").body(), HasSubstr("one of /a is expected, found /y"));
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("daypart_http_requests_total{path=\"/a\",status=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("daypart_http_requests_total{path=\"other\",status=\"404\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("daypart_http_request_seconds_sum{path=\"/a\"} 0.04\n"));
  EXPECT_THAT(text, Not(HasSubstr("/x")));
}

TEST(BackgroundJobs, GoOnAfterAFailureUntilStopped) {
  SystemClock clock;
  Metrics metrics;
  std::atomic<int> runs{0};
  BackgroundJobs jobs(clock, metrics);
  jobs.Start({.name = "work", .interval = std::chrono::milliseconds(1), .run = [&]() -> Status {
                const int run = ++runs;
                if (run == 1) return Unavailable("not yet");
                if (run == 2) throw std::bad_alloc();
                return Ok();
              }});
  while (runs < 5) clock.Sleep(std::chrono::milliseconds(1));
  jobs.Stop();
  const int at_stop = runs;
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("daypart_job_runs_total{job=\"work\",outcome=\"failed\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("daypart_job_runs_total{job=\"work\",outcome=\"done\"} " +
                              std::to_string(at_stop - 2) + '\n'));
}

TEST(BackgroundJobs, OnlyTheJobsThatGiveWayDo) {
  SystemClock clock;
  Metrics metrics;
  const auto niceness_of_job = [&](bool gives_way) {
    std::atomic<int> found{-100};
    BackgroundJobs jobs(clock, metrics);
    jobs.Start({.name = "work",
                .interval = std::chrono::hours(1),
                .run =
                    [&found] {
                      // Threads that the job starts are as it is.
                      std::thread([&found] {
                        found = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
                      }).join();
                      return Ok();
                    },
                .gives_way = gives_way});
    while (found == -100) clock.Sleep(std::chrono::milliseconds(1));
    return found.load();
  };
  const int own = ::getpriority(PRIO_PROCESS, 0);
  EXPECT_EQ(niceness_of_job(false), own);
  EXPECT_EQ(niceness_of_job(true), std::max(own, 10));
}

TEST(BackgroundJobs, StopDoesNotWaitForTheInterval) {
  SystemClock clock;
  Metrics metrics;
  const UtcMicros start = clock.Now();
  {
    BackgroundJobs jobs(clock, metrics);
    jobs.Start({.name = "hourly", .interval = std::chrono::hours(1), .run = [] { return Ok(); }});
    while (metrics.Text().find("done") == std::string::npos) {
      clock.Sleep(std::chrono::milliseconds(1));
    }
  }
  EXPECT_LT(clock.Now().value() - start.value(), 10'000'000);
}

}  // namespace
}  // namespace daypart::serve
