// SPDX-License-Identifier: Apache-2.0
//
// The window of ids beside a plain set with two generations, and its odd keys.
#include "ingest/id_window.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>

namespace daypart::ingest {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<arrow::Array> Numbers(const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return builder.Finish().ValueOrDie();
}

/// What the header promises, in the plainest form.
class Model {
 public:
  explicit Model(size_t generation_max) : generation_max_(generation_max) {}
  bool Insert(int64_t id) {
    if (young_.contains(id) || old_.contains(id)) return false;
    if (young_.size() >= generation_max_) old_ = std::exchange(young_, {});
    young_.insert(id);
    return true;
  }

 private:
  size_t generation_max_;
  std::set<int64_t> young_;
  std::set<int64_t> old_;
};

TEST(IdWindow, KeepsWhatAModelKeeps) {
  for (const uint64_t seed : {1U, 2U, 3U, 4U}) {
    std::mt19937_64 random(seed);
    const int64_t ids_max = seed % 2 == 0 ? 6000 : 100;
    IdWindow numbers(ids_max);
    IdWindow texts(ids_max);
    Model model(static_cast<size_t>(ids_max) / 2);
    for (int batch = 0; batch < 200; ++batch) {
      std::vector<int64_t> ids;
      std::vector<std::string> names;
      std::vector<int32_t> expected;
      for (int row = 0; row < 150; ++row) {
        // Neighbours, multiples of powers of two, and zero: what a weak hash would pile up.
        const auto id = static_cast<int64_t>(random() % 9000) << (random() % 3 * 20);
        ids.push_back(id);
        names.push_back("event-" + std::to_string(id));
        if (model.Insert(id)) expected.push_back(row);
      }
      ASSERT_EQ(numbers.Insert(*Numbers(ids)).value(), expected) << "seed " << seed;
      ASSERT_EQ(texts.Insert(*Texts(names)).value(), expected) << "seed " << seed;
    }
    EXPECT_LE(numbers.ids_count(), ids_max);
  }
}

TEST(IdWindow, TakesTheNumbersThatLookLikeFreeSlots) {
  IdWindow window(8);
  const int64_t least = std::numeric_limits<int64_t>::min();
  EXPECT_THAT(window.Insert(*Numbers({0, least, 0, -1, least})).value(), ElementsAre(0, 1, 3));
  EXPECT_THAT(window.Insert(*Numbers({0, 5})).value(), ElementsAre(1));
}

TEST(IdWindow, NullsAreNoRepetitionsAndEmptyTextsAre) {
  arrow::StringBuilder builder;
  ASSERT_TRUE(builder.AppendNull().ok() && builder.AppendNull().ok());
  ASSERT_TRUE(builder.AppendValues(std::vector<std::string>{"", "", "a"}).ok());
  IdWindow window(100);
  EXPECT_THAT(window.Insert(*builder.Finish().ValueOrDie()).value(), ElementsAre(0, 1, 2, 4));
}

TEST(IdWindow, ForgottenGenerationsGiveTheirMemoryToNewOnes) {
  IdWindow window(20'000);
  int64_t next = 0;
  int64_t full = 0;
  for (int turn = 0; turn < 10; ++turn) {
    std::vector<int64_t> ids(10'000);
    for (int64_t& id : ids) id = next++;
    ASSERT_EQ(window.Insert(*Numbers(ids)).value().size(), ids.size());
    if (turn == 2) full = window.memory_bytes();
    if (turn > 2) {
      EXPECT_EQ(window.memory_bytes(), full);
    }
  }
}

TEST(IdWindow, KnowsOtherTypesByTheirText) {
  arrow::DoubleBuilder builder;
  for (const double id : {1.5, 2.5, 1.5}) ASSERT_TRUE(builder.Append(id).ok());
  const auto ids = builder.Finish().ValueOrDie();
  IdWindow window(10);
  EXPECT_EQ(window.Insert(*ids).value(), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(window.Insert(*ids).value(), std::vector<int32_t>());
}

}  // namespace
}  // namespace daypart::ingest
