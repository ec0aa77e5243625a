// SPDX-License-Identifier: Apache-2.0
//
// Requests signed by AWS' own vectors, and what is refused of them.
#include "aws/sigv4_verify.h"

#include <gtest/gtest.h>

#include "aws/digest.h"

namespace daypart::aws {
namespace {

constexpr UtcMicros kSuiteTime(1'440'938'160'000'000);
const AcceptedKey kSuiteKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};

http::Headers SuiteHeaders(const std::string& signature) {
  return {{"Host", "example.amazonaws.com"},
          {"X-Amz-Date", "20150830T123600Z"},
          {"Authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
           "SignedHeaders=host;x-amz-date, Signature=" + signature}};
}

/// "post-vanilla" of the published suite.
constexpr char kPostVanilla[] = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";

std::string Refused(const http::Headers& headers, UtcMicros now = kSuiteTime,
                    std::string_view target = "/", std::string_view body = "",
                    std::string_view service = "service") {
  return VerifySignature({"POST", target, headers, body}, kSuiteKey, service, now).type;
}

TEST(VerifySignature, TakesThePublishedVector) {
  EXPECT_EQ(Refused(SuiteHeaders(kPostVanilla)), "");
  EXPECT_EQ(Refused(SuiteHeaders(kPostVanilla), UtcMicros(kSuiteTime.value() + 899'000'000)), "");
}

TEST(VerifySignature, RefusesWhatWasChanged) {
  const auto headers = SuiteHeaders(kPostVanilla);
  EXPECT_EQ(Refused(headers, kSuiteTime, "/other"), "InvalidSignatureException");
  EXPECT_EQ(Refused(headers, kSuiteTime, "/?a=b"), "InvalidSignatureException");
  EXPECT_EQ(Refused(headers, kSuiteTime, "/", "x"), "InvalidSignatureException");
  EXPECT_EQ(Refused(headers, kSuiteTime, "/", "", "kinesis"), "InvalidSignatureException");
  auto other_host = headers;
  other_host[0].value = "example.org";
  EXPECT_EQ(Refused(other_host), "InvalidSignatureException");
}

TEST(VerifySignature, RefusesOldAndFutureRequests) {
  const auto headers = SuiteHeaders(kPostVanilla);
  for (const int64_t seconds : {-901, 901}) {
    EXPECT_EQ(Refused(headers, UtcMicros(kSuiteTime.value() + seconds * 1'000'000)),
              "InvalidSignatureException");
  }
}

TEST(VerifySignature, RefusesHeadersThatAreNotWhole) {
  EXPECT_EQ(Refused({}), "MissingAuthenticationTokenException");
  EXPECT_EQ(Refused({{"Authorization", "Basic abc"}}), "IncompleteSignatureException");
  auto headers = SuiteHeaders(kPostVanilla);
  headers.erase(headers.begin() + 1);
  EXPECT_EQ(Refused(headers), "IncompleteSignatureException");
  // What is not signed could be changed: the host must be.
  auto unbound = SuiteHeaders(kPostVanilla);
  unbound[2].value.replace(unbound[2].value.find("host;"), 5, "");
  EXPECT_EQ(Refused(unbound), "InvalidSignatureException");
  auto other = SuiteHeaders(kPostVanilla);
  other[2].value.replace(other[2].value.find("AKIDEXAMPLE"), 11, "AKIDANOTHER");
  EXPECT_EQ(Refused(other), "UnrecognizedClientException");
}

TEST(Base64, IsReadBackStrictly) {
  // RFC 4648, section 10.
  for (const auto& [plain, text] : {std::pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
                                    {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}}) {
    std::string decoded = "before";
    EXPECT_TRUE(AppendBase64Decoded(text, decoded));
    EXPECT_EQ(decoded, std::string("before") + plain);
    EXPECT_EQ(Base64(std::string_view(plain)), text);
  }
  for (const char* wrong : {"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm=v", " Zg=", "Zm8\n",
                            "Zm9v\n\n\n\n", "Zm-_", "Z\xff==", "Zm9v Zm9"}) {
    std::string decoded;
    EXPECT_FALSE(AppendBase64Decoded(wrong, decoded)) << wrong;
  }
}

}  // namespace
}  // namespace daypart::aws
