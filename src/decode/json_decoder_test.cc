// SPDX-License-Identifier: Apache-2.0
//
// JSON lines: what fits, what does not and why.
#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "decode/decoder.h"

namespace daypart::decode {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DecodeTarget Target() {
  return {.schema = arrow::schema(
              {arrow::field("id", arrow::int64()), arrow::field("region", arrow::utf8()),
               arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
               arrow::field("price", arrow::decimal128(18, 4)), arrow::field("city", arrow::utf8()),
               arrow::field("blob", arrow::binary()), arrow::field("live", arrow::boolean()),
               arrow::field("score", arrow::float64()), arrow::field("day", arrow::date32())}),
          .columns = {{.name = "id", .source_name = "id", .is_required = true},
                      {.name = "region", .source_name = "region"},
                      {.name = "at", .source_name = "at"},
                      {.name = "price", .source_name = "price"},
                      {.name = "city", .source_name = "address.city"},
                      {.name = "blob", .source_name = "blob"},
                      {.name = "live", .source_name = "live"},
                      {.name = "score", .source_name = "score"},
                      {.name = "day", .source_name = "day"}}};
}

DecodedChunk MustDecode(const std::string& text, const JsonOptions& options = {}) {
  auto decoder = MakeJsonDecoder(Target(), options);
  EXPECT_TRUE(decoder) << decoder.error().message;
  auto decoded = (*decoder)->Decode({.bytes = text});
  EXPECT_TRUE(decoded);
  return *std::move(decoded);
}

std::string ReasonFor(const std::string& line) {
  const DecodedChunk decoded = MustDecode(line);
  EXPECT_THAT(decoded.rejects, SizeIs(1)) << line;
  EXPECT_EQ(decoded.rows->num_rows(), 0);
  return decoded.rejects.empty() ? ""
                                 : decoded.rejects[0].column + ": " + decoded.rejects[0].reason;
}

std::string Cell(const DecodedChunk& decoded, int column, int64_t row) {
  auto array = decoded.rows->column(column);
  if (array->IsNull(row)) return "null";
  if (array->type_id() == arrow::Type::DICTIONARY) {
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*array);
    return (*dictionary.dictionary()->GetScalar(dictionary.GetValueIndex(row)))->ToString();
  }
  return (*array->GetScalar(row))->ToString();
}

TEST(JsonDecoder, ReadsValuesOfEveryKindInAnyOrder) {
  const DecodedChunk decoded = MustDecode(
      R"({"id":7,"region":"n\u00f6rd","at":"2026-11-24T10:00:00.5Z","price":12.3456,"blob":"AAEC"})"
      "\n"
      R"({"address":{"city":"Köln","zip":[1,{"a":2}]},"extra":null,"price":"0.1","id":-8})"
      "\n\n");
  ASSERT_THAT(decoded.rejects, IsEmpty());
  ASSERT_EQ(decoded.rows->num_rows(), 2);
  EXPECT_EQ(decoded.records_count, 2U);
  EXPECT_EQ(Cell(decoded, 1, 0), "nörd");
  EXPECT_EQ(Cell(decoded, 2, 0), "2026-11-24 10:00:00.500000Z");
  EXPECT_EQ(Cell(decoded, 3, 0), "12.3456");
  EXPECT_EQ(Cell(decoded, 3, 1), "0.1000");
  EXPECT_EQ(Cell(decoded, 4, 0), "null");
  EXPECT_EQ(Cell(decoded, 4, 1), "Köln");
  EXPECT_EQ(decoded.rows->column(5)->GetScalar(0).ValueOrDie()->ToString(),
            arrow::BinaryScalar(std::string("\0\1\2", 3)).ToString());
}

TEST(JsonDecoder, TellsWhereAndWhyARowDoesNotFit) {
  const DecodedChunk decoded = MustDecode("{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":3}");
  ASSERT_THAT(decoded.rejects, SizeIs(1));
  EXPECT_EQ(decoded.rejects[0].line, 2U);
  EXPECT_EQ(decoded.rejects[0].byte_offset, 9U);
  EXPECT_EQ(decoded.rejects[0].raw, "{\"id\":\"x\"}");
  EXPECT_EQ(decoded.rejects[0].column, "id");
  EXPECT_EQ(decoded.rejects[0].reason, "expected long, found string \"x\"");
  EXPECT_EQ(decoded.rows->num_rows(), 2);
}

TEST(JsonDecoder, RejectsWhatIsNotOneObjectALine) {
  EXPECT_THAT(ReasonFor("[{\"id\":1}]"), HasSubstr("found array"));
  EXPECT_THAT(ReasonFor("{\"id\":1} {\"id\":2}"), HasSubstr("more text"));
  EXPECT_THAT(ReasonFor("{\"id\":1"), HasSubstr("broken JSON"));
  for (const char* line : {"hello", "nothing", "nul", "total: 3", "false alarm", "12abc", "-x"}) {
    EXPECT_THAT(ReasonFor(line), AllOf(HasSubstr("expected a JSON object"),
                                       AnyOf(HasSubstr("no JSON"), HasSubstr("broken JSON"))));
  }
  EXPECT_THAT(ReasonFor("null"), HasSubstr("found null"));
  EXPECT_THAT(ReasonFor("12"), HasSubstr("found number"));
  EXPECT_THAT(ReasonFor("{\"id\":1,\"region\":\"\xff\"}"), HasSubstr("broken JSON"));
}

TEST(JsonDecoder, RejectsValuesOfAnotherTypeOrOutOfRange) {
  EXPECT_THAT(ReasonFor("{\"id\":1.5}"), HasSubstr("expected long"));
  EXPECT_THAT(ReasonFor("{\"id\":9223372036854775808}"), HasSubstr("expected long"));
  EXPECT_THAT(ReasonFor("{\"id\":1,\"region\":5}"), HasSubstr("expected string"));
  EXPECT_THAT(ReasonFor("{\"id\":1,\"at\":\"2026-02-30T00:00:00Z\"}"), HasSubstr("at: expected"));
  EXPECT_THAT(ReasonFor("{\"id\":1,\"price\":1.23456}"), HasSubstr("price: expected"));
  EXPECT_THAT(ReasonFor("{\"id\":true}"), HasSubstr("found boolean"));
}

TEST(JsonDecoder, RejectsMissingRequiredAndRepeatedKeys) {
  EXPECT_EQ(ReasonFor("{\"region\":\"north\"}"), "id: expected a value, found none");
  EXPECT_EQ(ReasonFor("{\"id\":null}"), "id: expected a value, found none");
  EXPECT_EQ(ReasonFor("{\"id\":1,\"id\":2}"), "id: expected the key once, found it again");
}

TEST(JsonDecoder, CoercesTextOnlyWhenAsked) {
  const DecodedChunk decoded = MustDecode("{\"id\":\"5\",\"region\":6}", {.coerce_strings = true});
  ASSERT_THAT(decoded.rejects, IsEmpty());
  EXPECT_EQ(Cell(decoded, 0, 0), "5");
  EXPECT_EQ(Cell(decoded, 1, 0), "6");
}

/// Lines like a producer's, some of them changed by a byte or a slice. space: between tokens, as
/// some producers have it.
std::string MutatedLine(std::mt19937_64& random, const std::string& space) {
  const auto or_null = [&](std::string text) { return random() % 8 == 0 ? "null" : text; };
  const auto key = [&](const std::string& name) {
    return "," + space + '"' + name + "\":" + space;
  };
  const auto number = [&](uint64_t bound) { return std::to_string(random() % bound); };
  std::string line =
      "{\"id\":" + space + std::to_string(static_cast<int64_t>(random() % 2000) - 1000);
  line += key("region") + or_null("\"r" + number(5) + '"');
  line += key("at") + "\"2026-11-24T10:00:0" + number(10) + ".125Z\"";
  line += key("price") + or_null(random() % 9 == 0 ? "\"" + number(9) + "\"" : number(100) + ".25");
  line += key("live") + or_null(random() % 2 == 0 ? "true" : "false");
  line += key("score") + or_null(number(1'000'000) + '.' + number(1000));
  line += key("day") + or_null("\"2026-11-1" + number(10) + '"');
  line += key("extra") + or_null(number(7)) + (space.empty() ? "}" : space + "}");
  static constexpr std::string_view kBytes = "\"\\,:{}[]0-+.eE \tnulltrue\x01\xC3\xA9";
  for (uint64_t change = random() % 4; change > 0 && random() % 2 == 0; --change) {
    const size_t at = random() % line.size();
    if (random() % 3 == 0)
      line.erase(at, 1 + random() % 3);
    else if (random() % 2 == 0)
      line[std::min(at, line.size() - 1)] = kBytes[random() % kBytes.size()];
    else
      line.insert(at, 1, kBytes[random() % kBytes.size()]);
    if (line.empty()) line = "{}";
  }
  return line;
}

/// Rows as text and rejects as reasons, in order.
std::vector<std::string> Outcome(const DecodedChunk& decoded) {
  std::vector<std::string> out;
  for (int64_t row = 0; row < decoded.rows->num_rows(); ++row) {
    std::string text;
    for (int column = 0; column < decoded.rows->num_columns(); ++column) {
      text += Cell(decoded, column, row) + '|';
    }
    out.push_back(std::move(text));
  }
  for (const auto& reject : decoded.rejects) out.push_back(reject.raw + ": " + reject.reason);
  return out;
}

TEST(JsonDecoder, QuickWayMeansWhatTheParserMeans) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    std::string text;
    std::vector<std::string> rows;
    std::vector<std::string> rejects;
    for (int i = 0; i < 200; ++i) {
      const std::string line = MutatedLine(random, seed % 3 == 0 ? " " : "");
      text += line + (seed % 4 == 0 ? "\r\n" : "\n");
      // A fresh decoder knows no shape yet: the parser decides alone.
      const DecodedChunk alone = MustDecode(line);
      auto& kept = alone.rejects.empty() ? rows : rejects;
      const auto outcome = Outcome(alone);
      kept.insert(kept.end(), outcome.begin(), outcome.end());
    }
    rows.insert(rows.end(), rejects.begin(), rejects.end());
    ASSERT_EQ(Outcome(MustDecode(text)), rows) << "seed " << seed;
  }
}

}  // namespace
}  // namespace daypart::decode
