// SPDX-License-Identifier: Apache-2.0
//
// Samples by the text of their labels, so that reading them is printing.
#include "serve/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace daypart::serve {
namespace {

/// From a call that reads nothing to a query over a whole lake.
constexpr std::array<double, 12> kBucketSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                   0.1,   0.25,   0.5,   1,    5,     30};

std::string Escaped(std::string_view text, bool is_label) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '"' && is_label) {
      escaped += "\\\"";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

/// `a="1",b="2"`
std::string TextOf(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, Escaped(value, true));
  }
  return text;
}

std::string Braced(std::string_view labels) {
  return labels.empty() ? "" : fmt::format("{{{}}}", labels);
}

std::string NumberText(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", number);
}

std::string_view KindText(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter: return "counter";
    case MetricKind::kGauge: return "gauge";
    case MetricKind::kHistogram: return "histogram";
  }
  return "untyped";
}

}  // namespace

void Metrics::Describe(const std::string& name, MetricKind kind, const std::string& meaning) {
  const std::lock_guard lock(mutex_);
  Family& family = families_[name];
  family.kind = kind;
  family.meaning = meaning;
}

void Metrics::Add(const std::string& name, const Labels& labels, double amount) {
  const std::lock_guard lock(mutex_);
  families_[name].samples[TextOf(labels)] += amount;
}

void Metrics::Set(const std::string& name, const Labels& labels, double value) {
  const std::lock_guard lock(mutex_);
  families_[name].samples[TextOf(labels)] = value;
}

void Metrics::Observe(const std::string& name, const Labels& labels, double seconds) {
  const std::lock_guard lock(mutex_);
  Histogram& histogram = families_[name].histograms[TextOf(labels)];
  histogram.counts.resize(kBucketSeconds.size());
  const auto bucket = std::lower_bound(kBucketSeconds.begin(), kBucketSeconds.end(), seconds);
  if (bucket != kBucketSeconds.end()) {
    ++histogram.counts[static_cast<size_t>(bucket - kBucketSeconds.begin())];
  }
  histogram.sum += seconds;
  ++histogram.count;
}

void Metrics::OnRead(std::function<void()> collect) {
  const std::lock_guard lock(reading_);
  collectors_.push_back(std::move(collect));
}

std::string Metrics::Text() {
  const std::lock_guard reading(reading_);
  for (const auto& collect : collectors_) collect();
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [name, family] : families_) {
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, Escaped(family.meaning, false), name,
                        KindText(family.kind));
    for (const auto& [labels, value] : family.samples) {
      text += fmt::format("{}{} {}\n", name, Braced(labels), NumberText(value));
    }
    for (const auto& [labels, histogram] : family.histograms) {
      const std::string comma = labels.empty() ? "" : labels + ',';
      double below = 0;
      for (size_t i = 0; i < kBucketSeconds.size(); ++i) {
        below += histogram.counts[i];
        text += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, comma,
                            NumberText(kBucketSeconds[i]), NumberText(below));
      }
      text += fmt::format("{}_bucket{{{}le=\"+Inf\"}} {}\n", name, comma,
                          NumberText(histogram.count));
      text += fmt::format("{}_sum{} {}\n", name, Braced(labels), NumberText(histogram.sum));
      text += fmt::format("{}_count{} {}\n", name, Braced(labels), NumberText(histogram.count));
    }
  }
  return text;
}

}  // namespace daypart::serve
