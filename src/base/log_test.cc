// SPDX-License-Identifier: Apache-2.0
//
// What the log lets through and how a line looks.
#include "base/log.h"

#include <gtest/gtest.h>

namespace daypart {
namespace {

TEST(Log, WritesGraveEventsOnly) {
  SetLogLevel(LogLevel::kWarning);
  ::testing::internal::CaptureStderr();
  Log(LogLevel::kInfo, "small");
  Log(LogLevel::kWarning, "large");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("small"), std::string::npos);
  EXPECT_NE(text.find("Z warning: large\n"), std::string::npos) << text;
}

TEST(Log, KeepsAnEventOnOneLine) {
  SetLogLevel(LogLevel::kWarning);
  ::testing::internal::CaptureStderr();
  Log(LogLevel::kError, "a\nb {} %s\r");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("error: a\\nb {} %s\\r\n"), std::string::npos) << text;
}

TEST(Log, KnowsItsLevels) {
  EXPECT_EQ(*ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_FALSE(ParseLogLevel("loud"));
  SetLogLevel(LogLevel::kOff);
  EXPECT_FALSE(is_logged(LogLevel::kError));
  SetLogLevel(LogLevel::kWarning);
}

}  // namespace
}  // namespace daypart
