// SPDX-License-Identifier: Apache-2.0
//
// Metrics: numbers about a running server, as Prometheus reads them. Families are described once;
// samples are added as things happen, or set by collectors at the moment of reading.
// source: Prometheus documentation, "Exposition formats", text format 0.0.4.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace daypart::serve {

using Labels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind { kCounter, kGauge, kHistogram };

/// Thread-safe.
class Metrics {
 public:
  /// Before the first sample of that name. Counters end in _total, durations in _seconds.
  void Describe(const std::string& name, MetricKind kind, const std::string& meaning);
  /// counter
  void Add(const std::string& name, const Labels& labels, double amount = 1);
  /// gauge, or a counter that is kept elsewhere
  void Set(const std::string& name, const Labels& labels, double value);
  /// histogram of seconds
  void Observe(const std::string& name, const Labels& labels, double seconds);
  /// Called before each reading, to Set what is only known then.
  void OnRead(std::function<void()> collect);

  /// All families in the order of their names.
  std::string Text();

 private:
  struct Histogram {
    std::vector<double> counts;  // of each bucket, not summed up
    double sum = 0;
    double count = 0;
  };
  struct Family {
    MetricKind kind = MetricKind::kGauge;
    std::string meaning;
    std::map<std::string, double> samples;        // by the text of their labels
    std::map<std::string, Histogram> histograms;  // likewise
  };

  std::mutex mutex_;  // guards families_
  std::map<std::string, Family> families_;
  std::mutex reading_;  // guards collectors_, and lets one reader collect at a time
  std::vector<std::function<void()>> collectors_;
};

}  // namespace daypart::serve
