// SPDX-License-Identifier: Apache-2.0
//
// The vectors that AWS publishes: the SigV4 test suite (AKIDEXAMPLE, 2015-08-30) and examples of
// the S3 API reference (AKIAIOSFODNN7EXAMPLE, 2013-05-24).
#include "aws/sigv4.h"

#include <gtest/gtest.h>

#include "aws/digest.h"

namespace daypart::aws {
namespace {

SigningScope SuiteScope() {
  return {.access_key_id = "AKIDEXAMPLE",
          .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
          .region = "us-east-1",
          .service = "service",
          .time = UtcMicros(1'440'938'160'000'000)};
}

SignableRequest SuiteRequest(std::string method = "GET") {
  return {.method = std::move(method),
          .headers = {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}},
          .payload_hash = Sha256Hex("")};
}

SigningScope S3Scope() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
          .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
          .region = "us-east-1",
          .service = "s3",
          .time = UtcMicros(1'369'353'600'000'000)};
}

SignableRequest S3Request() {
  return {.headers = {{"host", "examplebucket.s3.amazonaws.com"},
                      {"x-amz-date", "20130524T000000Z"},
                      {"x-amz-content-sha256", Sha256Hex("")}},
          .payload_hash = Sha256Hex("")};
}

TEST(SigV4Suite, GetVanilla) {
  EXPECT_EQ(CanonicalRequest(SuiteRequest()),
            "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Authorization(SuiteRequest(), SuiteScope()),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(SigV4Suite, PostVanilla) {
  EXPECT_EQ(Signature(SuiteRequest("POST"), SuiteScope()),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

TEST(SigV4Suite, GetVanillaQueryOrderKeyCase) {
  SignableRequest request = SuiteRequest();
  request.query = {{"Param2", "value2"}, {"Param1", "value1"}};
  EXPECT_EQ(Signature(request, SuiteScope()),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

TEST(SigV4Suite, GetVanillaUtf8Query) {
  SignableRequest request = SuiteRequest();
  request.query = {{"\u1234", "bar"}};
  EXPECT_EQ(Signature(request, SuiteScope()),
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
}

TEST(SigV4Suite, GetUnreserved) {
  SignableRequest request = SuiteRequest();
  request.path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(Signature(request, SuiteScope()),
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
}

TEST(SigV4Suite, PostHeaderKeySort) {
  SignableRequest request = SuiteRequest("POST");
  request.headers.emplace_back("My-Header1", "value1");
  EXPECT_EQ(Signature(request, SuiteScope()),
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c");
}

TEST(SigV4Suite, GetHeaderValueTrim) {
  SignableRequest request = SuiteRequest();
  request.headers.emplace_back("My-Header1", " value1");
  request.headers.emplace_back("My-Header2", "\"a   b   c\"");
  EXPECT_EQ(Signature(request, SuiteScope()),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

TEST(SigV4S3, GetObjectRange) {
  SignableRequest request = S3Request();
  request.path = "/test.txt";
  request.headers.emplace_back("Range", "bytes=0-9");
  EXPECT_EQ(Signature(request, S3Scope()),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4S3, PutObject) {
  const std::string hash = Sha256Hex("Welcome to Amazon S3.");
  const SignableRequest request = {.method = "PUT",
                                   .path = "/test%24file.text",
                                   .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                               {"host", "examplebucket.s3.amazonaws.com"},
                                               {"x-amz-content-sha256", hash},
                                               {"x-amz-date", "20130524T000000Z"},
                                               {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                                   .payload_hash = hash};
  EXPECT_EQ(Signature(request, S3Scope()),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4S3, GetBucketLifecycleAndList) {
  SignableRequest request = S3Request();
  request.query = {{"lifecycle", ""}};
  EXPECT_EQ(Signature(request, S3Scope()),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  request.query = {{"max-keys", "2"}, {"prefix", "J"}};
  EXPECT_EQ(Signature(request, S3Scope()),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4S3, PresignedGet) {
  const SignableRequest request = {.path = "/test.txt",
                                   .headers = {{"host", "examplebucket.s3.amazonaws.com"}},
                                   .payload_hash = std::string(kUnsignedPayload)};
  const Parameters query =
      PresignedQuery(request, S3Scope(), "", std::chrono::seconds(86'400));
  EXPECT_EQ(query.back().second,
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(Digest, Crc32cOfThePublishedExamples) {
  // RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and 0 to 31; and the usual check value.
  const std::string zeros(32, '\0');
  const std::string ones(32, '\xFF');
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(zeros))), 0x8A9136AAU);
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(ones))), 0x62A8AB43U);
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(rising))), 0x46DD794EU);
  const std::string_view check = "123456789";
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(check))), 0xE3069283U);
}

}  // namespace
}  // namespace daypart::aws
