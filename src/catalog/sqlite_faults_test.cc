// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong around the catalog's file: other processes, damage, permissions, failing disks.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "catalog/sqlite_catalog.h"

namespace daypart::catalog {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const TableName kAds = {.database = "media", .table = "ad_revenue"};

class SqliteFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static std::atomic<int> count{0};
    // A public place, because some tests read it as another user.
    folder_ = fs::path(testing::TempDir()) / fmt::format("faults_{}_{}", getpid(), ++count);
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::all);
    path_ = (folder_ / "catalog.db").string();
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::all);
    fs::remove_all(folder_);
  }

  Result<std::unique_ptr<SqliteCatalog>> Open(bool read_only = false, int busy_ms = 10'000) {
    return OpenSqliteCatalog({.path = path_, .read_only = read_only, .busy_ms = busy_ms});
  }
  void MakeCatalogWithTable() {
    const auto catalog = Open();
    ASSERT_TRUE(catalog) << catalog.error().message;
    ASSERT_TRUE((*catalog)->CreateDatabase("media", {}));
    ASSERT_TRUE((*catalog)->CreateTable(kAds, "0"));
  }
  void Sql(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  fs::path folder_;
  std::string path_;
};

/// Runs `work` in a process of its own. returns: its exit code.
int InProcess(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/// As InProcess, as a user whom file permissions bind (root they do not).
int AsPlainUser(const std::function<int()>& work) {
  return InProcess([&work] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 254;
    return work();
  });
}

TEST_F(SqliteFaultsTest, LosesNoCommitOfTwoProcesses) {
  MakeCatalogWithTable();
  constexpr int kProcesses = 3;
  constexpr int kCommits = 40;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = fork();
    if (child == 0) {
      auto catalog = OpenSqliteCatalog({.path = path_});
      if (!catalog) _exit(100);
      for (int done = 0; done < kCommits;) {
        const auto current = (*catalog)->MetadataLocation(kAds);
        if (!current) _exit(101);
        const std::string next = std::to_string(std::stoi(*current) + 1);
        const Status swapped = (*catalog)->CompareAndSwap(kAds, *current, next);
        if (swapped) ++done;
        if (!swapped && swapped.error().code != ErrorCode::kConflict) _exit(102);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(*(*Open())->MetadataLocation(kAds), std::to_string(kProcesses * kCommits));
}

TEST_F(SqliteFaultsTest, ManyProcessesMayCreateTheFileAtOnce) {
  std::vector<pid_t> children;
  for (int p = 0; p < 4; ++p) {
    const pid_t child = fork();
    if (child == 0) {
      auto catalog = OpenSqliteCatalog({.path = path_});
      if (!catalog) _exit(1);
      const Status created = (*catalog)->CreateDatabase("media", {});
      _exit(created ? 10 : created.error().code == ErrorCode::kAlreadyExists ? 11 : 2);
    }
    children.push_back(child);
  }
  int created_count = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_GE(WEXITSTATUS(status), 10);
    if (WEXITSTATUS(status) == 10) ++created_count;
  }
  EXPECT_EQ(created_count, 1);
}

TEST_F(SqliteFaultsTest, SaysUnavailableWhileAnotherProgramHoldsTheFile) {
  MakeCatalogWithTable();
  const auto catalog = Open(/*read_only=*/false, /*busy_ms=*/1);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  const Status swapped = (*catalog)->CompareAndSwap(kAds, "0", "1");
  EXPECT_EQ(swapped.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ((*catalog)->MetadataLocation(kAds).error().code, ErrorCode::kUnavailable);
  sqlite3_close(other);
  EXPECT_TRUE((*catalog)->CompareAndSwap(kAds, "0", "1"));
}

TEST_F(SqliteFaultsTest, ReaderThatBlocksTheCommitMakesItUnavailableNotUnknown) {
  MakeCatalogWithTable();
  const auto catalog = Open(/*read_only=*/false, /*busy_ms=*/1);
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &reader), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT * FROM iceberg_tables", nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_EQ((*catalog)->CompareAndSwap(kAds, "0", "1").error().code, ErrorCode::kUnavailable);
  sqlite3_close(reader);
  EXPECT_EQ(*(*catalog)->MetadataLocation(kAds), "0");
  EXPECT_TRUE((*catalog)->CompareAndSwap(kAds, "0", "1"));
}

TEST_F(SqliteFaultsTest, NamesAFileThatIsNoDatabase) {
  std::ofstream(path_) << std::string(4096, 'x');
  const auto catalog = Open();
  ASSERT_FALSE(catalog);
  EXPECT_EQ(catalog.error().code, ErrorCode::kCorruptData);
  EXPECT_THAT(catalog.error().message, HasSubstr(path_));
}

TEST_F(SqliteFaultsTest, NamesADamagedFileAndTheWayOut) {
  MakeCatalogWithTable();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);  // All pages but the first, which has the header and the layout.
    file << std::string(fs::file_size(path_) - 4096, '\xEE');
  }
  const auto catalog = Open();
  ASSERT_TRUE(catalog) << catalog.error().message;
  const auto location = (*catalog)->MetadataLocation(kAds);
  ASSERT_FALSE(location);
  EXPECT_EQ(location.error().code, ErrorCode::kCorruptData);
  EXPECT_THAT(location.error().message, HasSubstr(path_));
  EXPECT_THAT(location.error().message, HasSubstr(".recover"));
}

TEST_F(SqliteFaultsTest, RefusesDirectoriesMissingFoldersAndEmptyPaths) {
  EXPECT_EQ(OpenSqliteCatalog({.path = folder_.string()}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(OpenSqliteCatalog({.path = ""}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(OpenSqliteCatalog({.path = path_ + "/no/catalog.db"}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(Open(/*read_only=*/true).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SqliteFaultsTest, TakesPathsWithCharactersOfUris) {
  path_ = (folder_ / "a?b#c %41.db").string();
  MakeCatalogWithTable();
  EXPECT_TRUE(fs::exists(path_));
  EXPECT_EQ(*(*Open(true))->MetadataLocation(kAds), "0");
}

TEST_F(SqliteFaultsTest, ReadOnlyReadsAndDoesNotWrite) {
  MakeCatalogWithTable();
  const auto catalog = Open(/*read_only=*/true);
  ASSERT_TRUE(catalog);
  EXPECT_EQ(*(*catalog)->MetadataLocation(kAds), "0");
  EXPECT_EQ((*catalog)->CompareAndSwap(kAds, "0", "1").error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ((*catalog)->DropTable(kAds).error().code, ErrorCode::kPermissionDenied);
}

TEST_F(SqliteFaultsTest, ReadOnlyReadsAnotherProgramsFileWithoutRawTables) {
  MakeCatalogWithTable();
  Sql("DROP TABLE daypart_raw_tables");
  const auto catalog = Open(/*read_only=*/true);
  ASSERT_TRUE(catalog) << catalog.error().message;
  EXPECT_TRUE((*catalog)->ListRawTables("media_raw")->empty());
  EXPECT_EQ((*catalog)->GetRawTable(kAds).error().code, ErrorCode::kNotFound);
  Sql("DROP TABLE iceberg_tables");
  EXPECT_EQ(Open(/*read_only=*/true).error().code, ErrorCode::kNotFound);
}

TEST_F(SqliteFaultsTest, ReadsAFolderThatCannotBeWritten) {
  MakeCatalogWithTable();
  fs::permissions(path_, fs::perms::owner_read | fs::perms::others_read);
  fs::permissions(folder_, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  EXPECT_EQ(AsPlainUser([this] {
              const auto catalog = Open(/*read_only=*/true);
              if (!catalog) return 1;
              return (*catalog)->MetadataLocation(kAds).value_or("") == "0" ? 0 : 2;
            }),
            0);
}

TEST_F(SqliteFaultsTest, ReadsAWalFileInAFolderThatCannotBeWritten) {
  MakeCatalogWithTable();
  Sql("PRAGMA journal_mode=WAL");
  fs::permissions(path_, fs::perms::owner_read | fs::perms::others_read);
  fs::permissions(folder_, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  EXPECT_EQ(AsPlainUser([this] {
              const auto catalog = Open(/*read_only=*/true);
              if (!catalog) return 1;
              return (*catalog)->MetadataLocation(kAds).value_or("") == "0" ? 0 : 2;
            }),
            0);
}

TEST_F(SqliteFaultsTest, WritingWhereOnlyReadingIsPermittedIsPermissionDenied) {
  MakeCatalogWithTable();
  fs::permissions(path_, fs::perms::owner_read | fs::perms::others_read);
  fs::permissions(folder_, fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  EXPECT_EQ(AsPlainUser([this] {
              const auto catalog = Open();
              if (!catalog) return 1;
              const Status swapped = (*catalog)->CompareAndSwap(kAds, "0", "1");
              return !swapped && swapped.error().code == ErrorCode::kPermissionDenied ? 0 : 2;
            }),
            0);
  fs::permissions(path_,
                  fs::perms::all);  // The file may be written, but no journal made beside it.
  EXPECT_EQ(AsPlainUser([this] {
              const auto catalog = Open();
              if (!catalog) return 1;
              const Status swapped = (*catalog)->CompareAndSwap(kAds, "0", "1");
              return !swapped && swapped.error().code == ErrorCode::kPermissionDenied ? 0 : 2;
            }),
            0);
}

TEST_F(SqliteFaultsTest, WorksWithAFileInWalMode) {
  MakeCatalogWithTable();
  Sql("PRAGMA journal_mode=WAL");
  const auto catalog = Open();
  ASSERT_TRUE((*catalog)->CompareAndSwap(kAds, "0", "1"));
  EXPECT_EQ(*(*Open(true))->MetadataLocation(kAds), "1");
}

/// Where SQLite's own file system fails: at the removal of the journal, which is the instant of a
/// commit, before or after it was done; or at each write, as on a full disk.
enum class DiskFault { kNone, kJournalStays, kJournalRemovedButError, kFull };
DiskFault disk_fault = DiskFault::kNone;
sqlite3_vfs* plain_vfs = nullptr;
const sqlite3_io_methods* plain_methods = nullptr;
sqlite3_io_methods faulty_methods;

int RemoveFile(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  const bool is_journal = std::string_view(name).ends_with("-journal");
  if (is_journal && disk_fault == DiskFault::kJournalStays) return SQLITE_IOERR_DELETE;
  const int code = plain_vfs->xDelete(vfs, name, sync_folder);
  if (is_journal && disk_fault == DiskFault::kJournalRemovedButError) return SQLITE_IOERR_DELETE;
  return code;
}

int WriteFile(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  if (disk_fault == DiskFault::kFull) return SQLITE_FULL;
  return plain_methods->xWrite(file, bytes, count, offset);
}

int OpenFile(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = plain_vfs->xOpen(vfs, name, file, flags, out_flags);
  if (code != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return code;
  plain_methods = file->pMethods;
  faulty_methods = *plain_methods;
  faulty_methods.xWrite = WriteFile;
  file->pMethods = &faulty_methods;
  return code;
}

class DiskFaultTest : public SqliteFaultsTest {
 protected:
  void SetUp() override {
    SqliteFaultsTest::SetUp();
    sqlite3_initialize();
    plain_vfs = sqlite3_vfs_find(nullptr);
    faulty_vfs_ = *plain_vfs;
    faulty_vfs_.zName = "faulty";
    faulty_vfs_.xDelete = RemoveFile;
    faulty_vfs_.xOpen = OpenFile;
    faulty_vfs_.pNext = nullptr;
    sqlite3_vfs_register(&faulty_vfs_, 1);
  }
  void TearDown() override {
    disk_fault = DiskFault::kNone;
    sqlite3_vfs_unregister(&faulty_vfs_);
    sqlite3_vfs_register(plain_vfs, 1);
    SqliteFaultsTest::TearDown();
  }
  sqlite3_vfs faulty_vfs_{};
};

TEST_F(DiskFaultTest, ACommitThatFailsHalfWayIsUnknown) {
  MakeCatalogWithTable();
  for (const auto fault : {DiskFault::kJournalStays, DiskFault::kJournalRemovedButError}) {
    const auto catalog = Open();
    const std::string before = *(*catalog)->MetadataLocation(kAds);
    disk_fault = fault;
    const Status swapped = (*catalog)->CompareAndSwap(kAds, before, before + "+");
    disk_fault = DiskFault::kNone;
    ASSERT_FALSE(swapped);
    EXPECT_EQ(swapped.error().code, ErrorCode::kCommitUnknown);
    // Either is right, and which one it was can be looked up.
    const auto after = (*Open())->MetadataLocation(kAds);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_TRUE(*after == before || *after == before + "+") << *after;
  }
}

TEST_F(DiskFaultTest, AFullDiskIsResourceExhaustedAndChangesNothing) {
  MakeCatalogWithTable();
  const auto catalog = Open();
  disk_fault = DiskFault::kFull;
  const Status swapped = (*catalog)->CompareAndSwap(kAds, "0", "1");
  disk_fault = DiskFault::kNone;
  ASSERT_FALSE(swapped);
  EXPECT_EQ(swapped.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(*(*catalog)->MetadataLocation(kAds), "0");
  EXPECT_TRUE((*catalog)->CompareAndSwap(kAds, "0", "1"));
}

}  // namespace
}  // namespace daypart::catalog
