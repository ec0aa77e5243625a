// SPDX-License-Identifier: Apache-2.0
//
// Types inferred of values: the narrowest that holds all, leading zeros, dates, decimals.
#include "crawl/value_profile.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace daypart::crawl {
namespace {

using ::testing::HasSubstr;

std::string TypeOfCells(std::initializer_list<const char*> cells) {
  ValueProfile profile;
  for (const char* cell : cells) profile.AddCell(cell);
  return iceberg::ToString(InferType(profile).type);
}

TEST(InferType, TellsTheKindsOfValuesApart) {
  EXPECT_EQ(TypeOfCells({"1", "-2", "0"}), "int");
  EXPECT_EQ(TypeOfCells({"true", "False", "TRUE"}), "boolean");
  EXPECT_EQ(TypeOfCells({"2026-11-24", "1969-12-31"}), "date");
  EXPECT_EQ(TypeOfCells({"2026-11-24 10:00:00", "2026-11-24T10:00:00.123"}), "timestamp");
  EXPECT_EQ(TypeOfCells({"2026-11-24T10:00:00Z", "2026-11-24 10:00:00+01:00"}), "timestamptz");
  EXPECT_EQ(TypeOfCells({"0.5", "1.25", "3"}), "double");
  EXPECT_EQ(TypeOfCells({"1e-07", "2.5E3", "7"}), "double");
  EXPECT_EQ(TypeOfCells({"a", "b"}), "string");
}

TEST(InferType, KeepsLeadingZerosAsStrings) {
  EXPECT_EQ(TypeOfCells({"00501", "10001"}), "string");
  EXPECT_EQ(TypeOfCells({"007"}), "string");
  EXPECT_EQ(TypeOfCells({"0", "10"}), "int");
  EXPECT_EQ(TypeOfCells({"00.50", "1.50"}), "string");
  EXPECT_EQ(TypeOfCells({"0.50", "1.50"}), "decimal(18, 2)");
}

TEST(InferType, KeepsNumbersThatAreIdentifiersAsStrings) {
  EXPECT_EQ(TypeOfCells({"+4930123456", "+491701234567"}), "string");
  EXPECT_EQ(TypeOfCells({"12345678901234567890"}), "string");
  EXPECT_EQ(TypeOfCells({"12E4", "77E1"}), "string");
  EXPECT_EQ(TypeOfCells({"1.2.3"}), "string");
  EXPECT_EQ(TypeOfCells({"10:30", "11:45"}), "string");
}

TEST(InferType, PrefersLongBeforeIdsOutgrowAnInt) {
  EXPECT_EQ(TypeOfCells({"1073741824"}), "int");
  EXPECT_EQ(TypeOfCells({"1073741825"}), "long");
  EXPECT_EQ(TypeOfCells({"-1073741825"}), "long");
  EXPECT_EQ(TypeOfCells({"1", "9223372036854775807"}), "long");
}

TEST(InferType, TakesMoneyForDecimalAndMeasuresForDouble) {
  EXPECT_EQ(TypeOfCells({"12.5000", "0.1234"}), "decimal(18, 4)");
  EXPECT_EQ(TypeOfCells({"-3.10", "12345678901234567890.00"}), "decimal(38, 2)");
  EXPECT_EQ(TypeOfCells({"1.5", "2.0"}), "double");  // How a program prints doubles.
  EXPECT_EQ(TypeOfCells({"1.25", "2.5"}), "double");
  EXPECT_EQ(TypeOfCells({"1.2500000", "2.5000000"}), "double");
  EXPECT_EQ(
      TypeOfCells({"1.11", "1.12", "1.13", "1.14", "1.15", "1.16", "1.17", "1.18", "1.19", "1.21"}),
      "double");  // Never a zero at the end: measured, not formatted.
  EXPECT_EQ(
      TypeOfCells({"1.11", "1.12", "1.13", "1.14", "1.15", "1.16", "1.17", "1.18", "1.19", "1.20"}),
      "decimal(18, 2)");
}

TEST(InferType, CountsNullsForNothing) {
  EXPECT_EQ(TypeOfCells({"", "NULL", "null", "\\N", "  ", "7"}), "int");
  EXPECT_EQ(TypeOfCells({"", "NULL"}), "string");
  ValueProfile profile;
  profile.AddCell("");
  EXPECT_FALSE(InferType(profile).is_evidenced);
  EXPECT_EQ(profile.nulls_count(), 1u);
}

TEST(InferType, TrimsSpacesAroundValues) { EXPECT_EQ(TypeOfCells({" 12", "7 "}), "int"); }

TEST(InferType, TakesNanForANumberOnlyAmongNumbers) {
  EXPECT_EQ(TypeOfCells({"NaN", "1.5", "-inf"}), "double");
  EXPECT_EQ(TypeOfCells({"Nan", "Infinity"}), "string");
}

TEST(InferType, RefusesDatesThatDoNotExist) {
  EXPECT_EQ(TypeOfCells({"2026-02-30"}), "string");
  EXPECT_EQ(TypeOfCells({"2026-11-24", "2026-11-24 10:00:00"}), "string");
}

TEST(InferType, ReadsTimesWithAndWithoutZoneAsUtcAndSaysSo) {
  ValueProfile profile;
  profile.AddCell("2026-11-24T10:00:00Z");
  profile.AddCell("2026-11-24T10:00:00");
  const InferredType inferred = InferType(profile);
  EXPECT_EQ(iceberg::ToString(inferred.type), "timestamptz");
  EXPECT_THAT(inferred.warning, HasSubstr("1 of 2 sampled times have no zone"));
}

TEST(InferType, ToleratesFewSpoiltValuesAmongMany) {
  ValueProfile profile;
  for (int i = 0; i < 199; ++i) profile.AddCell(std::to_string(i));
  profile.AddCell("spoilt");
  const InferredType inferred = InferType(profile);
  EXPECT_EQ(iceberg::ToString(inferred.type), "int");
  EXPECT_THAT(inferred.warning,
              HasSubstr("1 of 200 sampled values do not fit int, such as 'spoilt'"));
}

TEST(InferType, ToleratesNoSpoiltValuesAmongFewAndNoLeadingZeroEver) {
  EXPECT_EQ(TypeOfCells({"1", "2", "3", "x"}), "string");
  ValueProfile profile;
  for (int i = 0; i < 999; ++i) profile.AddCell(std::to_string(10'000 + i));
  profile.AddCell("00501");
  EXPECT_EQ(iceberg::ToString(InferType(profile).type), "string");
}

TEST(InferType, OneOddValueOfAnyKindIsAMisfitOnceThereAreEnough) {
  const auto with = [](int values, const char* value, const char* odd) {
    ValueProfile profile;
    for (int i = 1; i < values; ++i) profile.AddCell(value);
    profile.AddCell(odd);
    return profile;
  };
  const InferenceOptions first{.misfit_values_min = 5, .has_to_last = true};
  EXPECT_EQ(iceberg::ToString(InferType(with(5, "7", "true"), first).type), "long");
  EXPECT_EQ(iceberg::ToString(InferType(with(4, "7", "true"), first).type), "string");
  EXPECT_TRUE(InferType(with(4, "7", "true"), first).is_mixed);
  EXPECT_EQ(iceberg::ToString(InferType(with(99, "7", "true")).type), "string");
  for (const char* odd : {"x", "2026-11-24", "2026-11-24T10:00:00Z", "true"}) {
    EXPECT_EQ(iceberg::ToString(InferType(with(100, "7.5", odd)).type), "double") << odd;
  }
  EXPECT_EQ(iceberg::ToString(InferType(with(100, "2026-11-24 10:00:00", "7")).type), "timestamp");
  EXPECT_EQ(iceberg::ToString(InferType(with(100, "x", "7")).type), "string");
  // Identifiers are seen by the few that tell them.
  EXPECT_EQ(iceberg::ToString(InferType(with(999, "7", "99999999999999999999")).type), "string");
}

TEST(InferType, ATypeThatHasToLastTakesNoDecimalOnTrust) {
  ValueProfile profile;
  profile.AddCell("9.99");
  const InferenceOptions first{.has_to_last = true};
  EXPECT_EQ(iceberg::ToString(InferType(profile).type), "decimal(18, 2)");
  EXPECT_EQ(iceberg::ToString(InferType(profile, first).type), "double");
  profile.AddCell("9.90");
  EXPECT_EQ(iceberg::ToString(InferType(profile, first).type), "decimal(18, 2)");
}

TEST(InferType, IsTheSameInWhateverOrderSamplesAddUp) {
  ValueProfile ints;
  ints.AddCell("7");
  ValueProfile longs;
  longs.AddCell("5000000000");
  ValueProfile doubles;
  doubles.AddCell("0.5");
  for (const auto& [first, second, type] :
       {std::tuple(ints, longs, "long"), std::tuple(longs, doubles, "double"),
        std::tuple(ints, doubles, "double")}) {
    ValueProfile ahead = first;
    ahead.Merge(second);
    ValueProfile behind = second;
    behind.Merge(first);
    EXPECT_EQ(iceberg::ToString(InferType(ahead).type), type);
    EXPECT_EQ(iceberg::ToString(InferType(behind).type), type);
  }
}

TEST(InferType, KeepsJsonStringsAsStringsButTimes) {
  ValueProfile digits;
  digits.AddJsonString("123");
  EXPECT_EQ(iceberg::ToString(InferType(digits).type), "string");
  ValueProfile times;
  times.AddJsonString("2026-11-24T10:00:00Z");
  EXPECT_EQ(iceberg::ToString(InferType(times).type), "timestamptz");
  ValueProfile large;
  large.AddJsonNumber("18446744073709551616");
  large.AddJsonNumber("1");
  EXPECT_EQ(iceberg::ToString(InferType(large).type), "decimal(38, 0)");
}

}  // namespace
}  // namespace daypart::crawl
