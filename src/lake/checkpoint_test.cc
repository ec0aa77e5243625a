// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints beside commits of other programs, rollbacks and expiry: each history is made by hand,
// so that it is certain which snapshots are left.
#include "lake/checkpoint.h"

#include <gmock/gmock.h>

#include "lake/commit.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::lake {
namespace {

using iceberg::SnapshotId;
using ::testing::HasSubstr;
using Updates = std::vector<iceberg::TableUpdate>;

constexpr char kKey[] = "daypart.stream.log:clicks";

class Checkpoint : public testing::LakeTest {
 protected:
  void SetUp() override {
    LakeTest::SetUp();
    MustCreate(name_, arrow::schema({arrow::field("id", arrow::int64())}));
  }

  /// A commit of Daypart's that sets the checkpoint; the text empty: one that has none to set.
  SnapshotId Commit(const std::string& text) {
    SnapshotChange change;
    change.operation = "append";
    if (!text.empty()) change.summary[kKey] = change.properties[kKey] = text;
    const auto outcome = CommitSnapshot(*context_, name_, change);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome->snapshot_id;
  }

  /// A commit of another program, which knows nothing of checkpoints.
  SnapshotId CommitElsewhere() {
    SnapshotId id;
    Update([&](const iceberg::TableMetadata& metadata) -> Result<Updates> {
      iceberg::Snapshot snapshot = *metadata.current_snapshot();
      snapshot.parent_id = snapshot.id;
      snapshot.id = id = SnapshotId(++last_id_);
      snapshot.sequence_number = iceberg::SequenceNumber(metadata.last_sequence_number.value() + 1);
      snapshot.summary = {{"operation", "append"}};
      return Updates{iceberg::AddSnapshot{snapshot},
                     iceberg::SetSnapshotRef{.name = "main", .ref = {.snapshot_id = id}}};
    });
    return id;
  }

  void RollBack(SnapshotId id) {
    Update([&](const iceberg::TableMetadata&) -> Result<Updates> {
      return Updates{iceberg::SetSnapshotRef{.name = "main", .ref = {.snapshot_id = id}}};
    });
  }
  void Expire(const std::vector<SnapshotId>& ids) {
    Update([&](const iceberg::TableMetadata&) -> Result<Updates> {
      return Updates{iceberg::RemoveSnapshots{ids}};
    });
  }
  void Unset(const std::string& key) {
    Update([&](const iceberg::TableMetadata&) -> Result<Updates> {
      return Updates{iceberg::RemoveProperties{{key}}};
    });
  }

  Result<std::string> Text() { return CheckpointText(LoadTable(*context_, name_)->metadata, kKey); }

  const catalog::TableName name_{"media", "t"};

 private:
  template <typename Make>
  void Update(Make make) {
    const Status status = CommitUpdates(*context_, name_, make);
    ASSERT_TRUE(status) << status.error().message;
  }

  int64_t last_id_ = 0;
};

TEST_F(Checkpoint, IsThatOfTheNewestAncestorThatHasOne) {
  EXPECT_EQ(*Text(), "");
  Commit("one");
  Commit("two");
  CommitElsewhere();
  EXPECT_EQ(*Text(), "two");
}

TEST_F(Checkpoint, OutlivesTheSnapshotsThatHadIt) {
  const SnapshotId first = Commit("one");
  CommitElsewhere();
  Expire({first});
  EXPECT_EQ(*Text(), "one");
}

TEST_F(Checkpoint, GoesBackWithTheTable) {
  const SnapshotId before = Commit("");
  const SnapshotId first = Commit("one");
  Commit("two");
  RollBack(first);
  EXPECT_EQ(*Text(), "one");
  RollBack(before);
  EXPECT_EQ(*Text(), "");
}

TEST_F(Checkpoint, ThatARollbackUndidIsNotTakenForTheTables) {
  const SnapshotId first = Commit("one");
  const SnapshotId elsewhere = CommitElsewhere();
  const SnapshotId second = Commit("two");
  RollBack(elsewhere);
  EXPECT_EQ(*Text(), "one");
  Expire({first, second});
  const auto text = Text();
  ASSERT_FALSE(text) << *text;
  EXPECT_EQ(text.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(text.error().message, HasSubstr("undid commit 3, which set " + std::string(kKey)));
  EXPECT_THAT(text.error().message, HasSubstr("the oldest commit left is 2"));

  // What came on top of it does not make it better.
  CommitElsewhere();
  EXPECT_FALSE(Text());
  Commit("");
  EXPECT_FALSE(Text());
}

TEST_F(Checkpoint, OfAnUndoneCommitIsForTheUserToDecide) {
  const SnapshotId first = Commit("one");
  const SnapshotId elsewhere = CommitElsewhere();
  Commit("two");
  RollBack(elsewhere);
  Expire({first});
  ASSERT_FALSE(Text());
  const std::string set_by = std::string(kSetByPrefix) + kKey;
  const std::string message = Text().error().message;
  EXPECT_THAT(message, HasSubstr("UNSET TBLPROPERTIES ('" + std::string(kKey) + "')"));
  EXPECT_THAT(message, HasSubstr("UNSET TBLPROPERTIES ('" + set_by + "')"));

  // "Go on behind it", then "all again".
  Unset(set_by);
  EXPECT_EQ(*Text(), "two");
  Unset(kKey);
  EXPECT_EQ(*Text(), "");
}

TEST_F(Checkpoint, SetAfterTheRollbackCountsAgain) {
  const SnapshotId first = Commit("one");
  const SnapshotId elsewhere = CommitElsewhere();
  Commit("two");
  RollBack(elsewhere);
  const SnapshotId third = Commit("three");
  CommitElsewhere();
  Expire({first, elsewhere, third});
  EXPECT_EQ(*Text(), "three");
}

TEST_F(Checkpoint, OfATimeThatNamedNoSetterIsTakenAsItWas) {
  const SnapshotId first = Commit("one");
  CommitElsewhere();
  Expire({first});
  Unset(std::string(kSetByPrefix) + kKey);
  EXPECT_EQ(*Text(), "one");
}

}  // namespace
}  // namespace daypart::lake
