// SPDX-License-Identifier: Apache-2.0
//
// What is read out of a file: format, encoding, header, columns, types.
#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/writer.h>
#include <zlib.h>
#include <zstd.h>

#include "crawl/crawl_fixture_for_test.h"

namespace daypart::crawl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string Utf16LittleEndian(std::string_view ascii) {
  std::string out = "\xFF\xFE";
  for (const char c : ascii) out.append({c, '\0'});
  return out;
}

// Glue's trap: a file of only string columns loses its header to col1, col2, …
TEST_F(CrawlTest, GlueTrapAllStringFileKeepsItsHeader) {
  EXPECT_THAT(
      ColumnsOf("channel_metadata.csv", "channel_name,genre,language\nOne,News,en\nTwo,Sport,de\n"),
      ElementsAre("channel_name string", "genre string", "language string"));
}

// Glue's trap: fewer than two columns or two rows are no CSV at all.
TEST_F(CrawlTest, GlueTrapOneColumnAndOneRowAreATable) {
  EXPECT_THAT(ColumnsOf("ids.csv", "viewer_id\n17\n"), ElementsAre("viewer_id int"));
}

// Glue's trap: quoted fields with delimiters, quotes and line ends in them are cut.
TEST_F(CrawlTest, GlueTrapQuotedFieldsStayWhole) {
  EXPECT_THAT(
      ColumnsOf("ads.csv", "id,title,price\n1,\"a, \"\"b\"\"\nc\",\"1.50\"\n2,plain,\"2.50\"\n"),
      ElementsAre("id int", "title string", "price decimal(18, 2)"));
}

// Glue's trap: zip codes and other numbers with leading zeros become numbers.
TEST_F(CrawlTest, GlueTrapLeadingZerosStayStrings) {
  EXPECT_THAT(ColumnsOf("z.csv", "zip,n\n00501,1\n10001,2\n"), ElementsAre("zip string", "n int"));
}

// Glue's trap: only the first 1,000 records or 1 MB are looked at.
TEST_F(CrawlTest, GlueTrapValuesBehindTheFirstMegabyteCount) {
  std::string text = "id,amount\n" + Lines(260'000, "{},1\n");
  text += Lines(10'000, "50000000{:05},0.5\n");
  EXPECT_GT(text.size(), size_t{2} << 20);
  EXPECT_THAT(ColumnsOf("a.csv", text), ElementsAre("id long", "amount double"));
}

// Glue's trap: a header with a name that is long, has spaces or other letters is none.
TEST_F(CrawlTest, GlueTrapHeaderNamesOfAllKindsAreNames) {
  Put("a.csv", "Ad Id,Revenue (USD),Umsatz \xE2\x82\xAC\n1,2.50,3.25\n");
  const TableReport table = Table(Run(), "a");
  EXPECT_THAT(Columns(table.table.columns),
              ElementsAre("ad_id int", "revenue_usd decimal(18, 2)", "umsatz decimal(18, 2)"));
  EXPECT_EQ(table.table.columns[1].source_name, "Revenue (USD)");
}

TEST_F(CrawlTest, KnowsOtherDelimiters) {
  for (const char delimiter : {'\t', ';', '|', '\x01'}) {
    std::string text = "id,name,genre\n1,One,News\n2,Two,Sport\n";
    std::replace(text.begin(), text.end(), ',', delimiter);
    Put("a.csv", text);
    const CrawlReport report = Run({.dry_run = true});
    ASSERT_EQ(report.tables.size(), 1u);
    EXPECT_EQ(report.tables[0].table.delimiter, delimiter);
    EXPECT_EQ(report.tables[0].table.columns.size(), 3u);
  }
}

TEST_F(CrawlTest, NamesTheColumnsOfAFileWithoutHeader) {
  Put("a.csv", "1,eu,2026-11-24\n2,us,2026-11-25\n");
  const TableReport table = Table(Run(), "a");
  EXPECT_FALSE(table.table.has_header);
  EXPECT_THAT(Columns(table.table.columns),
              ElementsAre("column_1 int", "column_2 string", "column_3 date"));
}

TEST_F(CrawlTest, TakesAHeaderAloneForATableOfUnknownTypes) {
  Put("a.csv", "ad_id,region\n");
  const TableReport table = Table(Run(), "a");
  EXPECT_THAT(Columns(table.table.columns), ElementsAre("ad_id string", "region string"));
  EXPECT_THAT(table.warnings, Contains(HasSubstr("no records")));
}

TEST_F(CrawlTest, WidensOverTheFilesOfAFolder) {
  Put("ads/1.csv", "id,amount,flag\n1,1,true\n");
  Put("ads/2.csv", "id,amount,flag\n5000000000,0.5,false\n");
  EXPECT_THAT(Columns(Table(Run(), "ads").table.columns),
              ElementsAre("id long", "amount double", "flag boolean"));
}

TEST_F(CrawlTest, JoinsColumnsOfFilesInOtherOrder) {
  Put("ads/1.csv", "id,region,clicks,cost\n1,eu,2,1.50\n");
  Put("ads/2.csv", "region,id,clicks,cost,source\nus,2,3,1.25,web\n");
  EXPECT_THAT(
      Columns(Table(Run(), "ads").table.columns),
      ElementsAre("id int", "region string", "clicks int", "cost decimal(18, 2)", "source string"));
}

TEST_F(CrawlTest, ReadsGzipAndZstdByTheirBytes) {
  const std::string text = "id,region\n" + Lines(5'000, "{},eu\n");
  Put("a.csv.gz", Gzip(text));
  Put("b.csv", Zstd(text));
  const CrawlReport report = Run();
  for (const auto& [name, compression] : {std::pair("a", "gzip"), std::pair("b", "zstd")}) {
    const TableReport table = Table(report, name);
    EXPECT_THAT(Columns(table.table.columns), ElementsAre("id int", "region string"));
    EXPECT_EQ(table.table.parameters.at("compression"), compression);
  }
}

TEST_F(CrawlTest, DescribesATruncatedGzipFromWhatItHasAndSaysSo) {
  std::string text = "id,region\n";
  for (int i = 0; i < 20'000; ++i) text += fmt::format("{},{:x}\n", i, i * 2654435761u);
  const std::string whole = Gzip(text);
  Put("a.csv.gz", std::string_view(whole).substr(0, whole.size() / 2));
  const TableReport table = Table(Run(), "a");
  EXPECT_THAT(Columns(table.table.columns), ElementsAre("id int", "region string"));
  EXPECT_THAT(table.warnings, Not(IsEmpty()));
}

TEST_F(CrawlTest, ReadsUtf16) {
  Put("a.csv", Utf16LittleEndian("id,region\n1,eu\n2,us\n"));
  const TableReport table = Table(Run(), "a");
  EXPECT_THAT(Columns(table.table.columns), ElementsAre("id int", "region string"));
  EXPECT_EQ(table.table.parameters.at("encoding"), "utf-16le");
}

TEST_F(CrawlTest, PassesOverAByteOrderMark) {
  EXPECT_THAT(ColumnsOf("a.csv", "\xEF\xBB\xBFid,region\r\n1,eu\r\n2,us\r\n"),
              ElementsAre("id int", "region string"));
}

TEST_F(CrawlTest, ReadsJsonLinesWithNestedObjects) {
  Put("events.jsonl",
      "{\"eventId\": \"e1\", \"at\": \"2026-11-24T10:00:00Z\", \"device\": {\"type\": \"tv\", "
      "\"bitrate\": 4500}, \"tags\": [1], \"ok\": true, \"price\": 1.50}\n"
      "{\"eventId\": \"e2\", \"at\": \"2026-11-24T10:00:01Z\", \"device\": {\"type\": \"tv\", "
      "\"bitrate\": 5000000000}, \"ok\": null, \"price\": 2.25, \"late\": 7}\n");
  const TableReport table = Table(Run(), "events");
  EXPECT_EQ(table.table.format, catalog::RawFormat::kJsonLines);
  EXPECT_THAT(Columns(table.table.columns),
              ElementsAre("eventid string", "at timestamptz", "device_type string",
                          "device_bitrate long", "ok boolean", "price decimal(18, 2)", "late int"));
  EXPECT_EQ(table.table.columns[2].source_name, "device.type");
  EXPECT_THAT(table.warnings, Contains(HasSubstr("key tags is left out")));
}

TEST_F(CrawlTest, CountsSpoiltJsonLinesWithoutTakingTheirKeys) {
  Put("e.jsonl", "{\"a\": 1}\n{\"b\": 2, \"c\": \n{\"a\": 3}\nnot json\n");
  const TableReport table = Table(Run(), "e");
  EXPECT_THAT(Columns(table.table.columns), ElementsAre("a int"));
  EXPECT_THAT(table.warnings, Contains(HasSubstr("2 of 4 sampled lines")));
}

TEST_F(CrawlTest, KeepsJsonStringsOfDigitsAsStrings) {
  EXPECT_THAT(ColumnsOf("e.jsonl", "{\"code\": \"123\"}\n{\"code\": \"456\"}\n"),
              ElementsAre("code string"));
}

std::string ParquetBytes(const std::shared_ptr<arrow::Schema>& schema) {
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto table = arrow::Table::MakeEmpty(schema).ValueOrDie();
  EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink).ok());
  return sink->Finish().ValueOrDie()->ToString();
}

TEST_F(CrawlTest, ReadsParquetSchemasFromTheFooter) {
  const auto schema = arrow::schema(
      {arrow::field("Id", arrow::int64()), arrow::field("price", arrow::decimal128(18, 4)),
       arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       arrow::field("day", arrow::date32()), arrow::field("name", arrow::utf8()),
       arrow::field("tags", arrow::list(arrow::utf8())), arrow::field("small", arrow::uint8())});
  Put("events/a.parquet", ParquetBytes(schema));
  const TableReport table = Table(Run(), "events");
  EXPECT_EQ(table.table.format, catalog::RawFormat::kParquet);
  const auto columns = Columns(table.table.columns);
  ASSERT_EQ(columns.size(), 7u);
  EXPECT_EQ(columns[0], "id long");
  EXPECT_EQ(columns[1], "price decimal(18, 4)");
  EXPECT_EQ(columns[2], "at timestamptz");
  EXPECT_EQ(columns[3], "day date");
  EXPECT_THAT(columns[5], HasSubstr("list"));
  EXPECT_EQ(columns[6], "small int");
  EXPECT_EQ(Columns(Stored("events").columns), columns);
}

TEST_F(CrawlTest, WidensParquetTypesAndFlagsUnlikeOnes) {
  Put("t/1.parquet", ParquetBytes(arrow::schema(
                         {arrow::field("a", arrow::int32()), arrow::field("b", arrow::int32())})));
  Put("t/2.parquet", ParquetBytes(arrow::schema(
                         {arrow::field("a", arrow::int64()), arrow::field("b", arrow::utf8())})));
  const TableReport table = Table(Run(), "t");
  EXPECT_THAT(Columns(table.table.columns), ElementsAre("a long", "b int"));
  EXPECT_THAT(table.warnings, Contains(HasSubstr("column b is int but string in")));
}

TEST_F(CrawlTest, PassesOverABrokenParquetFile) {
  std::string bytes = ParquetBytes(arrow::schema({arrow::field("a", arrow::int32())}));
  bytes.resize(bytes.size() / 2);
  Put("a.parquet", bytes);
  Put("b.csv", "id,region\n1,eu\n");
  const CrawlReport report = Run();
  EXPECT_THAT(Names(report), ElementsAre("b"));
  ASSERT_EQ(report.skipped.size(), 1u);
}

TEST_F(CrawlTest, LetsTheFoldersValueStandForAColumnOfTheSameName) {
  Put("ads/day=2026-11-24/a.csv", "id,day\n1,2026-11-24\n");
  const TableReport table = Table(Run(), "ads");
  EXPECT_THAT(Columns(table.table.columns), ElementsAre("id int"));
  EXPECT_THAT(Columns(table.table.partition_columns), ElementsAre("day date"));
  EXPECT_THAT(table.warnings, Contains(HasSubstr("column day is in the files and")));
}

}  // namespace
}  // namespace daypart::crawl
