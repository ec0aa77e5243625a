// SPDX-License-Identifier: Apache-2.0
//
// daypart.toml: defaults, paths, and mistakes told with line and key.
#include "app/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace daypart::app {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("config_") + info->name() + "_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "deep" / "deeper");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<Config> Load(const std::string& text) {
    std::ofstream(folder_ / "daypart.toml") << text;
    return LoadConfig(folder_ / "daypart.toml");
  }
  void ExpectRefused(const std::string& text, const std::vector<std::string>& words) {
    const auto config = Load(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
    for (const std::string& word : words) {
      EXPECT_NE(config.error().message.find(word), std::string::npos) << config.error().message;
    }
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigTest, TheDefaultTextSaysTheDefaults) {
  const auto written = Load(std::string(DefaultConfigText()));
  ASSERT_TRUE(written) << written.error().message;
  const auto empty = Load("");
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(written->lake_directory, empty->lake_directory);
  EXPECT_EQ(written->catalog_path, empty->catalog_path);
  EXPECT_EQ(written->sql_directory, empty->sql_directory);
  EXPECT_EQ(written->file_bytes_target, empty->file_bytes_target);
  EXPECT_EQ(written->query_memory_bytes, empty->query_memory_bytes);
}

TEST_F(ConfigTest, PathsAreRelativeToTheFile) {
  const auto config = Load("[lake]\ndirectory = \"there\"\n[catalog]\npath = \"/abs/c.db\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->lake_directory, folder_ / "there");
  EXPECT_EQ(config->catalog_path, "/abs/c.db");
}

TEST_F(ConfigTest, AStreamOfKinesisHasItsPlaceAndWhatToDoAboutLostRecords) {
  const auto config = Load(
      "[kinesis]\nendpoint = \"http://127.0.0.1:1\"\nregion = \"eu-west-1\"\npoll_ms = 1000\n"
      "[stream.a]\nsource = \"kinesis:b\"\nlost_records = \"skip\"\n[stream.c]\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kinesis_endpoint, "http://127.0.0.1:1");
  EXPECT_EQ(config->kinesis_region, "eu-west-1");
  EXPECT_EQ(config->kinesis_poll_ms, 1000);
  EXPECT_TRUE(config->streams.at("a").skips_lost);
  EXPECT_FALSE(config->streams.at("c").skips_lost);
  ExpectRefused("[stream.a]\nlost_records = \"ignore\"\n",
                {"stream.a.lost_records", "\"stop\" or \"skip\"", "line 2"});
  ExpectRefused("[kinesis]\npoll_ms = 10\n", {"kinesis.poll_ms", "200", "line 2"});
}

TEST_F(ConfigTest, TellsMistakesWithLineAndKey) {
  ExpectRefused("[lake]\nthreads = 2\nbogus = 1\n", {"lake.bogus", "line 3"});
  ExpectRefused("[lake]\nthreads = \"two\"\n", {"lake.threads"});
  ExpectRefused("[lake]\nthreads = 0\n", {"lake.threads"});
  ExpectRefused("[lake]\nfile_size = \"2 parsecs\"\n", {"lake.file_size"});
  ExpectRefused("[nowhere]\n", {"nowhere"});
  ExpectRefused("[lake\n", {"line 1"});
}

TEST_F(ConfigTest, ALocationOnS3MovesTheLake) {
  const auto config = Load(
      "[store]\nlocation = \"s3://bucket/lake/\"\nregion = \"eu-west-1\"\npath_style = false\n"
      "encryption = \"aws:kms\"\nkms_key = \"k\"\ncache = \"kept\"\ncache_size = \"1GiB\"\n"
      "[catalog]\nkind = \"glue\"\n[aws]\nprofile = \"etl\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->is_on_s3());
  EXPECT_EQ(config->store_location, "s3://bucket/lake");
  EXPECT_EQ(config->store_region, "eu-west-1");
  EXPECT_EQ(config->store_is_path_style, std::optional<bool>(false));
  EXPECT_EQ(config->cache_directory, folder_ / "kept");
  EXPECT_EQ(config->cache_bytes_max, int64_t{1} << 30);
  EXPECT_EQ(config->catalog_kind, "glue");
  EXPECT_EQ(config->aws_profile, "etl");
  EXPECT_FALSE(Load("")->is_on_s3());
}

TEST_F(ConfigTest, TellsMistakesInTheStore) {
  ExpectRefused("[store]\nlocation = \"/folder\"\n", {"store.location", "s3://bucket/prefix"});
  ExpectRefused("[store]\nlocation = \"s3:///\"\n", {"store.location"});
  ExpectRefused("[store]\nencryption = \"rot13\"\n", {"store.encryption", "AES256 or aws:kms"});
  ExpectRefused("[store]\nkms_key = \"k\"\n", {"store.encryption", "store.kms_key"});
  ExpectRefused("[store]\npath_style = \"yes\"\n", {"store.path_style", "true or false"});
  ExpectRefused("[catalog]\nkind = \"hive\"\n", {"catalog.kind", "sqlite or glue"});
}

TEST_F(ConfigTest, IsFoundFromAFolderBelow) {
  std::ofstream(folder_ / "daypart.toml") << "";
  EXPECT_EQ(*FindConfig(std::nullopt, folder_ / "deep" / "deeper"), folder_ / "daypart.toml");
  const auto none = FindConfig(std::nullopt, "/");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("daypart init"), std::string::npos);
}

TEST(ParseBytes, KnowsBinaryAndDecimalUnits) {
  EXPECT_EQ(*ParseBytes("256MiB"), int64_t{256} << 20);
  EXPECT_EQ(*ParseBytes("2GB"), 2'000'000'000);
  EXPECT_EQ(*ParseBytes("1048576"), 1'048'576);
  for (const char* wrong : {"", "MiB", "-1", "1XB", "99999999999999999999"}) {
    EXPECT_FALSE(ParseBytes(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace daypart::app
