// SPDX-License-Identifier: Apache-2.0
//
// A thread a job, that waits on a condition so that stopping need not wait for an interval.
#include "serve/background_jobs.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/thread_priority.h"

namespace daypart::serve {
namespace {

constexpr char kRuns[] = "daypart_job_runs_total";
constexpr char kLastSuccess[] = "daypart_job_last_success_timestamp_seconds";

/// A job's thread must outlive what a library throws.
Status RunCaught(const BackgroundJob& job) {
  try {
    return job.run();
  } catch (const std::exception& exception) {
    return ResourceExhausted(exception.what());
  }
}

}  // namespace

BackgroundJobs::BackgroundJobs(Clock& clock, Metrics& metrics) : clock_(clock), metrics_(metrics) {
  metrics_.Describe(kRuns, MetricKind::kCounter, "Runs of background jobs, by outcome");
  metrics_.Describe(kLastSuccess, MetricKind::kGauge, "When a background job last ended well");
}

BackgroundJobs::~BackgroundJobs() { Stop(); }

void BackgroundJobs::Start(BackgroundJob job) {
  threads_.emplace_back([this, job = std::move(job)] { Run(job); });
}

void BackgroundJobs::Stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopping_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void BackgroundJobs::Run(const BackgroundJob& job) {
  if (job.gives_way) GiveWayToOtherThreads();
  std::string last_failure;
  for (;;) {
    const Status status = RunCaught(job);
    if (!status && status.error().code == ErrorCode::kCancelled) return;
    metrics_.Add(kRuns, {{"job", job.name}, {"outcome", status ? "done" : "failed"}});
    if (status) {
      metrics_.Set(kLastSuccess, {{"job", job.name}},
                   static_cast<double>(clock_.Now().value()) / 1e6);
      last_failure.clear();
    } else if (status.error().message != last_failure) {
      // Told once: a disk that is full for a day need not fill the log too.
      last_failure = status.error().message;
      Log(LogLevel::kError, job.name + ": " + last_failure);
    }
    std::unique_lock lock(mutex_);
    if (stopping_.wait_for(lock, job.interval, [this] { return is_stopping_; })) return;
  }
}

}  // namespace daypart::serve
