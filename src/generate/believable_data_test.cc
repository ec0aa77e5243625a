// SPDX-License-Identifier: Apache-2.0
//
// The data hangs together and looks like viewing: who, what, when and what it earns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/calendar.h"
#include "generate/generated_data_for_test.h"

namespace daypart::generate {
namespace {

constexpr int64_t kHour = 3'600'000;

int64_t MillisOf(const std::string& text) {
  const auto micros = ParseTimestampMicros(text);
  EXPECT_TRUE(micros.has_value()) << text;
  EXPECT_EQ(text.size(), 24u) << text;
  return micros.value_or(0) / 1'000;
}

/// Two weeks of 40 channels and 3,000 viewers, made once for all tests here.
class BelievableData : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    GenerateOptions options;
    options.viewers_count = 3'000;
    options.channels_count = 40;
    options.days_count = 14;
    options.events_count = 200'000;
    options.seed = 11;
    files_ = new auto(FilesFor(options));
    events_ = new auto(RowsOf(files_->at("viewership_logs.csv")));
    ads_ = new auto(RowsOf(files_->at("ad_revenue.csv")));
    for (const Row& row : RowsOf(files_->at("channel_metadata.csv")))
      channels_[row.at("channel_id")] = row;
    for (const Row& row : RowsOf(files_->at("demographics.csv")))
      viewers_[row.at("viewer_id")] = row;
  }
  static void TearDownTestSuite() {
    delete files_;
    delete events_;
    delete ads_;
    channels_.clear();
    viewers_.clear();
  }

  /// Starts that satisfy `is_counted(viewer, channel)`.
  template <typename Counts>
  static double StartsOf(Counts is_counted) {
    double count = 0;
    for (const Row& event : *events_) {
      if (event.at("event_type") != "start") continue;
      if (is_counted(viewers_.at(event.at("viewer_id")), channels_.at(event.at("channel_id"))))
        ++count;
    }
    return count;
  }

  static std::map<std::string, double> StartsByChannel() {
    std::map<std::string, double> starts;
    for (const Row& event : *events_) {
      if (event.at("event_type") == "start") ++starts[event.at("channel_id")];
    }
    return starts;
  }

  static inline std::map<std::string, std::string>* files_;
  static inline std::vector<Row>* events_;
  static inline std::vector<Row>* ads_;
  static inline std::map<std::string, Row> channels_;
  static inline std::map<std::string, Row> viewers_;
};

TEST_F(BelievableData, EventIdsAreUniqueOverAllFiles) {
  std::set<std::string> ids;
  for (const Row& event : *events_) ids.insert(event.at("event_id"));
  size_t history = 0;
  for (const auto& [name, bytes] : *files_) {
    if (!name.starts_with("historical_data/")) continue;
    for (const Row& event : RowsOf(bytes)) {
      ids.insert(event.at("event_id"));
      EXPECT_EQ(event.at("event_time").substr(0, 10), name.substr(27, 10));
      ++history;
    }
  }
  EXPECT_EQ(history, 20'000u);
  EXPECT_EQ(ids.size(), 220'000u);
}

TEST_F(BelievableData, EventsLieInTheDaysAskedForAndComeAboutInOrder) {
  int64_t latest = 0;
  for (const Row& event : *events_) {
    const int64_t time = MillisOf(event.at("event_time"));
    ASSERT_GE(time, *ParseDate("2026-11-01") * 24 * kHour);
    ASSERT_LT(time, *ParseDate("2026-11-15") * 24 * kHour);
    ASSERT_GT(time, latest - 5 * kHour);
    latest = std::max(latest, time);
  }
}

TEST_F(BelievableData, SessionsAreConsistentFromStartToStop) {
  std::map<std::string, std::vector<const Row*>> sessions;
  for (const Row& event : *events_) sessions[event.at("session_id")].push_back(&event);
  size_t stopped = 0;
  for (auto& [id, events] : sessions) {
    std::stable_sort(events.begin(), events.end(), [](const Row* left, const Row* right) {
      return left->at("event_time") < right->at("event_time");
    });
    EXPECT_EQ(events[0]->at("event_type"), "start");
    EXPECT_EQ(events[0]->at("watch_seconds"), "0");
    for (size_t i = 1; i < events.size(); ++i) {
      const Row& before = *events[i - 1];
      const Row& event = *events[i];
      const std::string& type = event.at("event_type");
      for (const char* same :
           {"viewer_id", "channel_id", "content_id", "content_type", "region", "device_type"}) {
        ASSERT_EQ(event.at(same), before.at(same)) << id;
      }
      const int64_t gap = MillisOf(event.at("event_time")) - MillisOf(before.at("event_time"));
      const int64_t watched = NumberOf(event.at("watch_seconds")) * 1'000;
      ASSERT_NE(type, "start");
      ASSERT_NE(before.at("event_type"), "stop");
      ASSERT_EQ(type == "resume", before.at("event_type") == "pause") << id;
      if (type == "resume") {
        ASSERT_EQ(watched, 0);
        ASSERT_GE(gap, 5'000);
      } else {
        ASSERT_GT(watched, 0);
        ASSERT_EQ(gap, watched + NumberOf(event.at("buffering_ms"))) << id;
      }
    }
    if (events.back()->at("event_type") == "stop") ++stopped;
  }
  EXPECT_GT(sessions.size(), 20'000u);
  EXPECT_GT(stopped, sessions.size() * 95 / 100);
}

TEST_F(BelievableData, EveryEventNamesAViewerAndAChannelThatAreThere) {
  std::map<std::string, std::string> type_of_content;
  for (const Row& event : *events_) {
    ASSERT_TRUE(channels_.contains(event.at("channel_id")));
    ASSERT_TRUE(viewers_.contains(event.at("viewer_id")));
    ASSERT_EQ(event.at("region"), viewers_.at(event.at("viewer_id")).at("region"));
    ASSERT_EQ(NumberOf(event.at("content_id")) / 1'000, NumberOf(event.at("channel_id")));
    const auto& type = type_of_content.emplace(event.at("content_id"), event.at("content_type"));
    ASSERT_EQ(type.first->second, event.at("content_type"));
  }
}

TEST_F(BelievableData, HouseholdsShareRegionAndIncome) {
  std::map<std::string, std::pair<std::string, std::string>> households;
  for (const auto& [id, viewer] : viewers_) {
    const std::pair home(viewer.at("region"), viewer.at("income_band"));
    EXPECT_EQ(households.emplace(viewer.at("household_id"), home).first->second, home);
    const int64_t age = NumberOf(viewer.at("age"));
    EXPECT_GE(age, 4);
    EXPECT_LE(age, 92);
    EXPECT_EQ(viewer.at("age_group") == "65+", age >= 65);
    EXPECT_EQ(viewer.at("age_group") == "18-24", age >= 18 && age <= 24);
    EXPECT_LT(*ParseDate(viewer.at("signup_date")), *ParseDate("2026-10-29"));
  }
  EXPECT_NEAR(static_cast<double>(households.size()), 3'000 * 5 / 12.0, 2);
}

TEST_F(BelievableData, PopularityOfChannelsIsZipfLike) {
  std::vector<double> counts;
  for (const auto& [channel, starts] : StartsByChannel()) counts.push_back(starts);
  ASSERT_EQ(counts.size(), 40u);
  std::sort(counts.rbegin(), counts.rend());
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (size_t rank = 0; rank < counts.size(); ++rank) {
    const double x = std::log(static_cast<double>(rank + 1));
    const double y = std::log(counts[rank]);
    sum_x += x, sum_y += y, sum_xx += x * x, sum_xy += x * y;
  }
  const auto n = static_cast<double>(counts.size());
  const double slope = (n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x * sum_x);
  EXPECT_GT(slope, -1.35);
  EXPECT_LT(slope, -0.75);
}

TEST_F(BelievableData, ViewingPeaksInPrimeTimeAndOnWeekends) {
  std::vector<double> by_hour(24);
  double weekend = 0;
  for (const Row& event : *events_) {
    if (event.at("event_type") != "start") continue;
    const int64_t hour = MillisOf(event.at("event_time")) / kHour;
    ++by_hour[static_cast<size_t>(hour % 24)];
    const int64_t weekday = (hour / 24 + 3) % 7;
    if (weekday >= 5) ++weekend;
  }
  const auto peak = std::max_element(by_hour.begin(), by_hour.end()) - by_hour.begin();
  EXPECT_GE(peak, 19);
  EXPECT_LE(peak, 22);
  EXPECT_GT(by_hour[20], 5 * by_hour[3]);
  const double all = std::accumulate(by_hour.begin(), by_hour.end(), 0.0);
  EXPECT_GT(weekend / all, 2.0 / 7 * 1.05);
}

TEST_F(BelievableData, GenresHaveTheirHours) {
  std::map<std::string, std::vector<double>> by_genre;
  for (const Row& event : *events_) {
    if (event.at("event_type") != "start") continue;
    auto& hours = by_genre[channels_.at(event.at("channel_id")).at("genre")];
    hours.resize(24);
    ++hours[static_cast<size_t>(MillisOf(event.at("event_time")) / kHour % 24)];
  }
  const auto share = [&](const char* genre, size_t from, size_t to) {
    const auto& hours = by_genre.at(genre);
    return std::accumulate(hours.begin() + static_cast<long>(from),
                           hours.begin() + static_cast<long>(to), 0.0) /
           std::accumulate(hours.begin(), hours.end(), 0.0);
  };
  EXPECT_GT(share("news", 6, 9), 1.7 * share("drama", 6, 9));
  EXPECT_GT(share("drama", 20, 24), 1.7 * share("kids", 20, 24));
  EXPECT_GT(share("movies", 21, 24), share("lifestyle", 21, 24) * 1.5);
}

TEST_F(BelievableData, WhoWatchesWhatFollowsAgeAndGender) {
  const auto share_of = [](const char* genre, auto is_of_group) {
    const double of_group =
        StartsOf([&](const Row& viewer, const Row&) { return is_of_group(viewer); });
    return StartsOf([&](const Row& viewer, const Row& channel) {
             return is_of_group(viewer) && channel.at("genre") == genre;
           }) /
           of_group;
  };
  const auto is_child = [](const Row& viewer) { return viewer.at("age_group") == "4-12"; };
  const auto is_old = [](const Row& viewer) { return viewer.at("age_group") == "65+"; };
  const auto is_man = [](const Row& viewer) { return viewer.at("gender") == "male"; };
  const auto is_woman = [](const Row& viewer) { return viewer.at("gender") == "female"; };
  EXPECT_GT(share_of("kids", is_child), 5 * share_of("kids", is_old));
  EXPECT_GT(share_of("news", is_old), 3 * share_of("news", is_child));
  EXPECT_GT(share_of("sports", is_man), 1.5 * share_of("sports", is_woman));
}

TEST_F(BelievableData, YoungViewersAreOnTheirPhones) {
  std::map<std::string, std::map<std::string, double>> devices;
  for (const auto& [id, viewer] : viewers_)
    ++devices[viewer.at("age_group")][viewer.at("device_type")];
  EXPECT_GT(devices["18-24"]["mobile"], devices["18-24"]["tv"]);
  EXPECT_GT(devices["65+"]["tv"], 3 * devices["65+"]["mobile"]);
}

TEST_F(BelievableData, AdsEarnWhatTheirImpressionsAndTheChannelSay) {
  const std::map<std::string, double> factors = {
      {"early_morning", .60}, {"morning", .70},       {"daytime", .65}, {"early_fringe", .90},
      {"early_news", 1.10},   {"prime_access", 1.25}, {"prime", 1.80},  {"late_news", 1.20},
      {"late_fringe", .85},   {"late_night", .45}};
  for (const Row& ad : *ads_) {
    const auto impressions = static_cast<double>(NumberOf(ad.at("impressions")));
    ASSERT_LE(NumberOf(ad.at("clicks")), NumberOf(ad.at("impressions")));
    ASSERT_EQ(ad.at("revenue_usd").size() - ad.at("revenue_usd").find('.'), 5u) << "four decimals";
    const double cpm = std::stod(channels_.at(ad.at("channel_id")).at("base_cpm_usd"));
    const double expected = impressions / 1'000 * cpm * factors.at(ad.at("daypart"));
    ASSERT_NEAR(std::stod(ad.at("revenue_usd")), expected, expected * 0.1 + 0.0001);
    ASSERT_GT(MillisOf(ad.at("updated_at")), MillisOf(ad.at("spot_start")));
  }
}

TEST_F(BelievableData, SpotsSitInTheirDaypartAndDoNotOverlap) {
  std::map<std::string, std::vector<std::pair<int64_t, int64_t>>> spots;
  for (const Row& ad : *ads_) {
    const int64_t begin = MillisOf(ad.at("spot_start"));
    const int64_t minute = begin / 60'000 % 1'440;
    const std::string& daypart = ad.at("daypart");
    ASSERT_EQ(daypart == "prime", minute >= 1200 && minute < 1380) << ad.at("spot_start");
    ASSERT_EQ(daypart == "late_fringe", minute >= 1410 || minute < 60) << ad.at("spot_start");
    ASSERT_EQ(daypart == "early_news", minute >= 1080 && minute < 1140) << ad.at("spot_start");
    spots[ad.at("channel_id") + ad.at("region")].emplace_back(
        begin, begin + NumberOf(ad.at("duration_seconds")) * 1'000);
  }
  for (auto& [place, times] : spots) {
    std::sort(times.begin(), times.end());
    for (size_t i = 1; i < times.size(); ++i)
      ASSERT_GE(times[i].first, times[i - 1].second) << place;
  }
}

TEST_F(BelievableData, ImpressionsFollowTheChannelsAudience) {
  std::map<std::string, double> impressions;
  std::map<std::string, double> spots;
  double clicks = 0;
  double all = 0;
  for (const Row& ad : *ads_) {
    impressions[ad.at("channel_id")] += static_cast<double>(NumberOf(ad.at("impressions")));
    ++spots[ad.at("channel_id")];
    clicks += static_cast<double>(NumberOf(ad.at("clicks")));
    all += static_cast<double>(NumberOf(ad.at("impressions")));
  }
  EXPECT_GT(clicks / all, 0.0005);
  EXPECT_LT(clicks / all, 0.005);
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_yy = 0, sum_xy = 0, n = 0;
  for (const auto& [channel, starts] : StartsByChannel()) {
    const double per_spot = impressions[channel] / spots[channel];
    sum_x += starts, sum_y += per_spot, ++n;
    sum_xx += starts * starts, sum_yy += per_spot * per_spot, sum_xy += starts * per_spot;
  }
  const double correlation = (n * sum_xy - sum_x * sum_y) /
                             std::sqrt((n * sum_xx - sum_x * sum_x) * (n * sum_yy - sum_y * sum_y));
  EXPECT_GT(correlation, 0.95);
}

TEST_F(BelievableData, ViewersComeBackToTheirChannels) {
  // Of two starts of one viewer, the chance to be of one channel is above that of two viewers'
  // starts.
  std::map<std::string, std::map<std::string, double>> by_viewer;
  for (const Row& event : *events_) {
    if (event.at("event_type") == "start")
      ++by_viewer[event.at("viewer_id")][event.at("channel_id")];
  }
  double same = 0, pairs = 0, all = 0, any_same = 0;
  for (const auto& [viewer, channels] : by_viewer) {
    double starts = 0;
    for (const auto& [channel, count] : channels) starts += count, same += count * (count - 1);
    pairs += starts * (starts - 1);
  }
  for (const auto& [channel, count] : StartsByChannel()) all += count, any_same += count * count;
  EXPECT_GT(same / pairs, 1.15 * any_same / (all * all));
}

}  // namespace
}  // namespace daypart::generate
