// SPDX-License-Identifier: Apache-2.0
//
// JSON lines: what fits, what does not and why.
#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/decoder.h"

namespace daypart::decode {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DecodeTarget Target() {
  return {.schema = arrow::schema(
              {arrow::field("id", arrow::int64()), arrow::field("region", arrow::utf8()),
               arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
               arrow::field("price", arrow::decimal128(18, 4)),
               arrow::field("city", arrow::utf8()), arrow::field("blob", arrow::binary())}),
          .columns = {{.name = "id", .source_name = "id", .is_required = true},
                      {.name = "region", .source_name = "region"},
                      {.name = "at", .source_name = "at"},
                      {.name = "price", .source_name = "price"},
                      {.name = "city", .source_name = "address.city"},
                      {.name = "blob", .source_name = "blob"}}};
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
  return decoded.rejects.empty() ? "" : decoded.rejects[0].column + ": " + decoded.rejects[0].reason;
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
  EXPECT_THAT(ReasonFor("hello"), HasSubstr("JSON"));
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
  const DecodedChunk decoded =
      MustDecode("{\"id\":\"5\",\"region\":6}", {.coerce_strings = true});
  ASSERT_THAT(decoded.rejects, IsEmpty());
  EXPECT_EQ(Cell(decoded, 0, 0), "5");
  EXPECT_EQ(Cell(decoded, 1, 0), "6");
}

}  // namespace
}  // namespace daypart::decode
