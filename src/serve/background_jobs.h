// SPDX-License-Identifier: Apache-2.0
//
// BackgroundJobs: what a server does every so often by itself, each job on a thread of its own. A
// job that fails is told in the log and the metrics and runs again after its interval.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "serve/metrics.h"

namespace daypart::serve {

struct BackgroundJob {
  std::string name;
  std::chrono::milliseconds interval;  // from an end to the next beginning
  std::function<Status()> run;
  /// To what clients wait for: see base/thread_priority.h.
  bool gives_way = false;
};

class BackgroundJobs {
 public:
  /// Both must outlive the jobs.
  BackgroundJobs(Clock& clock, Metrics& metrics);
  /// Stops.
  ~BackgroundJobs();

  /// Runs the job at once and then every interval.
  void Start(BackgroundJob job);
  /// Waits for running jobs to end; how soon they do is up to their own cancellation. Harmless to
  /// call again.
  void Stop();

 private:
  void Run(const BackgroundJob& job);

  Clock& clock_;
  Metrics& metrics_;
  std::mutex mutex_;  // guards is_stopping_
  std::condition_variable stopping_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace daypart::serve
