// SPDX-License-Identifier: Apache-2.0
//
// Tasks over raw files: taken in once, changed files again, rollbacks undone, rejects kept once.
#include "pipeline/run.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lake/commit.h"
#include "lake/testing/lake_fixture.h"
#include "pipeline/ledger.h"
#include "pipeline/pipeline_file.h"
#include "ingest/quarantine.h"

namespace daypart::pipeline {
namespace {

class RunTest : public lake::testing::LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    std::filesystem::create_directories(folder_ / "raw" / "ads");
    catalog::RawTable raw;
    raw.name = {"media_raw", "ads"};
    raw.location = "file://" + (folder_ / "raw" / "ads").string() + "/";
    for (const char* name : {"id", "value"}) {
      raw.columns.push_back(
          {.name = name, .source_name = name, .type = iceberg::Type::Of(iceberg::TypeKind::kLong)});
    }
    ASSERT_TRUE(catalog_->CreateDatabase("media_raw", {}));
    const Status put = catalog_->PutRawTable(raw);
    ASSERT_TRUE(put) << put.error().message;
    task_.name = "ads";
    task_.source = raw.name;
    task_.target = {"media", "ads"};
    task_.key_columns = {"id"};
    task_.sql = "SELECT id, value FROM media_raw.ads";
    options_.write.threads_count = 1;
  }

  void PutFile(const std::string& name, const std::string& rows) {
    std::ofstream(folder_ / "raw" / "ads" / name) << "id,value\n" << rows;
  }

  TaskReport MustRun() {
    const auto report = RunTask(*context_, *catalog_, task_, options_);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : TaskReport{};
  }

  int64_t QuarantinedRows() {
    return static_cast<int64_t>(MustRead(ingest::kQuarantineTable).size());
  }

  Task task_;
  RunOptions options_;
};

using Lines = std::vector<std::string>;

TEST_F(RunTest, TakesEachFileInOnce) {
  PutFile("a.csv", "1,10\n2,20\n");
  EXPECT_EQ(MustRun().files_new, 1);
  PutFile("b.csv", "2,21\n3,30\n");
  const TaskReport second = MustRun();
  EXPECT_EQ(second.files_new, 1);
  EXPECT_EQ(second.commit.rows_updated, 1);
  EXPECT_EQ(MustRead(task_.target), (Lines{"1|10", "2|21", "3|30"}));
  const auto before = *catalog_->MetadataLocation(task_.target);
  EXPECT_EQ(MustRun().files_new, 0);
  EXPECT_EQ(*catalog_->MetadataLocation(task_.target), before) << "nothing new was committed";
}

TEST_F(RunTest, TakesAChangedFileInAgain) {
  PutFile("a.csv", "1,10\n");
  MustRun();
  PutFile("a.csv", "1,11\n2,20\n");
  EXPECT_EQ(MustRun().files_new, 1);
  EXPECT_EQ(MustRead(task_.target), (Lines{"1|11", "2|20"}));
}

TEST_F(RunTest, TakesTheFilesOfAnUndoneCommitInAgain) {
  PutFile("a.csv", "1,10\n");
  MustRun();
  const auto first = *lake::LoadTable(*context_, task_.target)->metadata.current_snapshot_id;
  PutFile("b.csv", "2,20\n");
  MustRun();
  const auto roll_back = [first](const iceberg::TableMetadata& metadata) {
    iceberg::SnapshotRef ref = metadata.refs.at("main");
    ref.snapshot_id = first;
    return Result<std::vector<iceberg::TableUpdate>>(
        std::vector<iceberg::TableUpdate>{iceberg::SetSnapshotRef{.name = "main", .ref = ref}});
  };
  ASSERT_TRUE(lake::CommitUpdates(*context_, task_.target, roll_back));
  EXPECT_EQ(MustRead(task_.target), (Lines{"1|10"}));
  EXPECT_EQ(MustRun().files_new, 1);
  EXPECT_EQ(MustRead(task_.target), (Lines{"1|10", "2|20"}));
}

TEST_F(RunTest, AFullRefreshHoldsWhatTheFilesHoldNow) {
  PutFile("a.csv", "1,10\n");
  PutFile("b.csv", "2,20\n2,21\n");
  MustRun();
  std::filesystem::remove(folder_ / "raw" / "ads" / "a.csv");
  options_.is_full_refresh = true;
  MustRun();
  EXPECT_EQ(MustRead(task_.target), (Lines{"2|21"}));
  options_.is_full_refresh = false;
  EXPECT_EQ(MustRun().files_new, 0);
}

TEST_F(RunTest, AFileOfNothingButRejectsIsTakenInToo) {
  PutFile("a.csv", "x,10\n1,y\n");
  const TaskReport report = MustRun();
  EXPECT_EQ(report.rows_quarantined, 2);
  EXPECT_EQ(QuarantinedRows(), 2);
  EXPECT_EQ(MustRun().files_new, 0);
}

TEST_F(RunTest, RejectsAreKeptOnceThoughTheTaskRunsAgain) {
  PutFile("a.csv", "x,10\n1,10\n");
  MustRun();
  // As if the process had been killed between the commits of quarantine and table.
  ASSERT_TRUE(catalog_->DropTable(task_.target));
  MustRun();
  EXPECT_EQ(QuarantinedRows(), 1);
  PutFile("a.csv", "x,10\n1,10\n2,20\n");
  MustRun();
  EXPECT_EQ(QuarantinedRows(), 2) << "another version of the file is another delivery";
}

TEST_F(RunTest, AFailedTaskLeavesTheTableAsItWas) {
  PutFile("a.csv", "1,10\n");
  MustRun();
  PutFile("b.csv", "2,20\n");
  task_.sql = "SELECT id, value / (id - 2) AS value FROM media_raw.ads WHERE error('no') IS NULL";
  const auto report = RunTask(*context_, *catalog_, task_, options_);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("task ads"), std::string::npos) << report.error().message;
  EXPECT_EQ(MustRead(task_.target), (Lines{"1|10"}));
  task_.sql = "SELECT id, value FROM media_raw.ads";
  EXPECT_EQ(MustRun().files_new, 1);
}

TEST_F(RunTest, AnOptionalTaskWithoutItsRawTableIsSkipped) {
  task_.source = {"media_raw", "none"};
  EXPECT_FALSE(RunTask(*context_, *catalog_, task_, options_));
  task_.is_optional = true;
  EXPECT_TRUE(MustRun().is_skipped);
}

TEST_F(RunTest, ALedgerThatIsNoneIsTold) {
  PutFile("a.csv", "1,10\n");
  MustRun();
  const auto table = lake::LoadTable(*context_, task_.target);
  const std::string location = table->metadata.Property(kLedgerKey, "");
  ASSERT_FALSE(location.empty());
  ASSERT_TRUE(store_->Put(location, "[1]", store::WriteMode::kReplace));
  const auto report = RunTask(*context_, *catalog_, task_, options_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kCorruptData);
  EXPECT_NE(report.error().message.find(location), std::string::npos);
}

class PipelineFileTest : public lake::testing::LakeTest {
 protected:
  Result<Pipeline> Read(const std::string& toml) {
    std::ofstream(folder_ / "pipeline.toml") << toml;
    std::ofstream(folder_ / "x.sql") << "SELECT 1 AS id";
    return ReadPipeline(folder_);
  }
  static std::string TaskText(const std::string& name, const std::string& more = "") {
    return "[[task]]\nname = \"" + name + "\"\nsource = \"a\"\ntarget = \"b\"\nkey = \"id\"\n" +
           "sql = \"x.sql\"\n" + more;
  }
};

TEST_F(PipelineFileTest, OrdersTasksByWhatTheyDependOn) {
  const auto pipeline =
      Read(TaskText("last", "depends_on = [\"first\"]\n") + TaskText("first") + TaskText("other"));
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  ASSERT_EQ(pipeline->tasks.size(), 3U);
  EXPECT_EQ(pipeline->tasks[0].name, "first");
  EXPECT_EQ(pipeline->tasks[1].name, "last");
  EXPECT_EQ(ToString(pipeline->tasks[0].source), "media_raw.a");
  EXPECT_EQ(ToString(pipeline->tasks[0].target), "media.b");
}

TEST_F(PipelineFileTest, TellsMistakes) {
  const std::pair<std::string, std::string> cases[] = {
      {TaskText("a", "colour = \"red\"\n"), "unknown key colour"},
      {TaskText("a", "sql = \"none.sql\"\n"), "line"},
      {TaskText("a") + TaskText("a"), "two tasks are named a"},
      {TaskText("a", "depends_on = [\"b\"]\n"), "b, which is no task"},
      {TaskText("a", "depends_on = [\"b\"]\n") + TaskText("b", "depends_on = [\"a\"]\n"),
       "by way of others"},
      {"[[task]]\nname = \"a\"\n", "missing in 'a'"},
      {"[[task]]\nname = \n", "line 2"},
      {"name = 1\n", "[[task]]"},
      {TaskText("a", "optional = \"yes\"\n"), "true or false"},
  };
  for (const auto& [toml, words] : cases) {
    const auto pipeline = Read(toml);
    ASSERT_FALSE(pipeline) << toml;
    EXPECT_NE(pipeline.error().message.find(words), std::string::npos) << pipeline.error().message;
    EXPECT_NE(pipeline.error().message.find("pipeline.toml"), std::string::npos);
  }
}

}  // namespace
}  // namespace daypart::pipeline
