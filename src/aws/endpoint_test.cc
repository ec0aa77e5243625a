// SPDX-License-Identifier: Apache-2.0
//
// The order in which endpoints are looked for, and the names of AWS's own hosts, as the SDKs' guide
// has them. Many more settings are compared with botocore in tests/interop/test_endpoints.py.
#include "aws/endpoint.h"

#include <gtest/gtest.h>

#include <map>

namespace daypart::aws {
namespace {

struct Tools {
  std::map<std::string, std::string> environment = {{"HOME", "/h"}};
  std::string config;

  Result<Endpoint> Find(EndpointOptions options) const {
    ChainSurroundings around;
    around.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto at = environment.find(name);
      return at == environment.end() ? std::nullopt : std::optional(at->second);
    };
    around.read_file = [this](const std::string& path) -> Result<std::string> {
      if (path != "/h/.aws/config" || config.empty()) return NotFound(path);
      return config;
    };
    return FindEndpoint(around, options);
  }
  std::string UrlOf(const std::string& service) const {
    const auto found = Find({.service = service, .region = "eu-central-1"});
    return found ? found->url : "error: " + found.error().message;
  }
};

constexpr const char* kConfig = R"(
[default]
endpoint_url = http://all-of-profile
services = local
[services local]
s3 =
  endpoint_url = http://s3-of-profile
glue =
  endpoint_url = http://glue-of-profile/
[services other]
athena =
  endpoint_url = http://athena-of-another
)";

TEST(FindEndpoint, LooksInTheOrderOfTheSdks) {
  Tools tools;
  EXPECT_EQ(tools.UrlOf("s3"), "https://s3.eu-central-1.amazonaws.com");
  tools.config = kConfig;
  EXPECT_EQ(tools.UrlOf("s3"), "http://s3-of-profile");
  EXPECT_EQ(tools.UrlOf("glue"), "http://glue-of-profile");
  EXPECT_EQ(tools.UrlOf("athena"), "http://all-of-profile");
  tools.environment["AWS_ENDPOINT_URL"] = "http://all";
  EXPECT_EQ(tools.UrlOf("s3"), "http://all");
  tools.environment["AWS_ENDPOINT_URL_S3"] = "http://s3";
  EXPECT_EQ(tools.UrlOf("s3"), "http://s3");
  EXPECT_EQ(tools.UrlOf("glue"), "http://all");
  const EndpointOptions configured{
      .service = "s3", .region = "eu-central-1", .configured = "http://own"};
  EXPECT_EQ(tools.Find(configured)->url, "http://own");
  EXPECT_FALSE(tools.Find(configured)->is_aws);
  tools.environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "True";
  EXPECT_EQ(tools.UrlOf("s3"), "https://s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(tools.Find(configured)->url, "http://own");
}

TEST(FindEndpoint, ChoosesAmongAwssHostsAlone) {
  Tools tools;
  tools.environment["AWS_USE_FIPS_ENDPOINT"] = "true";
  EXPECT_EQ(tools.UrlOf("glue"), "https://glue-fips.eu-central-1.amazonaws.com");
  tools.environment["AWS_ENDPOINT_URL"] = "http://all";
  EXPECT_EQ(tools.UrlOf("glue"), "http://all");
  tools.environment = {{"HOME", "/h"}};
  tools.config = "[default]\nuse_dualstack_endpoint = true\n";
  EXPECT_EQ(tools.UrlOf("glue"), "https://glue.eu-central-1.api.aws");
  tools.environment["AWS_USE_DUALSTACK_ENDPOINT"] = "false";
  EXPECT_EQ(tools.UrlOf("glue"), "https://glue.eu-central-1.amazonaws.com");
  tools.config = "[default]\nservices = gone\n";
  EXPECT_NE(tools.UrlOf("glue").find("[services gone]"), std::string::npos);
}

TEST(AwsEndpoint, NamesTheHostsOfEachPartition) {
  EXPECT_EQ(AwsEndpoint("glue", "cn-north-1"), "https://glue.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(AwsEndpoint("glue", "us-gov-west-1"), "https://glue.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(AwsEndpoint("athena", "us-iso-east-1"), "https://athena.us-iso-east-1.c2s.ic.gov");
  EXPECT_EQ(AwsEndpoint("sso", "eu-west-1"), "https://portal.sso.eu-west-1.amazonaws.com");
  EXPECT_EQ(AwsEndpoint("glue", "eu-west-1", {.is_dual_stack = true}),
            "https://glue.eu-west-1.api.aws");
  EXPECT_EQ(AwsEndpoint("s3", "us-west-2", {.is_fips = true, .is_dual_stack = true}),
            "https://s3-fips.dualstack.us-west-2.amazonaws.com");
  EXPECT_EQ(AwsEndpoint("kinesis", "us-gov-west-1", {.is_fips = true}),
            "https://kinesis.us-gov-west-1.amazonaws.com");
}

}  // namespace
}  // namespace daypart::aws
