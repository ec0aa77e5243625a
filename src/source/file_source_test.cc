// SPDX-License-Identifier: Apache-2.0
//
// Raw files as batches: every row once, constants joined, rejects told, errors that stop.
#include "source/file_source.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <map>
#include <thread>

#include "store/memory_store.h"

namespace daypart::source {
namespace {

class FileSourceTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(store_->Put("memory://" + name, text, store::WriteMode::kIfAbsent));
  }

  static FileSourceOptions Options(const std::vector<std::string>& names) {
    FileSourceOptions options;
    options.target = {.schema = arrow::schema({arrow::field("id", arrow::int64()),
                                               arrow::field("name", arrow::utf8())}),
                      .columns = {{.name = "id", .source_name = "id", .is_required = true},
                                  {.name = "name", .source_name = "name"}}};
    options.format = decode::CsvOptions{.file_columns = {"id", "name"}};
    for (const std::string& name : names) options.files.push_back({.location = "memory://" + name});
    return options;
  }

  Result<std::unique_ptr<BatchSource>> Open(FileSourceOptions options) {
    const RejectSink sink = [this](const InputFile& file, const decode::RejectedRow& reject) {
      rejects_[file.location].push_back(reject);
      return Ok();
    };
    return OpenFiles(*store_, std::move(options), sink, cancel_, progress_);
  }

  static std::string Text(const arrow::Array& column, int64_t row) {
    return (*column.GetScalar(row))->ToString();
  }

  /// Ids of all rows in the order read.
  static Result<std::vector<std::string>> ReadIds(BatchSource& source) {
    std::vector<std::string> ids;
    DAYPART_TRY(const auto cursor, source.NewCursor());
    while (true) {
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) return ids;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        ids.push_back(Text(*batch->column(0), row));
      }
    }
  }

  std::unique_ptr<store::ObjectStore> store_ = store::MakeMemoryStore();
  CancelToken cancel_;
  FileSourceProgress progress_;
  std::map<std::string, std::vector<decode::RejectedRow>> rejects_;
};

std::string Gzip(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST_F(FileSourceTest, ReadsFilesInTheOrderGiven) {
  Put("b.csv", "id,name\n3,c\n4,d\n");
  Put("a.csv", "id,name\n1,a\n2,b");
  const auto source = Open(Options({"b.csv", "a.csv"}));
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(*ReadIds(**source), (std::vector<std::string>{"3", "4", "1", "2"}));
  EXPECT_EQ(progress_.rows, 4U);
  EXPECT_EQ(progress_.bytes_read, progress_.bytes_total);
}

TEST_F(FileSourceTest, FindsColumnsByEachFilesOwnHeader) {
  Put("a.csv", "name,id\na,1\n");
  Put("b.csv", "id,extra,name\n2,x,b\n");
  Put("c.csv", "id\n3\n");
  const auto source = Open(Options({"a.csv", "b.csv", "c.csv"}));
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(*ReadIds(**source), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_TRUE(rejects_.empty());
}

TEST_F(FileSourceTest, JoinsTheConstantsOfEachFile) {
  Put("day=1/a.csv", "id,name\n1,a\n");
  Put("day=x/a.csv", "id,name\n2,b\n");
  FileSourceOptions options = Options({"day=1/a.csv", "day=x/a.csv"});
  options.target.schema = *options.target.schema->AddField(2, arrow::field("day", arrow::int32()));
  options.constant_columns = {"day"};
  options.files[0].constants = {{.name = "day", .text = "1"}};
  options.files[1].constants = {{.name = "day", .text = "", .is_null = true}};
  const auto source = Open(std::move(options));
  ASSERT_TRUE(source) << source.error().message;
  const auto cursor = *(*source)->NewCursor();
  const auto first = *cursor->Next();
  EXPECT_EQ(Text(*first->column(2), 0), "1");
  const auto second = *cursor->Next();
  EXPECT_TRUE(second->column(2)->IsNull(0));
}

TEST_F(FileSourceTest, ReadsCompressedFilesAndRefusesOnesCutShort) {
  const std::string packed = Gzip("id,name\n1,a\n2,b\n");
  Put("a.csv.gz", packed);
  const auto source = Open(Options({"a.csv.gz"}));
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(ReadIds(**source)->size(), 2U);
  Put("cut.csv.gz", packed.substr(0, packed.size() - 6));
  const auto cut = Open(Options({"cut.csv.gz"}));
  const auto ids = cut ? ReadIds(**cut) : Result<std::vector<std::string>>(cut.error());
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, ErrorCode::kCorruptData);
}

TEST_F(FileSourceTest, TellsEachRejectWithItsPlace) {
  Put("a.csv", "id,name\n1,a\nx,b\n3,c,d\n4,e\n");
  const auto source = Open(Options({"a.csv"}));
  EXPECT_EQ(*ReadIds(**source), (std::vector<std::string>{"1", "4"}));
  const auto& rejects = rejects_.at("memory://a.csv");
  ASSERT_EQ(rejects.size(), 2U);
  EXPECT_EQ(rejects[0].line, 3U);
  EXPECT_EQ(rejects[0].byte_offset, 12U);
  EXPECT_EQ(rejects[0].column, "id");
  EXPECT_EQ(rejects[0].raw, "x,b");
  EXPECT_EQ(rejects[1].line, 4U);
  EXPECT_EQ(progress_.rejects, 2U);
}

TEST_F(FileSourceTest, StopsAboveTheAllowedRejects) {
  Put("a.csv", "id,name\nx,a\ny,b\n3,c\n");
  FileSourceOptions options = Options({"a.csv"});
  options.rejects_max = 1;
  const auto source = Open(std::move(options));
  const auto ids = ReadIds(**source);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(FileSourceTest, AnErrorOfTheSinkStopsTheSource) {
  Put("a.csv", "id,name\nx,a\n");
  const RejectSink sink = [](const auto&, const auto&) -> Status { return Unavailable("full"); };
  const auto source = OpenFiles(*store_, Options({"a.csv"}), sink, cancel_, progress_);
  EXPECT_EQ(ReadIds(**source).error().code, ErrorCode::kUnavailable);
}

TEST_F(FileSourceTest, CursorsOnTwoThreadsHaveEachRowOnceAndInPlace) {
  std::string text = "id,name\n";
  for (int id = 0; id < 20'000; ++id) text += std::to_string(id) + ",n\n";
  Put("a.csv", text);
  Put("b.csv", text);
  FileSourceOptions options = Options({"a.csv", "b.csv"});
  options.chunk_bytes = 4096;
  const auto source = Open(std::move(options));
  std::map<uint64_t, std::vector<std::string>> by_index[2];
  const auto read = [&](int part) {
    const auto cursor = *(*source)->NewCursor();
    while (true) {
      const auto batch = cursor->Next();
      ASSERT_TRUE(batch) << batch.error().message;
      if (*batch == nullptr) return;
      auto& ids = by_index[part][cursor->batch_index()];
      for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
        ids.push_back(Text(*(*batch)->column(0), row));
      }
    }
  };
  std::thread other(read, 1);
  read(0);
  other.join();
  by_index[0].merge(by_index[1]);
  EXPECT_TRUE(by_index[1].empty()) << "two batches had one index";
  std::vector<std::string> ids;
  for (const auto& [index, part] : by_index[0]) ids.insert(ids.end(), part.begin(), part.end());
  ASSERT_EQ(ids.size(), 40'000U);
  for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(ids[i], std::to_string(i % 20'000));
}

TEST_F(FileSourceTest, ReadsJsonLines) {
  Put("a.jsonl", "{\"id\":1,\"name\":\"a\"}\n\n{\"name\":\"b\"}\n{\"id\":2}\n");
  FileSourceOptions options = Options({"a.jsonl"});
  options.format = decode::JsonOptions{};
  const auto source = Open(std::move(options));
  EXPECT_EQ(*ReadIds(**source), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(rejects_.at("memory://a.jsonl").at(0).line, 3U);
}

TEST_F(FileSourceTest, RefusesWhatIsNoTable) {
  Put("a.csv", "id,name\n1,a\n");
  Put("other.csv", "x;y\n1;2\n");
  EXPECT_EQ(Open(Options({"a.csv", "none.csv"})).error().code, ErrorCode::kNotFound);
  const auto source = Open(Options({"other.csv"}));
  const auto ids = source ? ReadIds(**source) : Result<std::vector<std::string>>(source.error());
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(ids.error().message.find("other.csv"), std::string::npos) << ids.error().message;
}

TEST_F(FileSourceTest, StopsWhenCancelled) {
  Put("a.csv", "id,name\n1,a\n");
  const auto source = Open(Options({"a.csv"}));
  cancel_.Cancel();
  EXPECT_EQ(ReadIds(**source).error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace daypart::source
