// SPDX-License-Identifier: Apache-2.0
//
// What the manifest says is broken is what is broken, no more and no less.
#include "generate/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/calendar.h"
#include "generate/generated_data_for_test.h"

namespace daypart::generate {
namespace {

using nlohmann::json;
using KindByLine = std::map<uint64_t, std::string>;

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

class FaultyData : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    GenerateOptions options;
    options.viewers_count = 2'000;
    options.events_count = 150'000;
    options.seed = 3;
    options.has_jsonl = options.has_faults = true;
    files_ = new auto(FilesFor(options));
    manifest_ = new json(json::parse(files_->at("faults_manifest.json")));
  }
  static void TearDownTestSuite() {
    delete files_;
    delete manifest_;
  }

  static KindByLine ManifestOf(const std::string& file, bool takes_late) {
    KindByLine kinds;
    for (const json& entry : manifest_->at("rows")) {
      if (entry.at("file") != file) continue;
      if ((entry.at("kind") == "late") != takes_late) continue;
      EXPECT_TRUE(kinds.emplace(entry.at("line"), entry.at("kind")).second);
    }
    return kinds;
  }

  static inline std::map<std::string, std::string>* files_;
  static inline json* manifest_;
};

/// What is wrong with a line of the events' CSV; empty for nothing. Knows the earlier lines' ids.
std::string CsvFault(const std::string& line, std::set<std::string>& ids) {
  if (line.find("\xC3\x28") != std::string::npos) return "invalid_utf8";
  if (std::count(line.begin(), line.end(), '"') % 2 != 0) return "unclosed_quote";
  const Cells cells = CellsOf(line);
  if (cells.size() < 13) return "missing_fields";
  if (cells.size() > 13) return "extra_fields";
  if (!ParseTimestampMicros(cells[9])) return "bad_timestamp";
  if (!IsNumber(cells[10])) return "text_in_number";
  return ids.insert(cells[0]).second ? "" : "duplicate";
}

std::string JsonFault(const std::string& line, std::set<int64_t>& ids) {
  if (line.find("\xC3\x28") != std::string::npos) return "invalid_utf8";
  const json event = json::parse(line, nullptr, false);
  if (event.is_discarded()) {
    if (line.ends_with("{\"extra\":1}")) return "extra_fields";
    return line.ends_with("}") ? "unclosed_quote" : "missing_fields";
  }
  if (!ParseTimestampMicros(event.at("event_time").get<std::string>())) return "bad_timestamp";
  if (!event.at("watch_seconds").is_number()) return "text_in_number";
  return ids.insert(event.at("event_id").get<int64_t>()).second ? "" : "duplicate";
}

TEST_F(FaultyData, TheManifestListsEveryBrokenRowOfTheCsv) {
  const auto lines = LinesOf(files_->at("viewership_logs.csv"));
  std::set<std::string> ids;
  KindByLine found;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string kind = CsvFault(lines[i], ids);
    if (kind.empty()) continue;
    found[i + 1] = kind;
    if (kind == "duplicate") {
      EXPECT_NE(std::find(lines.begin() + static_cast<long>(std::max<size_t>(i, 11) - 10),
                          lines.begin() + static_cast<long>(i), lines[i]),
                lines.begin() + static_cast<long>(i));
    }
  }
  EXPECT_EQ(ids.size(), 150'000u);
  EXPECT_TRUE(found == ManifestOf("viewership_logs.csv", false));
}

TEST_F(FaultyData, TheManifestListsEveryBrokenRowOfTheJsonLines) {
  const auto lines = LinesOf(files_->at("viewership_logs.jsonl"));
  std::set<int64_t> ids;
  KindByLine found;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string kind = JsonFault(lines[i], ids);
    if (!kind.empty()) found[i + 1] = kind;
  }
  EXPECT_EQ(ids.size(), 150'000u);
  EXPECT_TRUE(found == ManifestOf("viewership_logs.jsonl", false));
}

TEST_F(FaultyData, LateRowsAreTheOnesThatComeLate) {
  constexpr int64_t kHourMicros = 3'600'000'000;
  const auto lines = LinesOf(files_->at("viewership_logs.csv"));
  const KindByLine late = ManifestOf("viewership_logs.csv", true);
  const KindByLine broken = ManifestOf("viewership_logs.csv", false);
  EXPECT_GT(late.size(), 300u);
  int64_t latest = 0;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (broken.contains(i + 1)) continue;
    const int64_t time = *ParseTimestampMicros(CellsOf(lines[i])[9]);
    if (late.contains(i + 1)) {
      EXPECT_LT(time, latest - kHourMicros) << lines[i];
    } else {
      EXPECT_GT(time, latest - 5 * kHourMicros) << lines[i];
      latest = std::max(latest, time);
    }
  }
}

TEST_F(FaultyData, CountsAreTheSharesPromised) {
  for (const char* file : {"viewership_logs.csv", "viewership_logs.jsonl"}) {
    const json& counts = manifest_->at("counts").at(file);
    EXPECT_EQ(counts.at("sound_rows"), 150'000);
    EXPECT_EQ(counts.at("duplicate"), 750);
    for (const char* kind : {"bad_timestamp", "text_in_number", "missing_fields", "extra_fields",
                             "invalid_utf8", "unclosed_quote"}) {
      EXPECT_EQ(counts.at(kind), 75) << kind;
    }
    EXPECT_EQ(counts.at("rows"), 150'000 + 750 + 6 * 75);
    EXPECT_EQ(counts.at("late"), ManifestOf(file, true).size());
  }
}

TEST_F(FaultyData, JsonLinesSayTheSameAsTheCsv) {
  const auto csv = LinesOf(files_->at("viewership_logs.csv"));
  const auto jsonl = LinesOf(files_->at("viewership_logs.jsonl"));
  const Cells header = CellsOf(csv[0]);
  const KindByLine broken = ManifestOf("viewership_logs.csv", false);
  ASSERT_EQ(csv.size(), jsonl.size() + 1);
  for (size_t i = 1; i < csv.size(); i += 7) {
    if (broken.contains(i + 1)) continue;
    const Cells cells = CellsOf(csv[i]);
    const json event = json::parse(jsonl[i - 1]);
    ASSERT_EQ(event.size(), header.size());
    for (size_t column = 0; column < header.size(); ++column) {
      const json& value = event.at(header[column]);
      ASSERT_EQ(value.is_string() ? value.get<std::string>() : value.dump(), cells[column]);
    }
  }
}

TEST(Faults, EveryKindIsThereEvenInAFileOfOneRow) {
  GenerateOptions options;
  options.events_count = 1;
  options.has_faults = true;
  const auto files = FilesFor(options);
  EXPECT_EQ(LinesOf(files.at("viewership_logs.csv")).size(), 1 + 1 + kExtraRowKindsCount);
}

TEST(Faults, NoEventsMeanNoFaults) {
  GenerateOptions options;
  options.events_count = 0;
  options.has_faults = true;
  const auto files = FilesFor(options);
  EXPECT_EQ(LinesOf(files.at("viewership_logs.csv")).size(), 1u);
  EXPECT_TRUE(json::parse(files.at("faults_manifest.json")).at("rows").empty());
}

TEST(Faults, PlansOfNeighbouringBlocksAddUp) {
  uint64_t planned = 0;
  for (uint64_t begin = 0; begin < 100'000; begin += 777) {
    planned += PlanFaults(1, {begin, std::min<uint64_t>(begin + 777, 100'000)}).size();
  }
  EXPECT_EQ(planned, ExtraRowsCount(100'000));
}

}  // namespace
}  // namespace daypart::generate
