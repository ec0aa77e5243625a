// SPDX-License-Identifier: Apache-2.0
//
// Makes a table of many files that are not there (planning never opens them) and times planning
// with a selective filter: by partition, by a column's bounds, and without one. Peers plan the same
// table; see bench/maintain.py.
//
//     build/bench/plan FOLDER [FILES]    # prints the metadata file for peers, then the times
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "catalog/sqlite_catalog.h"
#include "lake/commit.h"
#include "lake/table.h"
#include "store/directory_store.h"

namespace {

namespace lake = daypart::lake;
namespace iceberg = daypart::iceberg;

constexpr int kDays = 200;
constexpr int kColumns = 12;

iceberg::Schema Columns() {
  iceberg::Schema schema;
  schema.fields.push_back({.name = "day", .type = iceberg::Type::Of(iceberg::TypeKind::kInt)});
  for (int i = 1; i < kColumns; ++i) {
    schema.fields.push_back(
        {.name = "c" + std::to_string(i), .type = iceberg::Type::Of(iceberg::TypeKind::kLong)});
  }
  return iceberg::AssignFreshIds(std::move(schema));
}

iceberg::DataFile FileOf(int number, int day) {
  iceberg::DataFile file;
  file.location = "file:///nowhere/media/wide/data/day=" + std::to_string(day) +
                  "/0a1b2c3d-0000-4000-8000-" + std::to_string(100'000'000'000 + number) +
                  ".parquet";
  file.partition = {iceberg::Literal(int32_t{day})};
  file.record_count = 100'000;
  file.file_bytes = 4'000'000 + number;
  file.split_offsets = {4};
  for (int i = 1; i <= kColumns; ++i) {
    const iceberg::FieldId id(i);
    const bool is_day = i == 1;
    const auto type =
        iceberg::Type::Of(is_day ? iceberg::TypeKind::kInt : iceberg::TypeKind::kLong);
    const int64_t low = is_day ? day : int64_t{number} * 1000 + i;
    const auto bound = [&](int64_t value) {
      return *iceberg::SerializeLiteral(is_day ? iceberg::Literal(static_cast<int32_t>(value))
                                               : iceberg::Literal(value),
                                        type);
    };
    file.column_bytes[id] = 300'000 + number % 977;
    file.value_counts[id] = 100'000;
    file.null_value_counts[id] = 0;
    file.lower_bounds[id] = bound(low);
    file.upper_bounds[id] = bound(is_day ? low : low + 999);
  }
  return file;
}

void Time(const char* what, const lake::LakeContext& context, const lake::LoadedTable& table,
          const iceberg::Expression& filter) {
  std::vector<double> ms;
  size_t files = 0;
  int64_t manifests = 0;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const auto plan = lake::PlanScan(context, table, filter);
    if (!plan) std::exit(1);
    ms.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
    files = plan->files.size();
    manifests = plan->manifests_read;
  }
  std::sort(ms.begin(), ms.end());
  std::printf("daypart plan %-20s %8.1f ms  %6zu files, %lld manifests read\n", what, ms[2], files,
              static_cast<long long>(manifests));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::filesystem::path folder = std::filesystem::absolute(argv[1]);
  const int files = argc > 2 ? std::atoi(argv[2]) : 100'000;
  std::filesystem::create_directories(folder);
  const auto store = daypart::store::MakeDirectoryStore({.sync = false});
  auto catalog = daypart::catalog::OpenSqliteCatalog({.path = (folder / "catalog.db").string()});
  if (!catalog) return 1;
  daypart::SystemClock clock;
  daypart::Random random;
  const daypart::CancelToken cancel;
  const lake::LakeContext context{*store, **catalog, clock,
                                  random, cancel,    "file://" + folder.string()};
  const daypart::catalog::TableName name{"media", "wide"};
  lake::CreateOptions options;
  options.schema = Columns();
  options.spec = *iceberg::ParsePartitionSpec("day", options.schema);
  if (!lake::CreateTable(context, name, options)) return 1;
  // As a daily load leaves it: a commit and so a manifest of several thousand files at a time.
  constexpr int kCommits = 40;
  for (int commit = 0; commit < kCommits; ++commit) {
    lake::SnapshotChange change;
    change.operation = "append";
    for (int i = commit * (files / kCommits); i < (commit + 1) * (files / kCommits); ++i) {
      change.added.push_back(FileOf(i, static_cast<int>(int64_t{i} * kDays / files)));
    }
    const auto done = lake::CommitSnapshot(context, name, change);
    if (!done) {
      std::printf("%s\n", done.error().message.c_str());
      return 1;
    }
  }
  const auto table = lake::LoadTable(context, name);
  if (!table) return 1;
  std::printf("metadata %s\n", table->metadata_location.c_str());
  const auto& schema = table->metadata.current_schema();
  using Kind = iceberg::ExpressionKind;
  Time("one day of 200", context, *table,
       iceberg::Expression::Compare(Kind::kEqual, schema.fields[0].id,
                                    iceberg::Literal(int32_t{77})));
  Time("bounds of a column", context, *table,
       iceberg::Expression::Compare(Kind::kLess, schema.fields[5].id,
                                    iceberg::Literal(int64_t{50'000})));
  Time("no filter", context, *table, iceberg::Expression::True());
  return 0;
}
