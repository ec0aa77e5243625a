// SPDX-License-Identifier: Apache-2.0
//
// Injected faults do what they say, no more, and the same each time.
#include "store/fault_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/memory_store.h"

namespace daypart::store {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A small job of eight calls: each must be able to fail.
Status RunJob(ObjectStore& store) {
  DAYPART_RETURN_IF_ERROR(store.Put("/a", "aaaa", WriteMode::kReplace));
  DAYPART_TRY(auto writer, store.OpenWrite("/b", WriteMode::kReplace));
  DAYPART_RETURN_IF_ERROR(writer->Append(Bytes("bbbb")));
  DAYPART_RETURN_IF_ERROR(writer->Finish());
  DAYPART_TRY(const std::string bytes, store.Get("/a"));
  if (bytes != "aaaa") return CorruptData("short: " + bytes);
  DAYPART_TRY(auto reader, store.OpenRead("/b"));
  char into[4];
  DAYPART_TRY(const size_t got, reader->ReadAt(0, std::as_writable_bytes(std::span(into))));
  if (got != 4) return CorruptData("short read");
  return store.Delete("/a");
}

TEST(FaultStore, FailsEveryCallOnceInEachPosition) {
  for (const auto kind : {FaultKind::kErrorBefore, FaultKind::kErrorAfter, FaultKind::kTornWrite,
                          FaultKind::kShortRead}) {
    uint64_t call = 0;
    for (;; ++call) {
      const auto inner = MakeMemoryStore();
      FaultStore store(*inner, {{.call = call, .kind = kind}});
      const auto done = RunJob(store);
      if (store.faults_count() == 0) {
        EXPECT_TRUE(done);
        break;
      }
      EXPECT_FALSE(done) << store.FaultLog()[0];
      EXPECT_EQ(store.calls_count(), call + 1);
    }
    EXPECT_EQ(call, 8u);
  }
}

TEST(FaultStore, ALostAnswerHasDoneTheWork) {
  const auto inner = MakeMemoryStore();
  FaultStore store(*inner, {{.call = 0, .kind = FaultKind::kErrorAfter}});
  const auto put = store.Put("/a", "x", WriteMode::kIfAbsent);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(inner->Get("/a").value(), "x");
  EXPECT_EQ(store.Put("/a", "x", WriteMode::kIfAbsent).error().code, ErrorCode::kAlreadyExists);
}

TEST(FaultStore, ATornWriteIsNeverSeen) {
  const auto inner = MakeMemoryStore();
  FaultStore store(*inner, {{.call = 0, .kind = FaultKind::kTornWrite},
                            {.call = 2, .kind = FaultKind::kTornWrite}});
  EXPECT_FALSE(store.Put("/a", "xxxx", WriteMode::kReplace));
  auto writer = store.OpenWrite("/a", WriteMode::kReplace);
  ASSERT_TRUE(writer);
  EXPECT_FALSE((*writer)->Append(Bytes("xxxx")));
  EXPECT_FALSE((*writer)->Finish()) << "a writer with a failed append must not finish";
  EXPECT_FALSE(inner->Head("/a"));
}

TEST(FaultStore, UsesTheCodeOfThePlan) {
  const auto inner = MakeMemoryStore();
  FaultStore store(*inner, {{.call = 0, .code = ErrorCode::kResourceExhausted}});
  EXPECT_EQ(store.Put("/a", "x", WriteMode::kReplace).error().code, ErrorCode::kResourceExhausted);
}

TEST(FaultStore, RandomFaultsRepeatWithTheirSeedAndComeAtTheirRate) {
  const auto log_of = [](uint64_t seed) {
    const auto inner = MakeMemoryStore();
    FaultPlan plan;
    plan.random_one_in = 10;
    plan.seed = seed;
    FaultStore store(*inner, plan);
    for (int i = 0; i < 5000; ++i)
      (void)store.Put("/a", "x", WriteMode::kReplace);  // faults wanted
    return store.FaultLog();
  };
  EXPECT_EQ(log_of(1), log_of(1));
  EXPECT_NE(log_of(1), log_of(2));
  EXPECT_NEAR(static_cast<double>(log_of(1).size()), 500.0, 100.0);
}

}  // namespace
}  // namespace daypart::store
