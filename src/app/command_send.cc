// SPDX-License-Identifier: Apache-2.0
//
// daypart send: JSON lines of a file, a pipe or made up on the way, to a stream of the local server
// or of Amazon Kinesis.
#include <CLI/CLI.hpp>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/options.h"
#include "app/progress.h"
#include "app/stream_key.h"
#include "app/stream_target.h"
#include "aws/service.h"
#include "generate/live_events.h"
#include "http/client.h"
#include "ingest/kinesis_call.h"
#include "ingest/producer.h"
#include "streamlog/limits.h"

namespace daypart::app {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;
/// How soon a signal is seen while a pipe is silent.
constexpr int kPollMs = 100;

/// Lines of a file or a pipe.
class LineReader {
 public:
  static Result<LineReader> Open(const std::string& path) {
    if (path.empty() || path == "-") return LineReader(stdin, "standard input");
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) {
      // No kNotFound, which is said of the stream.
      return InvalidArgument("a file of JSON lines is expected: " +
                             SystemError("opening " + path, errno).message);
    }
    return LineReader(file, path);
  }
  LineReader(LineReader&& other) noexcept
      : file_(std::exchange(other.file_, nullptr)), name_(std::move(other.name_)) {}
  ~LineReader() {
    if (file_ != nullptr && file_ != stdin) std::fclose(file_);
  }

  /// False at the end, or once `stop` is cancelled. Lines that are longer than a record may be are
  /// left out.
  Result<bool> Next(std::string& line, const CancelToken& stop) {
    for (;;) {
      const size_t end = buffer_.find('\n', at_);
      if (end != std::string::npos || (is_at_end_ && at_ < buffer_.size())) {
        const size_t stop_at = std::min(end, buffer_.size());
        line.assign(buffer_, at_, stop_at - at_);
        at_ = std::min(stop_at + 1, buffer_.size());
        ++lines_;
        if (line.ends_with('\r')) line.pop_back();
        const bool is_rest = std::exchange(is_in_long_line_, false);
        if (is_rest || line.size() > streamlog::kRecordBytesMax) {
          LeaveOut();
          continue;
        }
        if (line.empty()) continue;
        return true;
      }
      if (is_at_end_ || stop.is_cancelled()) return false;
      if (buffer_.size() - at_ > streamlog::kRecordBytesMax) {
        is_in_long_line_ = true;
        at_ = buffer_.size();
      }
      DAYPART_RETURN_IF_ERROR(Fill(stop));
    }
  }

  /// The last line is not sent; the first such is told at once.
  void LeaveOut() {
    if (left_out_++ > 0) return;
    PrintNotice("daypart: " + name_ + ", line " + std::to_string(lines_) +
                " is left out: at most 1048576 bytes are expected, as many as a record and its "
                "key may have");
  }
  int64_t left_out() const { return left_out_; }

 private:
  LineReader(std::FILE* file, std::string name) : file_(file), name_(std::move(name)) {}

  Status Fill(const CancelToken& stop) {
    const int descriptor = ::fileno(file_);
    pollfd wanted{descriptor, POLLIN, 0};
    // A signal ends the waiting too, and must not lead into a read that nothing ends.
    while (::poll(&wanted, 1, kPollMs) <= 0) {
      if (stop.is_cancelled()) return Ok();
    }
    buffer_.erase(0, at_);
    at_ = 0;
    const size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    const ssize_t got = ::read(descriptor, buffer_.data() + before, kReadBytes);
    buffer_.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got < 0 && errno != EINTR) return SystemError("reading " + name_, errno);
    is_at_end_ = got == 0;
    return Ok();
  }

  std::FILE* file_;
  std::string name_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t lines_ = 0;
  int64_t left_out_ = 0;
  bool is_in_long_line_ = false;
  bool is_at_end_ = false;
};

/// Holds a reader back to so many records a second.
class Pace {
 public:
  Pace(Clock& clock, int64_t rate) : clock_(clock), rate_(rate), start_(clock.Now()) {}
  void Wait(int64_t sent, const CancelToken& stop) {
    if (rate_ <= 0) return;
    const auto due = static_cast<int64_t>(static_cast<double>(sent) * 1e6 /
                                          static_cast<double>(rate_)) + start_.value();
    for (int64_t now = clock_.Now().value(); now < due && !stop.is_cancelled();
         now = clock_.Now().value()) {
      clock_.Sleep(std::chrono::microseconds(std::min<int64_t>(due - now, kPollMs * 1000)));
    }
  }

 private:
  Clock& clock_;
  const int64_t rate_;
  const UtcMicros start_;
};

/// returns: lines that were left out.
Result<int64_t> SendLines(LakeSession& session, const SendArguments& arguments,
                          const CancelToken& stop, ingest::Producer& producer) {
  Pace pace(session.clock(), arguments.rate);
  if (arguments.live > 0) {
    // Ids by the clock are those of no other run: no event takes less than a microsecond.
    const auto now = static_cast<uint64_t>(session.clock().Now().value());
    generate::LiveEvents events({.seed = arguments.seed.value_or(now),
                                 .first_id = arguments.seed ? 1 : now,
                                 .late_permille = arguments.late_permille,
                                 .repeated_permille = arguments.repeated_permille});
    for (int64_t i = 0; i < arguments.live && !stop.is_cancelled(); ++i) {
      pace.Wait(i, stop);
      std::string line = events.Next(session.clock().Now());
      std::string key = ingest::PartitionKeyOf(line, arguments.key_field);
      DAYPART_RETURN_IF_ERROR(producer.Add(std::move(line), std::move(key)));
    }
    return 0;
  }
  DAYPART_TRY(LineReader lines, LineReader::Open(arguments.file));
  std::string line;
  for (int64_t i = 0;; ++i) {
    DAYPART_TRY(const bool is_there, lines.Next(line, stop));
    if (!is_there) return lines.left_out();
    pace.Wait(i, stop);
    std::string key = ingest::PartitionKeyOf(line, arguments.key_field);
    if (line.size() + key.size() > streamlog::kRecordBytesMax) {
      lines.LeaveOut();
      continue;
    }
    DAYPART_RETURN_IF_ERROR(producer.Add(line, std::move(key)));
  }
}

/// Of a service that is not reached or does not take records.
std::string WhatToDo(const StreamTarget& target, const std::string& endpoint) {
  return target.is_local ? "; is daypart serve running at " + endpoint +
                               "? --endpoint names another address"
                         : "; is " + endpoint + " reachable from this machine?";
}

void Report(const SendArguments& arguments, const ingest::ProducerCounters& counters,
            int64_t left_out, double seconds, const OutputOptions& output) {
  const auto rate = static_cast<int64_t>(static_cast<double>(counters.acknowledged) / seconds);
  if (output.is_json) {
    PrintLine(nlohmann::json{{"stream", arguments.stream},
                             {"read", counters.added.load()},
                             {"acknowledged", counters.acknowledged.load()},
                             {"calls", counters.calls.load()},
                             {"sent_again", counters.sent_again.load()},
                             {"left_out", left_out},
                             {"lag_ms_max", static_cast<double>(counters.lag_micros_max) / 1000.0},
                             {"seconds", seconds},
                             {"records_per_second", rate}}
                  .dump());
  } else if (!output.is_quiet) {
    std::string line = Counted(counters.acknowledged, "record") + " acknowledged in " +
                       FormatSeconds(seconds) + " (" + FormatCount(rate) + "/s), " +
                       Counted(counters.calls, "call") + ", lag at most " +
                       FormatSeconds(static_cast<double>(counters.lag_micros_max) / 1e6);
    if (counters.sent_again > 0) {
      line += ", " + FormatCount(counters.sent_again) + " sent again";
    }
    if (left_out > 0) line += ", " + Counted(left_out, "line") + " left out";
    PrintLine(line);
  }
}

}  // namespace

CLI::App* AddSendOptions(CLI::App& app, SendArguments& arguments) {
  auto* send = app.add_subcommand("send", "Send JSON lines to a stream");
  send->footer("Example: daypart send events.jsonl --stream clicks --rate 5000");
  auto* file = send->add_option("FILE", arguments.file,
                                "File of JSON lines; - for standard input (default)");
  send->add_option("--stream", arguments.stream, "The stream")->required();
  send->add_option("--key", arguments.key_field,
                   "Field whose value is the partition key (viewer_id); its records stay in order");
  send->add_option("--rate", arguments.rate, "Records a second; all at once by default")
      ->check(WholeNumber(1));
  send->add_option("--live", arguments.live,
                   "Make up so many viewing events that happen now, instead of a file's")
      ->check(WholeNumber(1))
      ->excludes(file);
  send->add_option("--seed", arguments.seed,
                   "live: the same seed makes the same events, ids from 1; each run's are new "
                   "without it")
      ->check(WholeNumber(0));
  send->add_option("--late", arguments.late_permille, "live: late events in a thousand")
      ->check(WholeNumber(0, 1000));
  send->add_option("--repeated", arguments.repeated_permille, "live: repeated ones in a thousand")
      ->check(WholeNumber(0, 999));
  send->add_option("--connections", arguments.connections_count, "Calls under way at a time (4)")
      ->check(WholeNumber(1, 64));
  auto* endpoint = send->add_option("--endpoint", arguments.endpoint,
                                    "Of the API; the address of daypart serve by default")
                       ->check(HttpUrl());
  send->add_flag("--aws", arguments.is_aws,
                 "To Amazon Kinesis; so by itself if daypart.toml says source = \"kinesis:…\"")
      ->excludes(endpoint);
  send->add_option("--region", arguments.region, "AWS_REGION or the profile's by default");
  return send;
}

Result<int> RunSend(LakeSession& session, const SendArguments& arguments, const CancelToken& stop,
                    const OutputOptions& output) {
  const auto http = http::MakeClient({});
  Random random;
  StreamKeySource local_key(session.config());
  DAYPART_TRY(const StreamTarget target,
              StreamTargetOf(session, {.stream = arguments.stream,
                                       .endpoint = arguments.endpoint,
                                       .region = arguments.region,
                                       .is_aws = arguments.is_aws}));
  aws::CredentialSource& credentials =
      target.is_local ? static_cast<aws::CredentialSource&>(local_key) : session.credentials();
  // Without the session's token: what was read is sent to the end when the user stops, unless
  // nothing answers.
  CancelToken abandon;
  aws::Service service(*http, credentials, session.clock(), random, &abandon,
                       {.name = "kinesis",
                        .region = target.place.region,
                        .endpoint = target.place.endpoint});
  const UtcMicros start = session.clock().Now();
  const auto seconds = [&] {
    return static_cast<double>(session.clock().Now().value() - start.value()) / 1e6;
  };
  ingest::ProducerOptions options;
  options.workers_count = arguments.connections_count;
  options.stop = &stop;
  options.abandon = &abandon;
  options.on_outage = [&](const Error& error) {
    PrintNotice("daypart: " + error.message + "; trying again for " +
                std::to_string(options.failing_max.count() / 1000) + " s" +
                WhatToDo(target, service.endpoint()));
  };
  ingest::Producer producer(ingest::KinesisCall(service, target.place.stream), session.clock(),
                            random, options);
  const auto& counters = producer.counters();
  Result<int64_t> left_out = 0;
  Status sent;
  {
    ProgressLine line(output);
    ProgressWatch watch(line, [&](ProgressLine& shown) {
      const auto rate = static_cast<int64_t>(static_cast<double>(counters.acknowledged) /
                                             std::max(seconds(), 1e-3));
      shown.Show("sending", static_cast<uint64_t>(counters.acknowledged.load()),
                 arguments.live > 0 ? static_cast<uint64_t>(arguments.live) : kEndless,
                 Counted(counters.acknowledged, "record") + ", " + FormatCount(rate) +
                     "/s, lag " +
                     FormatSeconds(static_cast<double>(counters.lag_micros) / 1e6));
    });
    left_out = SendLines(session, arguments, stop, producer);
    if (!left_out) sent = left_out.error();
    // What was read goes out even if the next line was wrong.
    const Status finished = producer.Finish();
    if (sent && !finished) sent = finished;
  }
  Report(arguments, counters, left_out ? *left_out : 0, std::max(seconds(), 1e-6), output);
  if (!sent && sent.error().code == ErrorCode::kUnavailable) {
    return Unavailable(sent.error().message + WhatToDo(target, service.endpoint()));
  }
  if (!sent && sent.error().code == ErrorCode::kNotFound) {
    return NotFound(sent.error().message + "; daypart stream create " + arguments.stream +
                    (target.is_local ? "" : " --aws") + " makes it");
  }
  if (!sent) return std::move(sent).error();
  return *left_out > 0 ? kExitPartly : kExitDone;
}

}  // namespace daypart::app
