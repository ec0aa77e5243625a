// SPDX-License-Identifier: Apache-2.0
//
// Many small commits on one table: whether the last takes as long as the hundredth. Each append is
// five rows, written with fsync. Prints the median time around some commits, the bytes that a
// commit writes, and how large the table's metadata is there.
//
//     build/bench/commits FOLDER [COMMITS [keep-all]]    # keep-all: no snapshot is ever dropped
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "catalog/sqlite_catalog.h"
#include "lake/arrow_schema.h"
#include "lake/manifest_lists.h"
#include "lake/table.h"
#include "lake/table_cache.h"
#include "store/directory_store.h"

namespace {

namespace lake = daypart::lake;

/// One batch of five rows, once.
class FiveRows final : public daypart::source::BatchSource {
 public:
  explicit FiveRows(int64_t first) {
    arrow::Int64Builder ids;
    arrow::StringBuilder regions;
    for (int64_t i = 0; i < 5; ++i) {
      (void)ids.Append(first + i);
      (void)regions.Append(i % 2 == 0 ? "north" : "south");
    }
    batch_ = arrow::RecordBatch::Make(Schema(), 5, {*ids.Finish(), *regions.Finish()});
  }
  static std::shared_ptr<arrow::Schema> Schema() {
    return arrow::schema({arrow::field("id", arrow::int64()), arrow::field("r", arrow::utf8())});
  }
  std::shared_ptr<arrow::Schema> schema() const override { return batch_->schema(); }
  daypart::Result<std::unique_ptr<daypart::source::BatchCursor>> NewCursor() override {
    return std::unique_ptr<daypart::source::BatchCursor>(std::make_unique<Cursor>(*this));
  }

 private:
  class Cursor final : public daypart::source::BatchCursor {
   public:
    explicit Cursor(FiveRows& rows) : rows_(rows) {}
    daypart::Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      return std::move(rows_.batch_);
    }
    uint64_t batch_index() const override { return 0; }

   private:
    FiveRows& rows_;
  };
  std::shared_ptr<arrow::RecordBatch> batch_;
};

/// Bytes of a metadata folder's files by kind, for what one commit adds.
uint64_t FileBytes(const std::string& location) {
  return std::filesystem::file_size(location.substr(std::string("file://").size()));
}

void Report(int commit, const std::vector<double>& ms, const lake::LakeContext& context,
            const daypart::catalog::TableName& name) {
  // The median of the hundred before: single commits differ by what the disk is at.
  std::vector<double> near(ms.end() - std::min<ptrdiff_t>(100, static_cast<ptrdiff_t>(ms.size())),
                           ms.end());
  std::sort(near.begin(), near.end());
  const auto table = lake::LoadTable(context, name);
  if (!table) std::exit(1);
  const auto* snapshot = table->metadata.current_snapshot();
  const auto list = lake::ReadManifestList(context, snapshot->manifest_list);
  if (!list) std::exit(1);
  const uint64_t bytes = FileBytes(table->metadata_location) +
                         FileBytes(snapshot->manifest_list) +
                         FileBytes((*list)->front().location);
  std::printf("commit %6d  median %7.2f ms  p99 %7.2f ms  metadata written %7.1f KiB "
              "(%zu snapshots, %zu manifests)\n",
              commit, near[near.size() / 2], near[near.size() * 99 / 100],
              static_cast<double>(bytes) / 1024, table->metadata.snapshots.size(), (*list)->size());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::filesystem::path folder = std::filesystem::absolute(argv[1]);
  const int commits = argc > 2 ? std::atoi(argv[2]) : 10'000;
  const bool keeps_all = argc > 3;
  std::filesystem::create_directories(folder);
  const auto store = daypart::store::MakeDirectoryStore();
  auto catalog = daypart::catalog::OpenSqliteCatalog({.path = (folder / "catalog.db").string()});
  if (!catalog) return 1;
  daypart::SystemClock clock;
  daypart::Random random;
  const daypart::CancelToken cancel;
  lake::TableCache cache;
  const lake::LakeContext context{*store,  **catalog, clock, random,
                                  cancel,  "file://" + folder.string(), &cache};
  const daypart::catalog::TableName name{"media", "commits"};
  lake::CreateOptions options;
  options.schema = daypart::iceberg::AssignFreshIds(*lake::FromArrowSchema(*FiveRows::Schema()));
  if (keeps_all) options.properties["daypart.commit.snapshots-max"] = "0";
  if (!lake::CreateTable(context, name, options)) return 1;
  std::vector<double> ms;
  for (int commit = 1; commit <= commits; ++commit) {
    FiveRows rows(commit * 5);
    const auto start = std::chrono::steady_clock::now();
    const auto done = lake::Append(context, name, rows, {.threads_count = 1});
    if (!done) {
      std::printf("%s\n", done.error().message.c_str());
      return 1;
    }
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                     .count());
    if (commit == 100 || commit == 1000 || commit == 5000 || commit == commits) {
      Report(commit, ms, context, name);
    }
  }
  return 0;
}
