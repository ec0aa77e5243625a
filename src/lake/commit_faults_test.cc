// SPDX-License-Identifier: Apache-2.0
//
// Every store call of an append and of a merge fails once, in each way: the table then holds the
// rows of before or those of after, whole, and goes on taking writes.
#include <gmock/gmock.h>

#include "lake/testing/lake_fixture.h"
#include "store/fault_store.h"

namespace daypart::lake {
namespace {

using store::FaultKind;
using testing::LakeTest;
using testing::MemorySource;
using testing::Rows;

class CommitFaults : public LakeTest {
 protected:
  using Write = std::function<Result<CommitResult>(const LakeContext&, source::BatchSource&)>;

  /// Fails one call after the other until the write makes no more calls.
  void FailEachCall(FaultKind kind, const std::string& json, const Write& write) {
    int table_number = 0;
    for (uint64_t call = 0;; ++call) {
      const catalog::TableName name{"media", "t" + std::to_string(table_number++)};
      name_ = name;
      MustCreate(name, schema_);
      Append(json_before_);
      const auto before = MustRead(name);
      store::FaultStore faulty(*store_, {{.call = call, .kind = kind}});
      const LakeContext context{faulty, *catalog_, clock_, random_, cancel_, context_->warehouse};
      MemorySource source({Rows(schema_, json)});
      const auto result = write(context, source);
      const auto now = MustRead(name);
      SCOPED_TRACE("call " + std::to_string(call));
      if (result) {
        EXPECT_NE(now, before);
      } else {
        EXPECT_EQ(now, before) << result.error().message;
      }
      Append(R"([[99, "later"]])");
      EXPECT_EQ(MustRead(name).size(), now.size() + 1);
      if (faulty.faults_count() == 0) break;
    }
    EXPECT_GT(table_number, 8) << "the write was to make several calls";
  }

  void Append(const std::string& json) {
    MemorySource source({Rows(schema_, json)});
    const auto result = lake::Append(*context_, name_, source, {.threads_count = 1});
    ASSERT_TRUE(result) << result.error().message;
  }

  catalog::TableName name_;
  const std::string json_before_ = R"([[1, "north"], [2, "south"]])";
  const std::shared_ptr<arrow::Schema> schema_ =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("region", arrow::utf8())});
};

constexpr FaultKind kKinds[] = {FaultKind::kErrorBefore, FaultKind::kErrorAfter,
                                FaultKind::kTornWrite, FaultKind::kShortRead};

TEST_F(CommitFaults, AppendIsAllOrNothingWhateverCallFails) {
  for (const FaultKind kind : kKinds) {
    TearDown();
    SetUp();
    FailEachCall(kind, R"([[3, "west"]])",
                 [this](const LakeContext& context, source::BatchSource& rows) {
                   return lake::Append(context, name_, rows, {.threads_count = 1});
                 });
  }
}

TEST_F(CommitFaults, MergeIsAllOrNothingWhateverCallFails) {
  for (const FaultKind kind : kKinds) {
    TearDown();
    SetUp();
    FailEachCall(kind, R"([[2, "changed"], [2, "twice"], [3, "new"]])",
                 [this](const LakeContext& context, source::BatchSource& rows) {
                   return Merge(context, name_, rows, {.key_columns = {"id"}},
                                {.threads_count = 1});
                 });
  }
}

}  // namespace
}  // namespace daypart::lake
