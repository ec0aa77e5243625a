// SPDX-License-Identifier: Apache-2.0
//
// daypart init: a folder with daypart.toml and an empty lake, in the folder or on S3. What is there
// already is never replaced.
#include <algorithm>
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

/// A value that can stand between quotes of TOML.
Status CheckPlain(const std::string& option, const std::string& value) {
  const bool is_plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return c >= ' ' && c != '"' && c != '\\' && c != 0x7f;
  });
  if (is_plain) return Ok();
  return InvalidArgument(option + ": no quotes, backslashes or control characters are expected");
}

/// The default text, or with the sections of a lake on S3.
Result<std::string> ConfigTextFor(const InitArguments& arguments) {
  std::string text(DefaultConfigText());
  if (arguments.warehouse.empty()) return text;
  if (!arguments.warehouse.starts_with("s3://") || arguments.warehouse.size() < 6) {
    return InvalidArgument("--warehouse: s3://bucket/prefix is expected, found '" +
                           arguments.warehouse + "'");
  }
  DAYPART_RETURN_IF_ERROR(CheckPlain("--warehouse", arguments.warehouse));
  DAYPART_RETURN_IF_ERROR(CheckPlain("--endpoint", arguments.endpoint));
  constexpr std::string_view kSection = "# [store]";
  constexpr std::string_view kLocation = "# location = \"s3://bucket/prefix\"\n";
  std::string location = "location = \"" + arguments.warehouse + "\"\n";
  if (!arguments.endpoint.empty()) location += "endpoint = \"" + arguments.endpoint + "\"\n";
  text.replace(text.find(kLocation), kLocation.size(), location);
  text.replace(text.find(kSection), 2, "");
  constexpr std::string_view kCatalog = "[catalog]\n";
  if (arguments.is_in_glue) {
    text.insert(text.find(kCatalog) + kCatalog.size(), "kind = \"glue\"\n");
  }
  return text;
}

/// Asks once for what is there, so that a wrong bucket or key is told now.
Status CheckReachable(LakeSession& session) {
  if (!session.config().is_on_s3()) return Ok();
  auto listed = session.store().List(session.LakeLocation("metadata/daypart-init"));
  if (listed) return Ok();
  return std::move(listed).error();
}

/// The lake that the file describes: its store and its first database.
Status MakeLake(const std::filesystem::path& file) {
  Config config;
  DAYPART_TRY(config, LoadConfig(file));
  const CancelToken never;
  DAYPART_TRY(const auto session, LakeSession::Open(std::move(config), false, never));
  DAYPART_RETURN_IF_ERROR(CheckReachable(*session));
  Status database = session->catalog().CreateDatabase("media", {});
  if (!database && database.error().code != ErrorCode::kAlreadyExists) {
    return std::move(database).error();
  }
  return Ok();
}

}  // namespace

Result<int> RunInit(const InitArguments& arguments, const OutputOptions& output) {
  const std::filesystem::path folder = arguments.folder;
  DAYPART_TRY(const std::string wanted, ConfigTextFor(arguments));
  std::error_code error;
  const bool has_folder = std::filesystem::exists(folder, error);
  const bool has_lake = std::filesystem::exists(folder / "lake", error);
  const bool has_cache = std::filesystem::exists(folder / ".daypart-cache", error);
  std::filesystem::create_directories(folder / "lake", error);
  if (error) return SystemError("making " + (folder / "lake").string(), error.value());
  const std::filesystem::path file = folder / "daypart.toml";
  const bool is_new = !std::filesystem::exists(file, error);
  if (is_new) {
    std::ofstream out(file);
    out << wanted;
    if (!out.flush()) return SystemError("writing " + file.string(), errno);
  } else {
    std::ifstream present(file);
    const std::string text{std::istreambuf_iterator<char>(present), {}};
    if (text != wanted) {
      return AlreadyExists(file.string() +
                           " is there already and differs from what would be written; it stays "
                           "as it is");
    }
  }
  if (Status made = MakeLake(file); !made) {
    // The next init is free to name another place. What was there before stays.
    if (is_new) std::filesystem::remove(file, error);
    if (!has_lake) std::filesystem::remove_all(folder / "lake", error);
    if (!has_cache) std::filesystem::remove_all(folder / ".daypart-cache", error);
    if (!has_folder) std::filesystem::remove_all(folder, error);
    return std::move(made).error();
  }
  DAYPART_RETURN_IF_ERROR(WriteSqlFiles(folder));
  if (!output.is_quiet) {
    PrintLine("made " + file.string() + " and " +
              (arguments.warehouse.empty() ? (folder / "lake").string() : arguments.warehouse));
    PrintLine((arguments.folder == "." ? "next: " : "next: cd " + arguments.folder + "; ") +
              std::string("daypart load media.TABLE FILE.csv"));
  }
  return kExitDone;
}

}  // namespace daypart::app
