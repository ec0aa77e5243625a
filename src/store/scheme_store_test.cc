// SPDX-License-Identifier: Apache-2.0
//
// Which store a location goes to, and what is no location of S3.
#include "store/scheme_store.h"

#include <gtest/gtest.h>

#include "store/memory_store.h"
#include "store/s3_client.h"

namespace daypart::store {
namespace {

TEST(SchemeStore, TheSchemeDecidesAndS3IsMadeOnce) {
  int made_count = 0;
  const auto store = MakeSchemeStore(MakeMemoryStore(), [&] {
    ++made_count;
    return Result<std::unique_ptr<ObjectStore>>(MakeMemoryStore());
  });
  ASSERT_TRUE(store->Put("file:///a", "file", WriteMode::kReplace));
  EXPECT_EQ(made_count, 0);
  ASSERT_TRUE(store->Put("s3://bucket/a", "object", WriteMode::kReplace));
  EXPECT_EQ(store->Get("s3://bucket/a").value(), "object");
  EXPECT_EQ(store->Get("file:///a").value(), "file");
  EXPECT_FALSE(store->Get("file:///bucket/a"));
  EXPECT_EQ(made_count, 1);
}

TEST(SchemeStore, AnS3ThatCannotBeMadeFailsItsOwnCalls) {
  const auto store = MakeSchemeStore(MakeMemoryStore(), [] {
    return Result<std::unique_ptr<ObjectStore>>(PermissionDenied("no cache folder"));
  });
  const auto got = store->Get("s3://bucket/a");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(store->Put("file:///a", "file", WriteMode::kReplace));
}

TEST(ParseS3Location, SplitsBucketAndKey) {
  for (const std::string scheme : {"s3", "s3a", "s3n"}) {
    const auto address = ParseS3Location(scheme + "://bucket/a/b c.csv");
    ASSERT_TRUE(address) << address.error().message;
    EXPECT_EQ(address->bucket, "bucket");
    EXPECT_EQ(address->key, "a/b c.csv");
  }
  EXPECT_EQ(ParseS3Location("s3://bucket")->key, "");
  for (const std::string wrong : {"file:///a", "s3:///a", "bucket/a", "s3://"}) {
    const auto address = ParseS3Location(wrong);
    ASSERT_FALSE(address) << wrong;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace daypart::store
