// SPDX-License-Identifier: Apache-2.0
//
// What files are taken for, and that compressed and UTF-16 text comes out as it went in or as an
// error.
#include "decode/text_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "decode/csv_compare.h"

namespace daypart::decode {
namespace {

using reference::MemorySource;
using testing::HasSubstr;
using namespace std::string_literals;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string Utf16(const std::u16string& text, bool is_big_endian) {
  std::string bytes;
  for (const char16_t unit : text) {
    const auto low = static_cast<char>(unit & 0xFF);
    const auto high = static_cast<char>(unit >> 8);
    bytes += is_big_endian ? std::string{high, low} : std::string{low, high};
  }
  return bytes;
}

/// All of the text, or the error that came on the way.
Result<std::string> ReadAll(const std::string& bytes, size_t step = 1 << 20, size_t room = 1000) {
  DAYPART_TRY(auto source, OpenText(std::make_unique<MemorySource>(bytes, step)));
  std::string all;
  std::string piece(room, '\0');
  while (true) {
    DAYPART_TRY(const size_t count, source->Read(piece));
    if (count == 0) return all;
    all.append(piece, 0, count);
  }
}

std::string LongText() {
  std::string text = "id,name\n";
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919) + ",row\n";
  return text;
}

TEST(OpenText, PassesPlainTextThrough) {
  EXPECT_EQ(ReadAll(LongText(), 777, 100).value(), LongText());
  EXPECT_EQ(ReadAll("").value(), "");
  EXPECT_EQ(ReadAll("a").value(), "a");
}

TEST(OpenText, DropsTheByteOrderMark) {
  EXPECT_EQ(ReadAll("\xEF\xBB\xBF"
                    "a,b\n")
                .value(),
            "a,b\n");
  EXPECT_EQ(ReadAll(Gzip("\xEF\xBB\xBF"
                         "a,b\n"))
                .value(),
            "a,b\n");
}

TEST(OpenText, ReadsGzipOfSeveralMembersAndPadding) {
  const std::string bytes = Gzip(LongText()) + Gzip("") + Gzip("last\n") + std::string(512, '\0');
  EXPECT_EQ(ReadAll(bytes, 1000).value(), LongText() + "last\n");
  EXPECT_EQ(ReadAll(bytes, 1, 1 << 20).value(), LongText() + "last\n");
}

TEST(OpenText, ReadsZstdOfSeveralAndSkippableFrames) {
  const std::string skippable = "\x50\x2A\x4D\x18\x03\0\0\0abc"s;
  const std::string bytes = skippable + Zstd(LongText()) + skippable + Zstd("last\n");
  EXPECT_EQ(ReadAll(bytes, 1000).value(), LongText() + "last\n");
  EXPECT_EQ(ReadAll(bytes, 1 << 20, 1).value(), LongText() + "last\n");
}

TEST(OpenText, TellsWhereACompressedStreamWasCutShort) {
  for (const std::string& bytes : {Gzip(LongText()), Zstd(LongText())}) {
    for (const size_t size : {bytes.size() - 1, bytes.size() / 2, bytes.size() / 3, size_t{12}}) {
      const auto text = ReadAll(bytes.substr(0, size));
      ASSERT_FALSE(text.has_value()) << size;
      EXPECT_EQ(text.error().code, ErrorCode::kCorruptData);
      EXPECT_THAT(text.error().message,
                  HasSubstr("at compressed byte offset " + std::to_string(size)));
    }
  }
}

TEST(OpenText, FindsADamagedByte) {
  for (std::string bytes : {Gzip(LongText()), Zstd(LongText()) + "garbage behind"}) {
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
    const auto text = ReadAll(bytes);
    ASSERT_FALSE(text.has_value());
    EXPECT_EQ(text.error().code, ErrorCode::kCorruptData);
  }
  const auto text = ReadAll(Gzip("a\n") + "garbage");
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code, ErrorCode::kCorruptData);
}

TEST(OpenText, ConvertsUtf16OfBothByteOrders) {
  const std::u16string text = u"id,n\u00E4me\n1,\u20AC \U0001F4FA\n";
  const std::string utf8 = "id,n\xC3\xA4me\n1,\xE2\x82\xAC \xF0\x9F\x93\xBA\n";
  for (const bool is_big_endian : {false, true}) {
    EXPECT_EQ(ReadAll(Utf16(u"\uFEFF" + text, is_big_endian), 3, 5).value(), utf8);
    EXPECT_EQ(ReadAll(Utf16(text, is_big_endian)).value(), utf8) << "without a mark";
    EXPECT_EQ(ReadAll(Gzip(Utf16(text, is_big_endian))).value(), utf8);
  }
}

TEST(OpenText, LetsALoneSurrogateShowAsInvalidUtf8) {
  std::u16string text = u"\uFEFFabc,";
  text += char16_t{0xD83D};
  text += u"\nd\n";
  const std::string utf8 = ReadAll(Utf16(text, false)).value();
  EXPECT_EQ(utf8, "abc,\xED\xA0\xBD\nd\n");
  EXPECT_FALSE(reference::is_utf8(utf8));
}

TEST(OpenText, RefusesHalfAUnitOfUtf16) {
  const auto text = ReadAll(Utf16(u"\uFEFFabc", false) + "d");
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code, ErrorCode::kCorruptData);
}

TEST(OpenText, RefusesBinaryFilesByName) {
  const auto text = ReadAll("PAR1\x15\x04"s);
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().message, "expected text, found Parquet");
}

TEST(DetectSignature, KnowsFormatsByTheirMagic) {
  EXPECT_EQ(DetectSignature("PK\x03\x04...."s).binary_kind, "ZIP archive");
  EXPECT_EQ(DetectSignature("Obj\x01\x04"s).binary_kind, "Avro");
  EXPECT_EQ(DetectSignature("ORC\x08\x03"s).binary_kind, "ORC");
  EXPECT_EQ(DetectSignature("BZh91AY&SY\x12"s).binary_kind, "bzip2");
  EXPECT_EQ(DetectSignature("\xFD"
                            "7zXZ\0\0"s)
                .binary_kind,
            "xz");
  EXPECT_EQ(DetectSignature("abc\0def"s).binary_kind, "data with NUL bytes");
  EXPECT_EQ(DetectSignature(std::string(257, ' ') + "ustar").binary_kind, "tar archive");
  EXPECT_EQ(DetectSignature(Gzip("PAR1")).binary_kind, "Parquet");
}

TEST(DetectSignature, TakesTextForText) {
  for (const std::string& text :
       {"ORC,name\n"s, "BZh,name\n"s, ""s, "a"s, "id,name\r\n1,\xC3\xA4\n"s, "{\"a\":1}\n"s}) {
    EXPECT_FALSE(DetectSignature(text).is_binary) << text;
    EXPECT_EQ(DetectSignature(text).compression, Compression::kNone);
  }
  EXPECT_EQ(DetectSignature(Gzip("a,b\n")).compression, Compression::kGzip);
  EXPECT_EQ(DetectSignature(Zstd("a,b\n")).compression, Compression::kZstd);
  EXPECT_FALSE(DetectSignature(Zstd("a,b\n")).is_binary);
  EXPECT_EQ(DetectSignature(Utf16(u"a,b\n", true)).encoding, TextEncoding::kUtf16BigEndian);
}

}  // namespace
}  // namespace daypart::decode
