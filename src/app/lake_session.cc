// SPDX-License-Identifier: Apache-2.0
//
// Wiring of the embedded profile: a directory and a SQLite file.
#include "app/lake_session.h"

#include <filesystem>

#include "store/directory_store.h"

namespace daypart::app {

Result<std::unique_ptr<LakeSession>> LakeSession::Open(Config config, bool read_only,
                                                       const CancelToken& cancel) {
  std::unique_ptr<LakeSession> session(new LakeSession(std::move(config)));
  session->store_ = store::MakeDirectoryStore();
  std::error_code error;
  if (!read_only) {
    std::filesystem::create_directories(session->config_.lake_directory, error);
    if (error) {
      return SystemError("making the lake's folder " + session->config_.lake_directory.string(),
                         error.value());
    }
  }
  DAYPART_TRY(session->catalog_,
              catalog::OpenSqliteCatalog({.path = session->config_.catalog_path.string(),
                                          .catalog_name = session->config_.catalog_name,
                                          .read_only = read_only}));
  session->context_ = std::make_unique<lake::LakeContext>(
      lake::LakeContext{*session->store_, *session->catalog_, session->clock_, session->random_,
                        cancel, "file://" + session->config_.lake_directory.string(),
                        &session->cache_});
  return session;
}

std::string LakeSession::LakeLocation(std::string_view path) const {
  if (path.find("://") != std::string_view::npos) return std::string(path);
  const std::filesystem::path full = (config_.lake_directory / path).lexically_normal();
  return "file://" + full.string();
}

std::string LakeSession::LocationOf(std::string_view path) const {
  if (path.find("://") != std::string_view::npos) return std::string(path);
  std::error_code error;
  const std::filesystem::path here = std::filesystem::absolute(path, error).lexically_normal();
  if (!std::filesystem::exists(here, error) &&
      std::filesystem::exists(config_.lake_directory / path, error)) {
    return LakeLocation(path);
  }
  return "file://" + here.string();
}

}  // namespace daypart::app
