// SPDX-License-Identifier: Apache-2.0
//
// The chain's order, its refresh, and signed calls under passing trouble, against answers in the
// form that AWS documents. The HTTP client here plays the network; nothing of ours is replaced.
#include "aws/credentials.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "aws/service.h"

namespace daypart::aws {
namespace {

constexpr int64_t kNow = 1'440'938'160'000'000;  // 2015-08-30T12:36:00Z

class Network final : public http::Client {
 public:
  Result<http::Response> Send(const http::Request& request) override {
    std::string body(reinterpret_cast<const char*>(request.body.data()), request.body.size());
    sent.push_back({request.method + ' ' + request.url, request.headers, std::move(body)});
    if (answers.empty()) return Unavailable("nobody listens at " + request.url);
    auto answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  void Answer(int status, std::string body, http::Headers headers = {}) {
    answers.emplace_back(http::Response{status, std::move(headers), std::move(body), 0});
  }

  struct Sent {
    std::string line;
    http::Headers headers;
    std::string body;
  };
  std::vector<Sent> sent;
  std::deque<Result<http::Response>> answers;
};

struct Machine {
  std::map<std::string, std::string> environment = {{"HOME", "/h"}};
  std::map<std::string, std::string> files;
  std::string process_output;
  Network network;
  FakeClock clock{UtcMicros(kNow)};

  std::unique_ptr<CredentialSource> Chain(ChainOptions options = {}) {
    ChainSurroundings around;
    around.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto at = environment.find(name);
      return at == environment.end() ? std::nullopt : std::optional(at->second);
    };
    around.read_file = [this](const std::string& path) -> Result<std::string> {
      const auto at = files.find(path);
      if (at == files.end()) return NotFound(path);
      return at->second;
    };
    around.run = [this](const std::string&) -> Result<std::string> { return process_output; };
    return MakeCredentialChain(network, clock, around, options);
  }
};

std::string StsAnswer(const std::string& key) {
  return "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" + key +
         "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
         "<Expiration>2015-08-30T13:36:00Z</Expiration></Credentials></AssumeRoleResult>"
         "</AssumeRoleResponse>";
}

TEST(CredentialChain, EnvironmentGoesBeforeFilesUnlessAProfileIsNamed) {
  Machine machine;
  machine.environment["AWS_ACCESS_KEY_ID"] = "ENV";
  machine.environment["AWS_SECRET_ACCESS_KEY"] = "x";
  machine.files["/h/.aws/credentials"] =
      "[default]\naws_access_key_id = FILE\naws_secret_access_key = y\n"
      "[etl]\naws_access_key_id=ETL\naws_secret_access_key=z # why\n";
  EXPECT_EQ(machine.Chain()->Get()->access_key_id, "ENV");
  const auto etl = machine.Chain({.profile = "etl"})->Get();
  EXPECT_EQ(etl->access_key_id, "ETL");
  EXPECT_EQ(etl->secret_access_key, "z");
  machine.environment.erase("AWS_ACCESS_KEY_ID");
  EXPECT_EQ(machine.Chain()->Get()->access_key_id, "FILE");
}

TEST(CredentialChain, AProfileWithARoleAssumesItWithTheSourcesKeys) {
  Machine machine;
  machine.environment["AWS_PROFILE"] = "etl";
  machine.files["/h/.aws/config"] =
      "[profile etl]\nrole_arn = arn:aws:iam::1:role/etl\nsource_profile = base\n"
      "external_id = e1\n[profile base]\naws_access_key_id = BASE\naws_secret_access_key = q\n";
  machine.network.Answer(200, StsAnswer("ROLE"));
  const auto got = machine.Chain()->Get();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->access_key_id, "ROLE");
  EXPECT_EQ(got->session_token, "t");
  const auto& sent = machine.network.sent.at(0);
  EXPECT_EQ(sent.line, "POST https://sts.us-east-1.amazonaws.com/");
  EXPECT_NE(sent.body.find("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fetl"), std::string::npos);
  EXPECT_NE(sent.body.find("ExternalId=e1"), std::string::npos);
  const auto signature = http::FindHeader(sent.headers, "Authorization");
  ASSERT_TRUE(signature);
  EXPECT_NE(signature->find("Credential=BASE/20150830/us-east-1/sts/"), std::string::npos);
}

TEST(CredentialChain, WebIdentitySendsTheTokenUnsigned) {
  Machine machine;
  machine.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  machine.environment["AWS_ROLE_ARN"] = "arn:r";
  machine.files["/token"] = "jwt.x.y\n";
  machine.network.Answer(200, StsAnswer("WEB"));
  EXPECT_EQ(machine.Chain()->Get()->access_key_id, "WEB");
  const auto& sent = machine.network.sent.at(0);
  EXPECT_NE(sent.body.find("WebIdentityToken=jwt.x.y"), std::string::npos);
  EXPECT_FALSE(http::FindHeader(sent.headers, "Authorization"));
}

TEST(CredentialChain, ProcessAndItsSecretsStayOutOfErrors) {
  Machine machine;
  machine.files["/h/.aws/config"] = "[default]\ncredential_process = give keys\n";
  machine.process_output =
      R"({"Version":1,"AccessKeyId":"P","SecretAccessKey":"hush","SessionToken":"st"})";
  EXPECT_EQ(machine.Chain()->Get()->session_token, "st");
  machine.process_output = R"({"Version":1,"SecretAccessKey":"hush"})";
  const auto refused = machine.Chain()->Get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("hush"), std::string::npos);
}

TEST(CredentialChain, InstanceMetadataByItsSecondVersion) {
  Machine machine;
  machine.network.Answer(200, "proof");
  machine.network.Answer(200, "worker");
  machine.network.Answer(200, R"({"AccessKeyId":"I","SecretAccessKey":"s","Token":"t",
      "Expiration":"2015-08-30T18:36:00Z"})");
  EXPECT_EQ(machine.Chain()->Get()->access_key_id, "I");
  EXPECT_EQ(machine.network.sent.at(0).line, "PUT http://169.254.169.254/latest/api/token");
  EXPECT_EQ(http::FindHeader(machine.network.sent.at(2).headers, "X-aws-ec2-metadata-token"),
            "proof");
  machine.network.answers.clear();
  machine.environment["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_EQ(machine.Chain()->Get().error().code, ErrorCode::kPermissionDenied);
}

TEST(CredentialChain, RolesOfRolesAreAssumedOneByTheOther) {
  Machine machine;
  machine.files["/h/.aws/config"] =
      "[profile c]\nrole_arn = arn:c\nsource_profile = b\nduration_seconds = 900\n"
      "role_session_name = nightly\n[profile b]\nrole_arn = arn:b\nsource_profile = a\n"
      "[profile a]\naws_access_key_id = A\naws_secret_access_key = q\n";
  machine.network.Answer(200, StsAnswer("B"));
  machine.network.Answer(200, StsAnswer("C"));
  const auto got = machine.Chain({.profile = "c", .region = "eu-west-1"})->Get();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->access_key_id, "C");
  ASSERT_EQ(machine.network.sent.size(), 2U);
  const auto signature = [&](size_t i) {
    return std::string(*http::FindHeader(machine.network.sent[i].headers, "Authorization"));
  };
  EXPECT_NE(signature(0).find("Credential=A/"), std::string::npos);
  EXPECT_NE(signature(1).find("Credential=B/"), std::string::npos);
  EXPECT_EQ(http::FindHeader(machine.network.sent[1].headers, "X-Amz-Security-Token"), "t");
  EXPECT_NE(machine.network.sent[0].body.find("DurationSeconds=3600"), std::string::npos);
  EXPECT_NE(machine.network.sent[1].body.find("DurationSeconds=900"), std::string::npos);
  EXPECT_NE(machine.network.sent[1].body.find("RoleSessionName=nightly"), std::string::npos);
  EXPECT_EQ(machine.network.sent[1].line, "POST https://sts.eu-west-1.amazonaws.com/");
}

TEST(CredentialChain, RolesThatCannotBeHadAreToldWithTheirProfile) {
  Machine machine;
  machine.files["/h/.aws/config"] =
      "[profile code]\nrole_arn = arn:c\nsource_profile = a\nmfa_serial = arn:mfa\n"
      "[profile loop]\nrole_arn = arn:l\nsource_profile = pool\n"
      "[profile pool]\nrole_arn = arn:p\nsource_profile = loop\n"
      "[profile lone]\nrole_arn = arn:p\n"
      "[profile short]\nrole_arn = arn:p\nsource_profile = a\nduration_seconds = 60\n"
      "[profile bare]\nrole_arn = arn:p\ncredential_source = Environment\n"
      "[profile denied]\nrole_arn = arn:d\nsource_profile = a\n"
      "[profile a]\naws_access_key_id = A\naws_secret_access_key = q\n";
  const std::map<std::string, std::string> expected = {
      {"code", "mfa_serial"}, {"loop", "in a circle"},      {"lone", "source_profile"},
      {"short", "900"},       {"bare", "AWS_ACCESS_KEY_ID"}, {"none", "'none' is in neither"}};
  for (const auto& [profile, words] : expected) {
    const auto refused = machine.Chain({.profile = profile})->Get();
    ASSERT_FALSE(refused) << profile;
    EXPECT_NE(refused.error().message.find(words), std::string::npos) << refused.error().message;
  }
  EXPECT_TRUE(machine.network.sent.empty());
  machine.network.Answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message>"
                              "</Error></ErrorResponse>");
  const auto denied = machine.Chain({.profile = "denied"})->Get();
  EXPECT_EQ(denied.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(denied.error().message.find("sts:AssumeRole arn:d"), std::string::npos);
}

TEST(CredentialChain, WebIdentityIsTriedAgainAndReadsItsTokenAnewAtRefresh) {
  Machine machine;
  machine.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  machine.environment["AWS_ROLE_ARN"] = "arn:r";
  machine.files["/token"] = "first";
  machine.network.Answer(400, "<E><Code>IDPCommunicationError</Code><Message>m</Message></E>");
  machine.network.answers.emplace_back(Unavailable("reset"));
  machine.network.Answer(200, StsAnswer("ONE"));
  const auto chain = machine.Chain();
  EXPECT_EQ(chain->Get()->access_key_id, "ONE");
  EXPECT_EQ(machine.network.sent.size(), 3U);
  machine.files["/token"] = "second";
  machine.clock.Advance(std::chrono::minutes(56));
  machine.network.Answer(200, StsAnswer("TWO"));
  EXPECT_EQ(chain->Get()->access_key_id, "TWO");
  EXPECT_NE(machine.network.sent.back().body.find("WebIdentityToken=second"), std::string::npos);
  machine.network.Answer(400, "<E><Code>ExpiredTokenException</Code><Message>old</Message></E>");
  chain->Refuse();
  const auto refused = chain->Get();
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(refused.error().message.find("second"), std::string::npos);
}

TEST(CredentialChain, SsoByTheTokenThatTheLoginLeft) {
  Machine machine;
  machine.files["/h/.aws/config"] =
      "[default]\nsso_session = work\nsso_account_id = 17\nsso_role_name = Reader\n"
      "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://x.awsapps.com/start\n";
  // printf work | sha1sum
  const std::string cache = "/h/.aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json";
  const auto refused = machine.Chain()->Get();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("aws sso login"), std::string::npos);
  machine.files[cache] = R"({"accessToken": "bearer", "expiresAt": "2015-08-30T12:36:01Z"})";
  machine.network.Answer(200, R"({"roleCredentials": {"accessKeyId": "S", "secretAccessKey": "x",
      "sessionToken": "t", "expiration": 1440941760000}})");
  const auto got = machine.Chain()->Get();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->access_key_id, "S");
  EXPECT_EQ(got->expires, UtcMicros(1'440'941'760'000'000));
  const auto& sent = machine.network.sent.at(0);
  EXPECT_EQ(sent.line,
            "GET https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?account_id=17&"
            "role_name=Reader");
  EXPECT_EQ(http::FindHeader(sent.headers, "x-amz-sso_bearer_token"), "bearer");
  machine.files[cache] = R"({"accessToken": "bearer", "expiresAt": "2015-08-30T12:36:00Z"})";
  EXPECT_FALSE(machine.Chain()->Get());
}

/// A profile of a session whose login has left this cache, which is a file of a folder of its own:
/// that it is replaced, and by whom it can be read, is part of what is tested.
struct SsoMachine : Machine {
  std::string home = testing::TempDir() + "daypart_sso_XXXXXX";
  std::string cache;

  explicit SsoMachine(const std::string& expires, const std::string& more = "") {
    EXPECT_NE(::mkdtemp(home.data()), nullptr);
    std::filesystem::create_directories(home + "/.aws/sso/cache");
    cache = home + "/.aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json";
    environment["HOME"] = home;
    files[home + "/.aws/config"] =
        "[default]\nsso_session = work\nsso_account_id = 17\nsso_role_name = Reader\n"
        "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://x/start\n";
    files[cache] = R"({"startUrl": "https://x/start", "region": "eu-west-1", "accessToken": "old",
        "clientId": "id", "clientSecret": "hush", "refreshToken": "again", "expiresAt": ")" +
                   expires + '"' + more + "}";
  }
  ~SsoMachine() { std::filesystem::remove_all(home); }
  std::string Kept() const {
    std::ifstream file(cache);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void AnswerToken() {
    network.Answer(200, R"({"accessToken": "new", "expiresIn": 3600, "refreshToken": "next",
        "tokenType": "Bearer"})");
  }
  void AnswerKeys() {
    network.Answer(200, R"({"roleCredentials": {"accessKeyId": "S", "secretAccessKey": "x",
        "sessionToken": "t", "expiration": 1440941760000}})");
  }
  std::string_view TokenOfLast() const {
    return *http::FindHeader(network.sent.back().headers, "x-amz-sso_bearer_token");
  }
};

TEST(CredentialChain, AnSsoTokenIsRenewedBeforeItEndsAndKeptForTheOtherTools) {
  for (const char* expires : {"2015-08-30T12:50:00Z", "2015-08-30T09:00:00Z"}) {
    SsoMachine machine(expires, R"(, "registrationExpiresAt": "2015-11-28T12:36:00Z")");
    machine.AnswerToken();
    machine.AnswerKeys();
    const auto got = machine.Chain()->Get();
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(machine.network.sent.at(0).line, "POST https://oidc.eu-west-1.amazonaws.com/token");
    EXPECT_EQ(nlohmann::json::parse(machine.network.sent.at(0).body),
              nlohmann::json({{"grantType", "refresh_token"},
                              {"clientId", "id"},
                              {"clientSecret", "hush"},
                              {"refreshToken", "again"}}));
    EXPECT_EQ(machine.TokenOfLast(), "new");
    const auto kept = nlohmann::json::parse(machine.Kept());
    EXPECT_EQ(kept["accessToken"], "new");
    EXPECT_EQ(kept["refreshToken"], "next");
    EXPECT_EQ(kept["expiresAt"], "2015-08-30T13:36:00Z");
    EXPECT_EQ(kept["clientSecret"], "hush");
    EXPECT_EQ(kept["startUrl"], "https://x/start");
    EXPECT_EQ(std::filesystem::status(machine.cache).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
}

TEST(CredentialChain, AnSsoTokenThatLastsIsLeft) {
  SsoMachine machine("2015-08-30T12:52:00Z");
  machine.AnswerKeys();
  ASSERT_TRUE(machine.Chain()->Get());
  EXPECT_EQ(machine.network.sent.size(), 1U);
  EXPECT_EQ(machine.TokenOfLast(), "old");
}

TEST(CredentialChain, AnSsoTokenThatCannotBeRenewedServesUntilItEnds) {
  SsoMachine machine("2015-08-30T12:40:00Z");
  machine.network.Answer(400, R"({"error": "invalid_grant", "error_description": "no"})");
  machine.AnswerKeys();
  ASSERT_TRUE(machine.Chain()->Get());
  EXPECT_EQ(machine.TokenOfLast(), "old");
  SsoMachine late("2015-08-30T12:00:00Z");
  late.network.Answer(400, R"({"error": "invalid_grant"})");
  const auto refused = late.Chain()->Get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(refused.error().message.find("aws sso login"), std::string::npos);
  EXPECT_NE(refused.error().message.find("CreateToken"), std::string::npos);
  for (const char* secret : {"hush", "again", "old"}) {
    EXPECT_EQ(refused.error().message.find(secret), std::string::npos) << refused.error().message;
  }
  // Of a client whose registration ended nothing is asked.
  SsoMachine unknown("2015-08-30T12:00:00Z",
                     R"(, "registrationExpiresAt": "2015-08-01T00:00:00Z")");
  EXPECT_FALSE(unknown.Chain()->Get());
  EXPECT_TRUE(unknown.network.sent.empty());
}

TEST(CredentialChain, ARenewedSsoTokenIsUsedThoughItCannotBeKept) {
  SsoMachine machine("2015-08-30T12:00:00Z");
  std::filesystem::remove_all(machine.home);
  machine.AnswerToken();
  machine.AnswerKeys();
  ASSERT_TRUE(machine.Chain()->Get());
  EXPECT_EQ(machine.TokenOfLast(), "new");
}

TEST(CredentialChain, ContainersAreAskedWithTheirTokenAndOnlyNearby) {
  Machine machine;
  machine.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  machine.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/pod/token";
  machine.files["/pod/token"] = "pod-token\n";
  machine.network.Answer(200, R"({"AccessKeyId":"E","SecretAccessKey":"s","Token":"t",
      "Expiration":"2015-08-30T18:36:00Z"})");
  EXPECT_EQ(machine.Chain()->Get()->access_key_id, "E");
  EXPECT_EQ(http::FindHeader(machine.network.sent.at(0).headers, "Authorization"), "pod-token");
  for (const char* far : {"http://example.com/x", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/"}) {
    machine.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = far;
    EXPECT_EQ(machine.Chain()->Get().error().code, ErrorCode::kPermissionDenied);
  }
  EXPECT_EQ(machine.network.sent.size(), 1U);
  machine.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/me";
  machine.network.Answer(200, R"({"AccessKeyId":"R","SecretAccessKey":"s"})");
  EXPECT_EQ(machine.Chain()->Get()->access_key_id, "R");
  EXPECT_EQ(machine.network.sent.at(1).line, "GET http://169.254.170.2/v2/me");
}

TEST(Refreshing, FetchesAnewBeforeTheEndAndKeepsWhatIsValidWhileItCannot) {
  FakeClock clock{UtcMicros(kNow)};
  int fetches = 0;
  bool fails = false;
  const auto source = MakeRefreshing(clock, [&]() -> Result<Credentials> {
    if (fails) return Unavailable("sts is away");
    ++fetches;
    return Credentials{.access_key_id = std::to_string(fetches),
                       .secret_access_key = "s",
                       .session_token = "",
                       .expires = UtcMicros(clock.Now().value() + int64_t{3'600'000'000}),
                       .origin = "test"};
  });
  EXPECT_EQ(source->Get()->access_key_id, "1");
  clock.Advance(std::chrono::minutes(54));
  EXPECT_EQ(source->Get()->access_key_id, "1");
  fails = true;
  clock.Advance(std::chrono::minutes(2));
  EXPECT_EQ(source->Get()->access_key_id, "1");
  fails = false;
  // Those at hand are valid still: who gave none is left alone for a while.
  EXPECT_EQ(source->Get()->access_key_id, "1");
  clock.Advance(std::chrono::seconds(31));
  EXPECT_EQ(source->Get()->access_key_id, "2");
  fails = true;
  clock.Advance(std::chrono::minutes(61));
  EXPECT_EQ(source->Get().error().code, ErrorCode::kUnavailable);
}

struct Caller {
  Network network;
  FakeClock clock{UtcMicros(kNow)};
  Random random{7};
  int fetches = 0;
  std::unique_ptr<CredentialSource> keys =
      MakeRefreshing(clock, [this]() -> Result<Credentials> {
        return Credentials{.access_key_id = "K" + std::to_string(++fetches),
                           .secret_access_key = "hush",
                           .session_token = "",
                           .expires = std::nullopt,
                           .origin = "test"};
      });
  Service service{network, *keys, clock, random, nullptr,
                  {.name = "glue", .region = "us-east-1", .endpoint = {}, .retry = {}}};
};

TEST(Service, TriesAgainWhenThrottledOrCutOffAndSaysThatAnAttemptMayHaveActed) {
  Caller caller;
  caller.network.Answer(400, R"({"__type":"ThrottlingException","message":"slow"})");
  caller.network.Answer(200, "{}");
  const auto throttled = caller.service.Call({});
  ASSERT_TRUE(throttled);
  EXPECT_FALSE(throttled->may_have_acted_before);
  caller.network.answers.emplace_back(Unavailable("reset"));
  caller.network.Answer(200, "{}");
  const auto cut = caller.service.Call({});
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->may_have_acted_before);
  EXPECT_EQ(caller.network.sent.size(), 4u);
}

TEST(Service, KeepsThePathOfItsEndpoint) {
  Caller caller;
  Service behind(caller.network, *caller.keys, caller.clock, caller.random, nullptr,
                 {.name = "s3",
                  .region = "us-east-1",
                  .endpoint = "http://127.0.0.1:8080/lake/",
                  .retry = {}});
  caller.network.Answer(200, "");
  ASSERT_TRUE(behind.Call({.method = "GET", .path = "/bucket/key"}));
  EXPECT_EQ(caller.network.sent.at(0).line, "GET http://127.0.0.1:8080/lake/bucket/key");
}

TEST(Service, GivesUpAtTheLimitAndDoesNotRepeatWhatIsRefused) {
  Caller caller;
  for (int i = 0; i < 9; ++i) caller.network.Answer(503, "<Error><Code>SlowDown</Code></Error>");
  EXPECT_EQ(caller.service.Call({})->response.status, 503);
  EXPECT_EQ(caller.network.sent.size(), 6u);
  caller.network.answers.clear();
  caller.network.Answer(400, R"({"__type":"com.amazonaws.glue#AccessDeniedException"})");
  const auto denied = caller.service.Call({});
  EXPECT_EQ(caller.network.sent.size(), 7u);
  const Error error = ToError(denied->response, "glue:GetTable");
  EXPECT_EQ(error.code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(error.message.find("hush"), std::string::npos);
}

TEST(Service, SaysWhatToDoAboutThrottlingAndOutages) {
  const auto told = [](int status, std::string_view code) {
    http::Response response;
    response.status = status;
    response.body = R"({"__type":")" + std::string(code) + "\"}";
    const Error error = ToError(response, "PutRecords");
    EXPECT_EQ(error.code, ErrorCode::kUnavailable) << code;
    return error.message;
  };
  EXPECT_NE(told(400, "ProvisionedThroughputExceededException").find("add shards"),
            std::string::npos);
  EXPECT_NE(told(400, "LimitExceededException").find("raise the quota"), std::string::npos);
  EXPECT_NE(told(400, "ThrottlingException").find("fewer processes"), std::string::npos);
  EXPECT_NE(told(503, "SlowDown").find("fewer processes"), std::string::npos);
  EXPECT_NE(told(500, "InternalFailure").find("run it again later"), std::string::npos);
}

TEST(Service, SignsByTheServicesClockWhenOursIsOff) {
  Caller caller;
  caller.network.Answer(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>",
                        {{"Date", "Sun, 30 Aug 2015 14:36:00 GMT"}});
  caller.network.Answer(200, "{}");
  EXPECT_EQ(caller.service.Call({})->response.status, 200);
  EXPECT_EQ(http::FindHeader(caller.network.sent.at(1).headers, "X-Amz-Date"), "20150830T143600Z");
}

TEST(Service, FetchesNewKeysOnceWhenTheyExpired) {
  Caller caller;
  caller.network.Answer(400, R"({"__type":"ExpiredTokenException"})");
  caller.network.Answer(200, "{}");
  EXPECT_EQ(caller.service.Call({})->response.status, 200);
  EXPECT_EQ(caller.fetches, 2);
}

}  // namespace
}  // namespace daypart::aws
