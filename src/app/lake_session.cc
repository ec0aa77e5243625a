// SPDX-License-Identifier: Apache-2.0
//
// Wiring: a directory or S3, a SQLite file or Glue. AWS is spoken to only when a location or the
// catalog is there.
#include "app/lake_session.h"

#include <cstdlib>
#include <filesystem>

#include "catalog/glue_catalog.h"
#include "catalog/sqlite_catalog.h"
#include "store/cached_store.h"
#include "store/directory_store.h"
#include "store/s3_store.h"
#include "store/scheme_store.h"

namespace daypart::app {

std::string LakeSession::Region(const std::string& configured) const {
  if (!configured.empty()) return configured;
  if (!config_.store_region.empty()) return config_.store_region;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  const std::string of_profile =
      aws::RegionOfProfile(aws::RealSurroundings(), config_.aws_profile);
  return of_profile.empty() ? "us-east-1" : of_profile;
}

Result<aws::Endpoint> LakeSession::Endpoint(const std::string& configured,
                                            const std::string& service,
                                            const std::string& region) const {
  return aws::FindEndpoint(aws::RealSurroundings(), {.service = service,
                                                     .region = region,
                                                     .configured = configured,
                                                     .profile = config_.aws_profile});
}

Result<store::S3Options> LakeSession::S3OptionsOf() const {
  store::S3Options options;
  options.region = Region(config_.store_region);
  DAYPART_TRY(const auto endpoint, Endpoint(config_.store_endpoint, "s3", options.region));
  options.endpoint = endpoint.url;
  // Servers that are not AWS's seldom have a name for each bucket.
  options.is_path_style = config_.store_is_path_style.value_or(!endpoint.is_aws);
  options.is_requester_paying = config_.store_is_requester_paying;
  options.encryption = config_.store_encryption;
  options.kms_key_id = config_.store_kms_key;
  return options;
}

Status LakeSession::OpenStore(const CancelToken& cancel) {
  const char* ca_file = std::getenv("AWS_CA_BUNDLE");
  http_ = http::MakeClient({.ca_file = ca_file == nullptr ? "" : ca_file});
  credentials_ = aws::MakeCredentialChain(*http_, clock_, aws::RealSurroundings(),
                                          {.profile = config_.aws_profile,
                                           .region = Region(""),
                                           .sts_endpoint = config_.sts_endpoint});
  store_ = store::MakeSchemeStore(
      store::MakeDirectoryStore(),
      [this, &cancel]() -> Result<std::unique_ptr<store::ObjectStore>> {
        DAYPART_TRY(auto options, S3OptionsOf());
        auto s3 = store::MakeS3Store({.http = *http_,
                                      .credentials = *credentials_,
                                      .clock = clock_,
                                      .random = random_,
                                      .cancel = &cancel},
                                     std::move(options));
        return store::MakeCachedStore(
            std::move(s3), {.directory = config_.cache_directory.string(),
                            .bytes_max = static_cast<uint64_t>(config_.cache_bytes_max)});
      });
  return Ok();
}

Status LakeSession::OpenCatalog(bool read_only, const CancelToken& cancel) {
  const bool is_never_asked = config_.catalog_kind == kNoCatalog;
  if (config_.catalog_kind == "glue" || is_never_asked) {
    const std::string region = Region(config_.glue_region);
    auto endpoint = Endpoint(config_.glue_endpoint, "glue", region);
    if (!endpoint && !is_never_asked) return std::move(endpoint).error();
    auto glue = catalog::OpenGlueCatalog({.http = *http_,
                                         .credentials = *credentials_,
                                         .clock = clock_,
                                         .random = random_,
                                         .store = *store_,
                                         .cancel = &cancel},
                                        {.region = region,
                                         .endpoint = endpoint ? endpoint->url : "",
                                         .catalog_id = config_.glue_catalog_id,
                                         .projects_partitions = config_.projects_partitions,
                                         .retry = {}});
    raw_catalog_ = glue.get();
    catalog_ = std::move(glue);
    return Ok();
  }
  DAYPART_TRY(auto sqlite, catalog::OpenSqliteCatalog({.path = config_.catalog_path.string(),
                                                       .catalog_name = config_.catalog_name,
                                                       .read_only = read_only}));
  raw_catalog_ = sqlite.get();
  catalog_ = std::move(sqlite);
  return Ok();
}

Result<std::unique_ptr<LakeSession>> LakeSession::Open(Config config, bool read_only,
                                                       const CancelToken& cancel) {
  std::unique_ptr<LakeSession> session(new LakeSession(std::move(config)));
  const Config& settings = session->config_;
  std::error_code error;
  if (!read_only) {
    std::filesystem::create_directories(settings.lake_directory, error);
    if (error) {
      return SystemError("making the lake's folder " + settings.lake_directory.string(),
                         error.value());
    }
  }
  DAYPART_RETURN_IF_ERROR(session->OpenStore(cancel));
  DAYPART_RETURN_IF_ERROR(session->OpenCatalog(read_only, cancel));
  session->context_ = std::make_unique<lake::LakeContext>(lake::LakeContext{
      *session->store_, *session->catalog_, session->clock_, session->random_, cancel,
      settings.is_on_s3() ? settings.store_location
                          : "file://" + settings.lake_directory.string(),
      &session->cache_});
  session->context_->turns = &session->turns_;
  return session;
}

std::string LakeSession::LakeLocation(std::string_view path) const {
  if (path.find("://") != std::string_view::npos) return std::string(path);
  if (config_.is_on_s3()) {
    const auto relative = std::filesystem::path(path).lexically_normal().relative_path();
    return config_.store_location + '/' + relative.string();
  }
  const std::filesystem::path full = (config_.lake_directory / path).lexically_normal();
  return "file://" + full.string();
}

std::string LakeSession::LocationOf(std::string_view path) const {
  if (path.find("://") != std::string_view::npos) return std::string(path);
  std::error_code error;
  const std::filesystem::path here = std::filesystem::absolute(path, error).lexically_normal();
  if (std::filesystem::exists(here, error)) return "file://" + here.string();
  const bool is_in_lake =
      config_.is_on_s3() ? !path.starts_with('/')
                         : std::filesystem::exists(config_.lake_directory / path, error);
  return is_in_lake ? LakeLocation(path) : "file://" + here.string();
}

}  // namespace daypart::app
