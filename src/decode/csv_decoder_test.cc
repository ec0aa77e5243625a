// SPDX-License-Identifier: Apache-2.0
//
// The CSV decoder: what each wild input becomes, and that all ways of decoding agree with the plain
// reference reader.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "decode/csv_compare.h"
#include "decode/csv_index.h"
#include "decode/decoder.h"

namespace daypart::decode {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A decoder of one file with its columns, all text of it in one chunk.
struct Csv {
  arrow::FieldVector fields;
  CsvOptions options = {.has_header = false};
  bool is_required = false;

  DecodedChunk Decode(const std::string& text) const {
    DecodeTarget target;
    target.schema = arrow::schema(fields);
    CsvOptions all = options;
    for (const auto& field : fields) {
      target.columns.push_back({field->name(), field->name(), is_required});
      if (options.file_columns.empty()) all.file_columns.push_back(field->name());
    }
    auto decoder = MakeCsvDecoder(target, all);
    EXPECT_TRUE(decoder.has_value());
    Chunk chunk;
    chunk.bytes = text;
    auto decoded = (*decoder)->Decode(chunk);
    EXPECT_TRUE(decoded.has_value());
    EXPECT_TRUE(decoded->rows->ValidateFull().ok()) << decoded->rows->ValidateFull().ToString();
    return std::move(*decoded);
  }
};

Csv Strings(std::vector<std::string> names) {
  Csv csv;
  for (const std::string& name : names) csv.fields.push_back(arrow::field(name, arrow::utf8()));
  return csv;
}

Csv Typed(std::shared_ptr<arrow::DataType> type) {
  return Csv{.fields = {arrow::field("v", std::move(type)), arrow::field("z", arrow::utf8())}};
}

std::vector<std::string> Column(const DecodedChunk& chunk, int column) {
  const arrow::Array& array = *chunk.rows->column(column);
  std::vector<std::string> cells;
  for (int64_t row = 0; row < array.length(); ++row) {
    const bool is_text =
        array.type_id() == arrow::Type::DICTIONARY || array.type_id() == arrow::Type::STRING;
    if (array.IsNull(row)) {
      cells.push_back("null");
    } else if (is_text) {
      const std::string text = reference::StringAt(array, row);
      cells.push_back(text.substr(1, text.size() - 2));
    } else {
      cells.push_back((*array.GetScalar(row))->ToString());
    }
  }
  return cells;
}

std::vector<std::string> Reasons(const DecodedChunk& chunk) {
  std::vector<std::string> reasons;
  for (const RejectedRow& reject : chunk.rejects) reasons.push_back(reject.reason);
  return reasons;
}

TEST(CsvDecoder, ReadsQuotedDelimitersLineEndsAndQuotes) {
  const auto chunk =
      Strings({"a", "b"}).Decode("\"x,y\",\"line\nend\"\n\"say \"\"hi\"\"\",plain\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("x,y", "say \"hi\""));
  EXPECT_THAT(Column(chunk, 1), ElementsAre("line\nend", "plain"));
  EXPECT_THAT(chunk.rejects, IsEmpty());
}

TEST(CsvDecoder, TellsEmptyFromNullByTheQuotes) {
  const auto chunk = Strings({"a", "b"}).Decode(",\"\"\nNULL,\"NULL\"\n\\N,null\n\"null\",x\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("null", "null", "null", "null"));
  EXPECT_TRUE(chunk.rows->column(0)->IsValid(3)) << "a quoted null text is a text";
  EXPECT_THAT(Column(chunk, 1), ElementsAre("", "NULL", "null", "x"));
  EXPECT_TRUE(chunk.rows->column(1)->IsNull(2));
}

TEST(CsvDecoder, TakesCrLfAndAMissingLastLineEnd) {
  const auto chunk = Strings({"a", "b"}).Decode("1,2\r\n\"3\",\"4\"\r\n\r\n5,6");
  EXPECT_THAT(Column(chunk, 1), ElementsAre("2", "4", "6"));
  EXPECT_EQ(chunk.records_count, 3U);
}

TEST(CsvDecoder, RejectsRaggedRowsWithLineAndOffset) {
  const auto chunk = Strings({"a", "b"}).Decode("1,2\n1,2,3\n\n4\n5,6\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("1", "5"));
  EXPECT_THAT(Reasons(chunk), ElementsAre("row has 3 fields, the file has 2 columns",
                                          "row has 1 field, the file has 2 columns"));
  EXPECT_EQ(chunk.rejects[0].line, 2U);
  EXPECT_EQ(chunk.rejects[0].byte_offset, 4U);
  EXPECT_EQ(chunk.rejects[1].line, 4U);
  EXPECT_EQ(chunk.rejects[1].byte_offset, 11U);
  EXPECT_EQ(chunk.rejects[1].raw, "4");
  EXPECT_EQ(chunk.records_count, 4U);
}

TEST(CsvDecoder, CountsLinesInsideQuotesForRejects) {
  const auto chunk = Strings({"a", "b"}).Decode("\"1\n\n\",2\nbad\n");
  ASSERT_THAT(chunk.rejects, SizeIs(1));
  EXPECT_EQ(chunk.rejects[0].line, 4U);
}

TEST(CsvDecoder, StrayQuoteCostsOneLine) {
  const auto chunk = Strings({"a", "b"}).Decode("\"open,1\n\"x\",2\ny,3\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("x", "y"));
  ASSERT_THAT(chunk.rejects, SizeIs(1));
  EXPECT_EQ(chunk.rejects[0].raw, "\"open,1");
  EXPECT_THAT(chunk.rejects[0].reason, HasSubstr("closing quote"));
}

TEST(CsvDecoder, QuoteOpenAtTheEndCostsOneLine) {
  const auto chunk = Strings({"a", "b"}).Decode("1,\"open\n2,b\n3,c\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("2", "3"));
  EXPECT_THAT(Reasons(chunk), ElementsAre("expected a closing quote, found none"));
}

TEST(CsvDecoder, TextBehindAClosingQuoteIsRejected) {
  const auto chunk = Strings({"a", "b"}).Decode("\"x\"y,1\n\"x\" ,2\nz,3\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("z"));
  EXPECT_THAT(chunk.rejects, SizeIs(2));
}

TEST(CsvDecoder, KeepsQuotesInsideAnUnquotedField) {
  const auto chunk = Strings({"a", "b"}).Decode("5\" disk,a\"b\"c\n x \"y\",z\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("5\" disk", " x \"y\""));
  EXPECT_THAT(Column(chunk, 1), ElementsAre("a\"b\"c", "z"));
}

TEST(CsvDecoder, SkipsTheHeaderOfTheFirstChunkOnly) {
  Csv csv = Strings({"a", "b"});
  csv.options.has_header = true;
  EXPECT_THAT(Column(csv.Decode("\"a\nA\",b\n1,2\n"), 0), ElementsAre("1"));
  EXPECT_EQ(csv.Decode("a,b").rows->num_rows(), 0);
  EXPECT_EQ(csv.Decode("").rows->num_rows(), 0);
}

TEST(CsvDecoder, FindsColumnsByNameAndFillsMissingOnesWithNull) {
  Csv csv = Strings({"b", "missing"});
  csv.options.file_columns = {"a", "b"};
  const auto chunk = csv.Decode("1,2\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("2"));
  EXPECT_TRUE(chunk.rows->column(1)->IsNull(0));
}

TEST(CsvDecoder, RejectsMissingRequiredValues) {
  Csv csv = Strings({"a", "missing"});
  csv.options.file_columns = {"a"};
  csv.is_required = true;
  EXPECT_THAT(Reasons(csv.Decode("1\n")),
              ElementsAre("expected a value, the file has no column 'missing'"));
  Csv ints = Typed(arrow::int32());
  ints.is_required = true;
  EXPECT_THAT(Reasons(ints.Decode(",x\n1,y\nNULL,z\n")),
              ElementsAre("expected a value, found none", "expected a value, found none"));
}

TEST(CsvDecoder, RejectsARowInAllColumnsAndNamesTheFirstBadOne) {
  const Csv csv{.fields = {arrow::field("a", arrow::int32()), arrow::field("b", arrow::utf8()),
                           arrow::field("c", arrow::date32())}};
  const auto chunk = csv.Decode("1,x,2026-01-01\nzz,y,nope\n3,z,2026-02-30\n4,w,2026-01-02\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("1", "4"));
  EXPECT_THAT(Column(chunk, 1), ElementsAre("x", "w"));
  EXPECT_THAT(Reasons(chunk),
              ElementsAre("expected int, found 'zz'", "expected date, found '2026-02-30'"));
  EXPECT_EQ(chunk.rejects[0].column, "a");
  EXPECT_EQ(chunk.rejects[1].column, "c");
}

TEST(CsvDecoder, TrimsSpacesAroundTypedCellsOnly) {
  const auto chunk = Typed(arrow::int32()).Decode(" 1 , x \n\" 2\t\",\" y\"\n  ,z\n1 2,w\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("1", "2", "null"));
  EXPECT_THAT(Column(chunk, 1), ElementsAre(" x ", " y", "z"));
  EXPECT_THAT(Reasons(chunk), ElementsAre("expected int, found '1 2'"));
}

TEST(CsvDecoder, NullTextThatReadsLikeANumberIsNull) {
  Csv csv = Typed(arrow::int32());
  csv.options.null_texts = {"-999"};
  EXPECT_THAT(Column(csv.Decode("-999,a\n-998,-999\n"), 0), ElementsAre("null", "-998"));
}

TEST(CsvDecoder, RejectsInvalidUtf8InStringsOnly) {
  Csv csv = Strings({"a", "b"});
  csv.fields.push_back(arrow::field("c", arrow::binary()));
  const auto chunk = csv.Decode("gr\xC3\xBC\xC3\x9F,1,\xFF\n\xC3(,2,x\n");
  EXPECT_THAT(Column(chunk, 0), ElementsAre("gr\xC3\xBC\xC3\x9F"));
  ASSERT_THAT(chunk.rejects, SizeIs(1));
  EXPECT_EQ(chunk.rejects[0].column, "a");
  EXPECT_THAT(chunk.rejects[0].reason, HasSubstr("UTF-8"));
}

TEST(CsvDecoder, RejectsTheCutRecordOfAChunk) {
  auto decoder = MakeCsvDecoder(reference::CompareTarget(), reference::CompareOptions());
  Chunk chunk;
  chunk.bytes = "a,1,b\nc,2,looks whole";
  chunk.is_cut = true;
  const auto decoded = (*decoder)->Decode(chunk);
  EXPECT_EQ(decoded->rows->num_rows(), 1);
  ASSERT_THAT(decoded->rejects, SizeIs(1));
  EXPECT_EQ(decoded->rejects[0].line, 2U);
}

TEST(CsvDecoder, CutsTheRawTextOfARejectAt64KiB) {
  const auto chunk = Strings({"a", "b"}).Decode(std::string(200'000, 'x') + "\n1,2\n");
  ASSERT_THAT(chunk.rejects, SizeIs(1));
  EXPECT_EQ(chunk.rejects[0].raw.size(), 65536U);
  EXPECT_EQ(chunk.rows->num_rows(), 1);
}

TEST(CsvDecoder, RefusesOptionsItCannotFollow) {
  const auto target = reference::CompareTarget();
  CsvOptions options = reference::CompareOptions();
  options.delimiter = '"';
  EXPECT_EQ(MakeCsvDecoder(target, options).error().code, ErrorCode::kInvalidArgument);
  options = reference::CompareOptions();
  options.file_columns.clear();
  EXPECT_EQ(MakeCsvDecoder(target, options).error().code, ErrorCode::kInvalidArgument);
  DecodeTarget list = target;
  list.schema = arrow::schema({arrow::field("name", arrow::list(arrow::int32()))});
  list.columns.resize(1);
  EXPECT_EQ(MakeCsvDecoder(list, reference::CompareOptions()).error().code,
            ErrorCode::kUnsupported);
}

TEST(CsvDecoder, ReadsWithoutQuotesWhereThereAreNone) {
  Csv csv = Strings({"a", "b"});
  csv.options.quote = '\0';
  csv.options.delimiter = '\x01';
  const auto chunk = csv.Decode(std::string("\"x\x01y\"\nn\0l\x01z\n", 12));
  EXPECT_THAT(Column(chunk, 0), ElementsAre("\"x", std::string("n\0l", 3)));
  EXPECT_THAT(Column(chunk, 1), ElementsAre("y\"", "z"));
}

TEST(CsvDecoder, OlderDictionaryIsAPrefixOfTheNewer) {
  auto decoder = MakeCsvDecoder(reference::CompareTarget(), reference::CompareOptions());
  Chunk chunk;
  chunk.bytes = "a,1,x\nb,2,x\n";
  const auto first = (*decoder)->Decode(chunk);
  chunk.bytes = "c,1,x\na,2,x\n";
  const auto second = (*decoder)->Decode(chunk);
  const auto dictionary = [](const Result<DecodedChunk>& decoded, int column) {
    const auto array = decoded->rows->column(column);
    return static_cast<const arrow::DictionaryArray&>(*array).dictionary();
  };
  EXPECT_TRUE(dictionary(second, 0)->Slice(0, 2)->Equals(dictionary(first, 0)));
  EXPECT_EQ(dictionary(second, 0)->length(), 3);
  EXPECT_EQ(dictionary(second, 2)->data(), dictionary(first, 2)->data()) << "nothing new: shared";
}

// --- properties ---

/// Text of fields that hit every rule; mostly rows of three fields so that rows are also kept.
std::string RandomCsv(std::mt19937_64& random, size_t records) {
  static const std::vector<std::string> kNames = {"a",
                                                  "",
                                                  "\"\"",
                                                  "\"q,q\"",
                                                  "\"l\nl\"",
                                                  "\"e\"\"e\"",
                                                  "x\"y",
                                                  "\"bad\"x",
                                                  "NULL",
                                                  "\"null\"",
                                                  "\xC3\xA9",
                                                  "\xFF",
                                                  " s ",
                                                  "\"cr\r\n\"",
                                                  "\\N",
                                                  "\"\"\"\"",
                                                  "long text of more than sixteen bytes",
                                                  "\"\xE2\x82\xAC,\"",
                                                  "\r"};
  static const std::vector<std::string> kCounts = {"1",          "-7",          "",    "2147483647",
                                                   "2147483648", "x",           " 5",  "+3",
                                                   "\"9\"",      "00000000012", "1.5", "\"\""};
  static const std::vector<std::string> kLineEnds = {"\n", "\n", "\n", "\r\n", "\n\n", "\r\n\r\n"};
  const auto pick = [&random](const std::vector<std::string>& from, uint64_t plain_share) {
    return random() % 100 < plain_share ? from[0] : from[random() % from.size()];
  };
  const uint64_t plain_share = random() % 101;
  std::string text;
  for (size_t i = 0; i < records; ++i) {
    const uint64_t kind = random() % 100;
    if (plain_share < 90 && kind < 3) text += "\"";  // a stray quote
    text += pick(kNames, plain_share) + "," + pick(kCounts, plain_share) + "," +
            pick(kNames, plain_share);
    if (plain_share < 95 && kind > 97) text += ",more";
    text += i + 1 == records && random() % 2 == 0 ? "" : pick(kLineEnds, plain_share);
  }
  return text;
}

TEST(CsvDecoder, AgreesWithTheReferenceAtEveryChunkSize) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    // A text with lone CRs only would be read by another rule: hence the LF.
    const std::string text = "\n" + RandomCsv(random, 1 + seed % 12);
    for (size_t chunk_bytes = 1; chunk_bytes <= text.size() + 1; ++chunk_bytes) {
      ASSERT_EQ(reference::Difference(text, chunk_bytes, 1 + seed % 9), "")
          << "seed " << seed << ", chunk_bytes " << chunk_bytes << ", text [" << text << "]";
    }
  }
}

TEST(CsvDecoder, AgreesWithTheReferenceOnLongTextsAtEveryVectorLevel) {
  for (const VectorLevel level :
       {VectorLevel::kScalar, VectorLevel::kSse2, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    LimitVectorLevel(level);
    for (uint64_t seed = 100; seed < 160; ++seed) {
      std::mt19937_64 random(seed);
      const std::string text = RandomCsv(random, 200 + random() % 1000);
      const size_t chunk_bytes = 1 + random() % (2 * text.size());
      ASSERT_EQ(reference::Difference(text, chunk_bytes, 1 << 20), "")
          << "seed " << seed << ", chunk_bytes " << chunk_bytes << ", level "
          << static_cast<int>(level);
    }
  }
  LimitVectorLevel(BestVectorLevel());
}

TEST(CsvDecoder, AgreesWithTheReferenceOnTextsLongerThanABlock) {
  std::mt19937_64 random(7);
  std::string text = RandomCsv(random, 30'000);
  // A quoted field of more than one block, in the middle.
  text += "\na,1,\"" + std::string(300'000, '\n') + "\"\n";
  text += RandomCsv(random, 10'000);
  EXPECT_EQ(reference::Difference(text, size_t{4} << 20, 1 << 16), "");
  EXPECT_EQ(reference::Difference(text, 100'000, 1 << 16), "");
}

TEST(CsvDecoder, AgreesWithTheReferenceOnRandomBytes) {
  const std::string alphabet = "\"\",,\n\n\r1a \xC3";
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    std::mt19937_64 random(seed);
    std::string text;
    for (size_t i = random() % 300; i > 0; --i) text += alphabet[random() % alphabet.size()];
    text.insert(0, "\n");  // as above
    const size_t chunk_bytes = 1 + random() % 300;
    ASSERT_EQ(reference::Difference(text, chunk_bytes, 1 << 20), "")
        << "seed " << seed << ", chunk_bytes " << chunk_bytes;
  }
}

}  // namespace
}  // namespace daypart::decode
