// SPDX-License-Identifier: Apache-2.0
//
// The column builders: what each type takes and refuses, taking rows back, and string dictionaries.
#include "decode/column_builder.h"

#include <arrow/array.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "decode/column_builder_text.h"

namespace daypart::decode {
namespace {

/// What `text` becomes in a column of the type; "refused" if it is not taken.
std::string Parsed(const std::shared_ptr<arrow::DataType>& type, std::string_view text) {
  auto builder = MakeColumnBuilder(type);
  const bool is_taken = builder->AppendText(text);
  const auto array = builder->Finish();
  EXPECT_TRUE(array->ValidateFull().ok());
  EXPECT_EQ(array->length(), is_taken ? 1 : 0);
  if (!is_taken) return "refused";
  return (*array->GetScalar(0))->ToString();
}

void ExpectRefused(const std::shared_ptr<arrow::DataType>& type,
                   std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) {
    EXPECT_EQ(Parsed(type, text), "refused") << type->ToString() << " [" << text << "]";
  }
}

TEST(ColumnBuilder, TakesIntegersInRange) {
  EXPECT_EQ(Parsed(arrow::int32(), "2147483647"), "2147483647");
  EXPECT_EQ(Parsed(arrow::int32(), "-2147483648"), "-2147483648");
  EXPECT_EQ(Parsed(arrow::int32(), "+0012"), "12");
  EXPECT_EQ(Parsed(arrow::int64(), "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(Parsed(arrow::int64(), "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(Parsed(arrow::int64(), "000000000000000000000000042"), "42");
  ExpectRefused(arrow::int32(), {"2147483648", "-2147483649", "", "+", "-", "--1", "1 ", " 1",
                                 "1.0", "0x1", "1e3", "12345678a", "a2345678", "١"});
  ExpectRefused(arrow::int64(), {"9223372036854775808", "-9223372036854775809",
                                 "18446744073709551617", "99999999999999999999999"});
}

TEST(ColumnBuilder, ParsesEveryLengthOfInteger) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<int64_t>(random()) >> (random() % 64);
    const std::string text = std::to_string(value);
    EXPECT_EQ(Parsed(arrow::int64(), text), text);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ColumnBuilder, ParsesDoublesAsTheLibraryDoes) {
  std::mt19937_64 random(2);
  DoubleFormat format;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = std::to_string(static_cast<int64_t>(random()) >> (random() % 64));
    if (random() % 4 != 0) text.insert(text.size() - random() % text.size(), ".");
    if (random() % 8 == 0) text += "e" + std::to_string(static_cast<int>(random() % 40) - 20);
    double value = 0;
    const bool is_taken = format.Parse<false>(text.data(), text.size(), &value);
    if (text.starts_with("-.") || text.starts_with(".")) continue;
    ASSERT_TRUE(is_taken) << text;
    ASSERT_EQ(value, std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(ColumnBuilder, TakesSpecialDoublesAndRefusesOthers) {
  DoubleFormat format;
  const auto parse = [&format](std::string_view text) {
    double value = -1;
    EXPECT_TRUE(format.Parse<false>(text.data(), text.size(), &value)) << text;
    return value;
  };
  EXPECT_TRUE(std::isnan(parse("NaN")));
  EXPECT_EQ(parse("-Infinity"), -INFINITY);
  EXPECT_EQ(parse("inf"), INFINITY);
  EXPECT_EQ(parse("1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(parse("-0.0")));
  EXPECT_EQ(parse("4.9406564584124654e-324"), 4.9406564584124654e-324);
  ExpectRefused(arrow::float64(), {"", "-", ".", "1e400", "1.5x", "1,5", "0x1p3", "nan(1)", "1..2",
                                   "--1", "+-1", "1e", " 1", "infinit"});
  ExpectRefused(arrow::float32(), {"1e39", "x"});
  EXPECT_EQ(Parsed(arrow::float32(), "0.1"), "0.1");
}

TEST(ColumnBuilder, KeepsDecimalsExact) {
  const auto money = arrow::decimal128(18, 4);
  EXPECT_EQ(Parsed(money, "123.45"), "123.4500");
  EXPECT_EQ(Parsed(money, "-0.0001"), "-0.0001");
  EXPECT_EQ(Parsed(money, "7"), "7.0000");
  EXPECT_EQ(Parsed(money, "1.5e3"), "1500.0000");
  EXPECT_EQ(Parsed(money, "1.23450000"), "1.2345");
  EXPECT_EQ(Parsed(money, "99999999999999.9999"), "99999999999999.9999");
  ExpectRefused(money, {"100000000000000", "1.23451", "", ".", "-", "1e", "NaN", "1.2.3", "1 "});
  EXPECT_EQ(Parsed(arrow::decimal128(38, 0), "99999999999999999999999999999999999999"),
            "99999999999999999999999999999999999999");
  ExpectRefused(arrow::decimal128(38, 0), {"100000000000000000000000000000000000000"});
  EXPECT_EQ(Parsed(arrow::decimal128(5, 2), "999.99"), "999.99");
  ExpectRefused(arrow::decimal128(5, 2), {"1000", "1000.00", "0.001"});
}

TEST(ColumnBuilder, TakesTheKnownWordsForTruth) {
  for (const char* text : {"true", "TRUE", "t", "Yes", "1"}) {
    EXPECT_EQ(Parsed(arrow::boolean(), text), "true");
  }
  for (const char* text : {"false", "False", "F", "no", "0"}) {
    EXPECT_EQ(Parsed(arrow::boolean(), text), "false");
  }
  ExpectRefused(arrow::boolean(), {"", "2", "tru", "y", "on", "falsee"});
}

TEST(ColumnBuilder, ParsesTimesStrictly) {
  EXPECT_EQ(Parsed(arrow::date32(), "2024-02-29"), "2024-02-29");
  ExpectRefused(arrow::date32(),
                {"2023-02-29", "2024-2-29", "2024-02-29 ", "20240229", "", "2024-13-01"});
  const auto zoned = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  auto builder = MakeColumnBuilder(zoned);
  const std::vector<std::string> texts = {
      "2026-11-01T10:20:30Z",           "2026-11-01 10:20:30",
      "2026-11-01T10:20:30.5Z",         "2026-11-01T10:20:30.123456",
      "2026-11-01T10:20:30.123456789Z", "2026-11-01T12:20:30+02:00",
      "1969-12-31T23:59:59.999999Z",    "2026-11-01T10:20"};
  for (const std::string& text : texts) {
    ASSERT_TRUE(builder->AppendText(text)) << text;
    const auto array = builder->Finish();
    EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*array).Value(0),
              ParseTimestampMicros(text).value())
        << text;
  }
  ExpectRefused(zoned,
                {"2026-11-01", "2026-11-01T24:00:00Z", "2026-11-01T10:60:00Z", "",
                 "2026-11-01T10:20:60Z", "2026-11-31T10:20:30Z", "2026-11-01T10:20:30.Z",
                 "2026-11-01T10:20:30.1x3Z", "2026-11-01T10:20:30ZZ", "2026-11-01T1::20:30Z"});
  EXPECT_EQ(Parsed(arrow::time64(arrow::TimeUnit::MICRO), "23:59:59.5"), "23:59:59.500000");
  ExpectRefused(arrow::time64(arrow::TimeUnit::MICRO), {"24:00:00", "1:00:00", "12:00:00Z", ""});
}

TEST(ColumnBuilder, TakesNumbersOfItsKindOrNarrower) {
  EXPECT_TRUE(MakeColumnBuilder(arrow::int32())->AppendInt64(-5));
  EXPECT_FALSE(MakeColumnBuilder(arrow::int32())->AppendInt64(int64_t{1} << 31));
  EXPECT_FALSE(MakeColumnBuilder(arrow::int64())->AppendDouble(1.0));
  EXPECT_TRUE(MakeColumnBuilder(arrow::float64())->AppendInt64(int64_t{1} << 53));
  EXPECT_FALSE(MakeColumnBuilder(arrow::float64())->AppendInt64((int64_t{1} << 53) + 1));
  EXPECT_FALSE(MakeColumnBuilder(arrow::float32())->AppendDouble(1e39));
  EXPECT_TRUE(MakeColumnBuilder(arrow::decimal128(10, 2))->AppendInt64(12'345'678));
  EXPECT_FALSE(MakeColumnBuilder(arrow::decimal128(10, 2))->AppendInt64(123'456'789));
  EXPECT_FALSE(MakeColumnBuilder(arrow::utf8())->AppendInt64(1));
  EXPECT_FALSE(MakeColumnBuilder(arrow::timestamp(arrow::TimeUnit::MICRO))->AppendInt64(1));
  EXPECT_TRUE(MakeColumnBuilder(arrow::boolean())->AppendBool(true));
  EXPECT_FALSE(MakeColumnBuilder(arrow::int32())->AppendBool(true));
  EXPECT_EQ(MakeColumnBuilder(arrow::list(arrow::int32())), nullptr);
}

TEST(ColumnBuilder, TakesRowsBackWithTheirNulls) {
  for (const auto& type : {arrow::int64(), arrow::boolean(), arrow::utf8(), arrow::binary()}) {
    auto builder = MakeColumnBuilder(type);
    for (int i = 0; i < 5000; ++i) {
      if (i % 3 == 0) {
        builder->AppendNull();
      } else {
        ASSERT_TRUE(builder->AppendText(i % 2 == 0 ? "1" : "0"));
      }
      if (i % 5 == 0) builder->TruncateTo(builder->rows_count() - 1);
    }
    const size_t nulls = builder->nulls_count();
    const auto array = builder->Finish();
    ASSERT_TRUE(array->ValidateFull().ok());
    EXPECT_EQ(array->length(), 4000);
    EXPECT_EQ(array->null_count(), static_cast<int64_t>(nulls));
    EXPECT_EQ(array->null_count(), 1667 - 334);
    ASSERT_TRUE(builder->AppendText("1"));
    EXPECT_EQ(builder->Finish()->null_count(), 0) << "nothing is left of the chunk before";
  }
}

std::string TextAt(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::STRING) {
    return static_cast<const arrow::StringArray&>(array).GetString(row);
  }
  const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
  return static_cast<const arrow::StringArray&>(*dictionary.dictionary())
      .GetString(dictionary.GetValueIndex(row));
}

TEST(StringColumn, StaysADictionaryWhileValuesAreFew) {
  auto builder = MakeColumnBuilder(arrow::utf8());
  for (int chunk = 0; chunk < 3; ++chunk) {
    for (int i = 0; i < 10'000; ++i) {
      ASSERT_TRUE(builder->AppendText("value number " + std::to_string(i % 700)));
    }
    const auto array = builder->Finish();
    ASSERT_TRUE(array->ValidateFull().ok());
    ASSERT_EQ(array->type_id(), arrow::Type::DICTIONARY);
    EXPECT_EQ(TextAt(*array, 1399), "value number 699");
  }
}

TEST(StringColumn, BecomesPlainInTheMiddleOfAChunkAndStaysSo) {
  auto builder = MakeColumnBuilder(arrow::utf8());
  std::vector<std::string> expected;
  for (uint32_t i = 0; i < kDictionaryValuesMax + 5000; ++i) {
    expected.push_back(std::string(i % 23, 'x') + std::to_string(i));
    if (i % 7 == 0) {
      builder->AppendNull();
    } else {
      ASSERT_TRUE(builder->AppendText(expected.back()));
    }
  }
  const auto array = builder->Finish();
  ASSERT_TRUE(array->ValidateFull().ok());
  ASSERT_EQ(array->type_id(), arrow::Type::STRING);
  for (int64_t row = 0; row < array->length(); ++row) {
    ASSERT_EQ(array->IsNull(row), row % 7 == 0);
    if (row % 7 == 0) continue;
    ASSERT_EQ(TextAt(*array, row), expected[static_cast<size_t>(row)]);
  }
  ASSERT_TRUE(builder->AppendText("x"));
  EXPECT_EQ(builder->Finish()->type_id(), arrow::Type::STRING);
}

TEST(StringColumn, BecomesPlainWhenMostValuesDiffer) {
  auto builder = MakeColumnBuilder(arrow::utf8());
  for (int i = 0; i < 8000; ++i) ASSERT_TRUE(builder->AppendText(std::to_string(i)));
  const auto array = builder->Finish();
  ASSERT_TRUE(array->ValidateFull().ok());
  EXPECT_EQ(array->type_id(), arrow::Type::STRING);
}

TEST(StringColumn, TellsTextsOfOneLengthAndHeadApart) {
  auto builder = MakeColumnBuilder(arrow::utf8());
  const std::vector<std::string> texts = {
      "",          std::string(1, '\0'),          std::string(2, '\0'),
      "a",         std::string("a\0", 2),         "samehead1",
      "samehead2", "samehead-middle-A-end-of-it", "samehead-middle-B-end-of-it"};
  for (int round = 0; round < 2; ++round) {
    for (const std::string& text : texts) ASSERT_TRUE(builder->AppendText(text));
  }
  const auto array = builder->Finish();
  for (size_t i = 0; i < 2 * texts.size(); ++i) {
    EXPECT_EQ(TextAt(*array, static_cast<int64_t>(i)), texts[i % texts.size()]);
  }
  EXPECT_EQ(static_cast<const arrow::DictionaryArray&>(*array).dictionary()->length(),
            static_cast<int64_t>(texts.size()));
}

TEST(StringColumn, HoldsAValueLargerThanADictionaryMay) {
  auto builder = MakeColumnBuilder(arrow::utf8());
  ASSERT_TRUE(builder->AppendText("small"));
  builder->AppendNull();
  ASSERT_TRUE(builder->AppendText(std::string(kDictionaryBytesMax + 1, 'x')));
  const auto array = builder->Finish();
  ASSERT_TRUE(array->ValidateFull().ok());
  EXPECT_EQ(TextAt(*array, 0), "small");
  EXPECT_TRUE(array->IsNull(1));
  EXPECT_EQ(TextAt(*array, 2).size(), kDictionaryBytesMax + 1);
}

}  // namespace
}  // namespace daypart::decode
