// SPDX-License-Identifier: Apache-2.0
//
// Declarations as people write them, and what is said of those that are wrong.
#include "windows/window_declaration.h"

#include <gtest/gtest.h>

#include "windows/touched_windows.h"

namespace daypart::windows {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1'000'000;

std::string Select(const std::string& window) {
  return "SELECT region, window_start, window_end, count(*) AS n FROM media.events "
         "GROUP BY region, " + window;
}

std::string ErrorOf(const std::string& text) {
  const auto window = ParseWindowDeclaration("views", text);
  return window ? "no error" : window.error().message;
}

TEST(WindowDeclaration, TakesHeadAndClausesApart) {
  const auto window = ParseWindowDeclaration("views", R"(-- Views: how many.
-- target: media.views_by_minute
-- lateness: 10 minutes
-- idle: 30 seconds
-- partition: month(window_start)
SELECT e.region, window_start, window_end, count(*) FILTER (WHERE e.kind = 'start from') AS n
FROM "media".events AS e
WHERE e.kind <> 'x' -- no group by here
  AND extract(hour FROM e.at) > 3
GROUP BY e.region, tumble(e.at, INTERVAL '1 minute')
HAVING count(*) > 1;
)");
  ASSERT_TRUE(window) << window.error().message;
  EXPECT_EQ(ToString(window->target), "media.views_by_minute");
  EXPECT_EQ(ToString(window->source), "media.events");
  EXPECT_EQ(window->kind, WindowKind::kTumbling);
  EXPECT_EQ(window->time_column, "at");
  EXPECT_EQ(window->size_micros, kMinute);
  EXPECT_EQ(window->slide_micros, kMinute);
  EXPECT_EQ(window->lateness_micros, 10 * kMinute);
  EXPECT_EQ(window->idle_ms, 30'000);
  EXPECT_EQ(window->partition, "month(window_start)");
  EXPECT_EQ(window->alias, "e");
  EXPECT_EQ(window->keys, std::vector<std::string>{"region"});
  EXPECT_EQ(window->having, "count(*) > 1");
}

TEST(WindowDeclaration, HasDefaultsFromItsName) {
  const auto window =
      ParseWindowDeclaration("views", Select("hop(at, INTERVAL 1 MINUTE, INTERVAL '5' MINUTES)"));
  ASSERT_TRUE(window) << window.error().message;
  EXPECT_EQ(ToString(window->target), "media.views");
  EXPECT_EQ(window->lateness_micros, 60 * kMinute);
  EXPECT_EQ(window->kind, WindowKind::kHopping);
  EXPECT_EQ(window->slide_micros, kMinute);
  EXPECT_EQ(window->size_micros, 5 * kMinute);
}

TEST(WindowDeclaration, TellsByItsFingerprintWhetherResultsChange) {
  const auto fingerprint = [](const std::string& text) {
    const auto window = ParseWindowDeclaration("views", text);
    EXPECT_TRUE(window) << window.error().message;
    return window->fingerprint;
  };
  const std::string select = Select("tumble(at, INTERVAL '1 minute')");
  EXPECT_EQ(fingerprint(select), fingerprint("-- lateness: 3 hours\n" + select + " -- a remark\n"));
  EXPECT_NE(fingerprint(select), fingerprint(Select("tumble(at, INTERVAL '2 minutes')")));
}

TEST(WindowDeclaration, SaysWhatIsWrong) {
  const std::string good = Select("tumble(at, INTERVAL '1 minute')");
  EXPECT_NE(ErrorOf("-- latenes: 1 hour\n" + good).find("line 1: -- latenes: is no setting"),
            std::string::npos);
  EXPECT_NE(ErrorOf("-- lateness: soon\n" + good).find("'10 minutes' is expected"),
            std::string::npos);
  EXPECT_NE(ErrorOf("-- lateness: 99999999999 weeks\n" + good).find("0 to 3660 days"),
            std::string::npos);
  EXPECT_NE(ErrorOf("-- target: media.events\n" + good).find("other than the source"),
            std::string::npos);
  EXPECT_NE(ErrorOf("SELECT 1").find("FROM is expected"), std::string::npos);
  EXPECT_NE(ErrorOf("SELECT a FROM t JOIN u ON t.a = u.a GROUP BY a").find("one source"),
            std::string::npos);
  EXPECT_NE(ErrorOf("SELECT a FROM t GROUP BY a").find("tumble(), hop() or session() is expected"),
            std::string::npos);
  EXPECT_NE(ErrorOf(good + ", session(at, INTERVAL '1 hour')").find("found two"),
            std::string::npos);
  EXPECT_NE(ErrorOf(good + ", upper(region)").find("give the expression a name"),
            std::string::npos);
  EXPECT_NE(ErrorOf(good + " ORDER BY 1").find("ORDER"), std::string::npos);
  EXPECT_NE(ErrorOf(Select("tumble(at, INTERVAL '0 minutes')")).find("longer than nothing"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Select("hop(at, INTERVAL '2 minutes', INTERVAL '1 minute')"))
                .find("at least the slide"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Select("hop(at, INTERVAL '1 second', INTERVAL '1 day')"))
                .find("86400 windows, 1440 are the most"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Select("tumble(at, '1 minute')")).find("INTERVAL is expected"),
            std::string::npos);
}

TEST(JoinSpans, KeepsTheWidestGaps) {
  using Spans = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT_EQ(JoinSpans({{5, 6}, {1, 3}, {3, 4}, {2, 3}}, 9), (Spans{{1, 4}, {5, 6}}));
  EXPECT_EQ(JoinSpans({{0, 1}, {2, 3}, {10, 11}, {13, 14}, {40, 41}}, 3),
            (Spans{{0, 3}, {10, 14}, {40, 41}}));
  EXPECT_EQ(JoinSpans({{0, 1}, {2, 3}, {4, 5}, {6, 7}}, 2).size(), 2);
  EXPECT_EQ(JoinSpans({{0, 1}, {9, 10}}, 1), (Spans{{0, 10}}));
  EXPECT_EQ(JoinSpans({}, 4), Spans{});
}

}  // namespace
}  // namespace daypart::windows
