// SPDX-License-Identifier: Apache-2.0
//
// Lives of tables against a model, 10,000 operations in all. To see a failed life again:
//
//     DAYPART_SIM_SEED=17 build/sim_test       one life, of that seed
//     DAYPART_SIM_OPS=500 build/sim_test       another number of operations in all
//     DAYPART_SIM_START=1000 build/sim_test    other seeds, from this one on
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "sim/rows_as_batches.h"
#include "sim/simulation.h"

namespace daypart::sim {
namespace {

constexpr int64_t kOperationsTotal = 10'000;
/// A life is long enough for expiry and schema changes to meet old files, short enough for many.
constexpr int64_t kOperationsOfALife = 100;

int64_t Number(const char* variable, int64_t fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::atoll(text);
}

/// Lives the life of one seed; the format version follows from it.
Status Live(uint64_t seed, int64_t operations) {
  Simulation simulation(seed, seed % 2 == 0 ? 2 : 3);
  DAYPART_RETURN_IF_ERROR(simulation.Create());
  for (int64_t i = 0; i < operations; ++i) {
    Status status = simulation.Step();
    if (!status) {
      return std::move(status).WithContext("DAYPART_SIM_SEED=" + std::to_string(seed) + ", " +
                                           simulation.LastOperation() + "\n    broken");
    }
  }
  return Ok();
}

TEST(ModelSimulation, TablesEqualTheirModelAfterEveryOperation) {
  const int64_t total = Number("DAYPART_SIM_OPS", kOperationsTotal);
  const int64_t only = Number("DAYPART_SIM_SEED", -1);
  if (only >= 0) {
    const Status status = Live(static_cast<uint64_t>(only), kOperationsOfALife);
    ASSERT_TRUE(status) << status.error().message;
    return;
  }
  const auto start = static_cast<uint64_t>(Number("DAYPART_SIM_START", 1));
  int64_t failures = 0;
  for (int64_t life = 0; life * kOperationsOfALife < total && failures < 5; ++life) {
    const Status status = Live(start + static_cast<uint64_t>(life), kOperationsOfALife);
    if (status) continue;
    ++failures;
    ADD_FAILURE() << status.error().message;
  }
}

TEST(ModelSimulation, TheSameSeedGivesTheSameLife) {
  Simulation first(5, 2);
  Simulation second(5, 2);
  ASSERT_TRUE(first.Create());
  ASSERT_TRUE(second.Create());
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(first.Step());
    ASSERT_TRUE(second.Step());
    ASSERT_EQ(first.LastOperation(), second.LastOperation());
  }
}

/// A check that cannot fail proves nothing: a row that comes behind the model's back is found.
TEST(ModelSimulation, AChangeThatTheModelDoesNotKnowIsFound) {
  Simulation simulation(5, 2);
  ASSERT_TRUE(simulation.Create());
  const auto source = SourceOf({BatchOf({Row{{0, int64_t{7}}}}, simulation.model().columns)});
  ASSERT_TRUE(lake::Append(simulation.clean(), {"db", "t"}, *source, {.threads_count = 1}));
  const Status status = simulation.Step();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorruptData);
}

}  // namespace
}  // namespace daypart::sim
