// SPDX-License-Identifier: Apache-2.0
//
// Checks of the machine: the embedded default needs nothing else.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "app/doctor.h"
#include "app/kinesis_place.h"
#include "app/output.h"
#include "catalog/sqlite_catalog.h"
#include "query/engine.h"

namespace daypart::app {
namespace {

/// Below it a load of any size may fail half-way.
constexpr uintmax_t kSpaceBytesMin = uintmax_t{512} << 20;
/// A file system whose clock is further off than this is another machine's.
constexpr int64_t kFileSkewSecondsMax = 60;
constexpr int64_t kYear2024 = 1'704'067'200;

std::string Reason(int number) { return std::strerror(number); }

/// Writes, syncs and locks a file of its own in the folder, and takes it away again.
void ExamineFolder(const std::filesystem::path& folder, const std::string& service,
                   bool is_locked, Findings& findings) {
  const std::string name = folder.string();
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    findings.Failed(service, "folder", name + " is not there",
                    "make it: daypart init, or mkdir -p " + name);
    return;
  }
  const std::filesystem::path probe = folder / (".daypart-doctor-" + std::to_string(getpid()));
  const int file = open(probe.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    findings.Failed(service, "write", "writing in " + name + ": " + Reason(errno),
                    "let this user write there: chown or chmod, or mount it writable");
    return;
  }
  const char byte = 'x';
  const bool is_durable = write(file, &byte, 1) == 1 && fsync(file) == 0;
  if (is_durable) {
    findings.Fine(service, "write", name);
  } else {
    findings.Failed(service, "write", "fsync in " + name + ": " + Reason(errno),
                    "use a file system with room that can fsync");
  }
  struct stat status {};
  const int64_t now = static_cast<int64_t>(time(nullptr));
  if (fstat(file, &status) == 0 && is_locked) {
    const int64_t off = static_cast<int64_t>(status.st_mtime) - now;
    if (std::abs(off) > kFileSkewSecondsMax || now < kYear2024) {
      findings.Failed(service, "clock",
                      "the clock of " + name + " is " + std::to_string(off) +
                          " s ahead of this machine's, which says " + std::to_string(now),
                      "set the clock: timedatectl set-ntp true");
    } else {
      findings.Fine(service, "clock", "as the file system's");
    }
    const int second = open(probe.c_str(), O_RDWR | O_CLOEXEC);
    const bool is_first_locked = flock(file, LOCK_EX | LOCK_NB) == 0;
    const bool is_second_locked = second >= 0 && flock(second, LOCK_EX | LOCK_NB) == 0;
    if (is_first_locked && !is_second_locked) {
      findings.Fine(service, "lock", "file locks keep a second writer out");
    } else {
      findings.Failed(service, "lock",
                      is_first_locked ? "a second lock was granted" : "locking: " + Reason(errno),
                      "put the lake on a file system with locks (not on NFS mounted nolock)");
    }
    if (second >= 0) close(second);
  }
  close(file);
  unlink(probe.c_str());
}

void ExamineSpace(const std::filesystem::path& folder, Findings& findings) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error) return;  // the folder's own check has told it
  const std::string found = FormatBytes(static_cast<int64_t>(space.available)) + " free";
  if (space.available < kSpaceBytesMin) {
    findings.Failed("lake", "space", found, "make room: daypart maintain expire, or another disk");
  } else {
    findings.Fine("lake", "space", found);
  }
}

void ExamineCatalogFile(const Config& config, Findings& findings) {
  const std::string path = config.catalog_path.string();
  const auto catalog = catalog::OpenSqliteCatalog(
      {.path = path, .catalog_name = config.catalog_name, .read_only = true});
  if (!catalog) {
    const bool is_absent = catalog.error().code == ErrorCode::kNotFound;
    findings.Failed("catalog", "open", catalog.error().message,
                    is_absent ? "make it: daypart init" : "restore it from a backup");
    return;
  }
  const auto databases = (*catalog)->ListDatabases();
  if (!databases) {
    findings.Failed("catalog", "read", databases.error().message, "restore it from a backup");
    return;
  }
  size_t tables_count = 0;
  for (const std::string& database : *databases) {
    const auto tables = (*catalog)->ListTables(database);
    if (tables) tables_count += tables->size();
  }
  findings.Fine("catalog", "read",
                path + ", " + std::to_string(databases->size()) + " databases, " +
                    std::to_string(tables_count) + " tables");
  if (access(path.c_str(), W_OK) != 0) {
    findings.Failed("catalog", "write", path + ": " + Reason(errno),
                    "let this user write the file and its folder");
  }
}

}  // namespace

void ExamineMachine(const Config& config, Findings& findings) {
  const bool is_local = !config.is_on_s3() || config.catalog_kind == "sqlite";
  if (is_local) {
    ExamineFolder(config.lake_directory, "lake", true, findings);
    ExamineSpace(config.lake_directory, findings);
  }
  if (config.catalog_kind == "sqlite") ExamineCatalogFile(config, findings);
  if (config.is_on_s3()) {
    std::error_code error;
    // It is made at the first read.
    if (std::filesystem::exists(config.cache_directory, error)) {
      ExamineFolder(config.cache_directory, "cache", false, findings);
    }
  }
  std::error_code error;
  if (std::filesystem::is_directory(config.sql_directory, error)) {
    findings.Fine("sql", "folder", config.sql_directory.string());
  } else {
    findings.Failed("sql", "folder", config.sql_directory.string() + " is not there",
                    "daypart init lays out the saved queries and pipelines");
  }
  for (const auto& [name, stream] : config.streams) {
    if (stream.source.empty() || KinesisStreamOf(stream.source)) continue;
    if (stream.source.find("://") != std::string::npos) continue;
    const std::filesystem::path folder = config.lake_directory / stream.source;
    if (config.is_on_s3() || std::filesystem::is_directory(folder, error)) {
      findings.Fine("stream " + name, "folder", stream.source);
    } else {
      findings.Failed("stream " + name, "folder", folder.string() + " is not there",
                      "make it, or correct stream." + name + ".source");
    }
  }
}

}  // namespace daypart::app
