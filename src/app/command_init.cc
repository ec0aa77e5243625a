// SPDX-License-Identifier: Apache-2.0
//
// daypart init: a folder with daypart.toml and an empty lake. What is there already is never
// replaced.
#include <cerrno>
#include <fstream>
#include <iterator>

#include "app/commands.h"
#include "app/sql_files.h"

namespace daypart::app {
namespace {

/// Lays out sql/: files that are there stay as their owner has them.
Status WriteSqlFiles(const std::filesystem::path& folder) {
  for (size_t i = 0; i < kSqlFilesCount; ++i) {
    const std::filesystem::path path = folder / kSqlFiles[i].path;
    std::error_code error;
    if (std::filesystem::exists(path, error)) continue;
    std::filesystem::create_directories(path.parent_path(), error);
    std::ofstream out(path);
    out << kSqlFiles[i].text;
    if (!out.flush()) return SystemError("writing " + path.string(), errno);
  }
  return Ok();
}

}  // namespace

Result<int> RunInit(const std::filesystem::path& folder, const OutputOptions& output) {
  std::error_code error;
  std::filesystem::create_directories(folder / "lake", error);
  if (error) return SystemError("making " + (folder / "lake").string(), error.value());
  const std::filesystem::path file = folder / "daypart.toml";
  if (std::filesystem::exists(file, error)) {
    std::ifstream present(file);
    const std::string text{std::istreambuf_iterator<char>(present), {}};
    if (text != DefaultConfigText()) {
      return AlreadyExists(file.string() +
                           " is there already and differs from the default; it stays "
                           "as it is");
    }
  } else {
    std::ofstream out(file);
    out << DefaultConfigText();
    if (!out.flush()) return SystemError("writing " + file.string(), errno);
  }
  DAYPART_RETURN_IF_ERROR(WriteSqlFiles(folder));
  Config config;
  DAYPART_TRY(config, LoadConfig(file));
  const CancelToken never;
  DAYPART_TRY(const auto session, LakeSession::Open(std::move(config), false, never));
  Status database = session->catalog().CreateDatabase("media", {});
  if (!database && database.error().code != ErrorCode::kAlreadyExists) {
    return std::move(database).error();
  }
  if (!output.is_quiet) {
    PrintLine("made " + file.string() + " and " + (folder / "lake").string());
    PrintLine("next: daypart load media.TABLE FILE.csv");
  }
  return kExitDone;
}

}  // namespace daypart::app
