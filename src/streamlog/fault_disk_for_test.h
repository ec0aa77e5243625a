// SPDX-License-Identifier: Apache-2.0
//
// FaultDisk: the real disk with faults on order. It knows what of each file a sync has covered, so
// that a test can let the machine crash: of what no sync covered a random part stays, with holes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "streamlog/disk.h"

namespace daypart::streamlog {

class FaultDisk final : public Disk {
 public:
  /// Of the calls from now on the n-th (0: the next) fails.
  void FailSync(int calls_before) { Set(sync_fails_, calls_before); }
  void FailWriteFull(int calls_before) { Set(write_fails_, calls_before); }
  /// The machine is gone: every call fails, nothing reaches the files any more.
  void Kill() {
    const std::lock_guard lock(mutex_);
    is_dead_ = true;
  }

  /// What the files hold after the machine came back.
  void Crash(std::mt19937_64& chance) {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, synced] : synced_bytes_) {
      std::error_code error;
      const uint64_t bytes = std::filesystem::file_size(path, error);
      if (error || bytes <= synced) continue;
      const uint64_t kept = synced + chance() % (bytes - synced + 1);
      std::filesystem::resize_file(path, kept);
      PunchHoles(path, synced, kept, chance);
    }
    synced_bytes_.clear();
    is_dead_ = false;
  }

  Result<std::unique_ptr<LogFile>> Create(const std::string& path) override {
    DAYPART_RETURN_IF_ERROR(CheckAlive());
    DAYPART_TRY(auto file, disk_->Create(path));
    const std::lock_guard lock(mutex_);
    synced_bytes_[path] = 0;
    return std::unique_ptr<LogFile>(std::make_unique<File>(*this, path, std::move(file), 0));
  }
  Result<std::unique_ptr<LogFile>> Open(const std::string& path) override {
    DAYPART_RETURN_IF_ERROR(CheckAlive());
    DAYPART_TRY(auto file, disk_->Open(path));
    const uint64_t bytes = std::filesystem::file_size(path);
    const std::lock_guard lock(mutex_);
    synced_bytes_[path] = bytes;
    return std::unique_ptr<LogFile>(std::make_unique<File>(*this, path, std::move(file), bytes));
  }
  Status Rename(const std::string& from, const std::string& to) override {
    DAYPART_RETURN_IF_ERROR(CheckAlive());
    const std::lock_guard lock(mutex_);
    synced_bytes_.erase(from);
    return disk_->Rename(from, to);
  }
  Status Remove(const std::string& path) override {
    DAYPART_RETURN_IF_ERROR(CheckAlive());
    const std::lock_guard lock(mutex_);
    synced_bytes_.erase(path);
    return disk_->Remove(path);
  }
  Status MakeFolders(const std::string& folder) override {
    DAYPART_RETURN_IF_ERROR(CheckAlive());
    return disk_->MakeFolders(folder);
  }
  Status SyncFolder(const std::string& folder) override {
    DAYPART_RETURN_IF_ERROR(CheckAlive());
    return disk_->SyncFolder(folder);
  }

 private:
  class File final : public LogFile {
   public:
    File(FaultDisk& disk, std::string path, std::unique_ptr<LogFile> file, uint64_t bytes)
        : disk_(disk), path_(std::move(path)), file_(std::move(file)), bytes_(bytes) {}

    Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
      DAYPART_RETURN_IF_ERROR(disk_.CheckAlive());
      if (disk_.IsDue(disk_.write_fails_)) {
        // A full disk takes a part.
        DAYPART_RETURN_IF_ERROR(file_->WriteAt(offset, bytes.first(bytes.size() / 2)));
        return ResourceExhausted("writing " + path_ + ": no space left on device (injected)");
      }
      DAYPART_RETURN_IF_ERROR(file_->WriteAt(offset, bytes));
      bytes_ = std::max(bytes_, offset + bytes.size());
      return Ok();
    }
    Status Sync() override {
      DAYPART_RETURN_IF_ERROR(disk_.CheckAlive());
      if (disk_.IsDue(disk_.sync_fails_)) return Unavailable("syncing: i/o error (injected)");
      // Not the real fsync: its cost is no part of what is tested.
      const std::lock_guard lock(disk_.mutex_);
      disk_.synced_bytes_[path_] = bytes_;
      return Ok();
    }
    Status Truncate(uint64_t size_bytes) override {
      DAYPART_RETURN_IF_ERROR(disk_.CheckAlive());
      bytes_ = size_bytes;
      const std::lock_guard lock(disk_.mutex_);
      disk_.synced_bytes_[path_] = std::min(disk_.synced_bytes_[path_], size_bytes);
      return file_->Truncate(size_bytes);
    }

   private:
    FaultDisk& disk_;
    std::string path_;
    std::unique_ptr<LogFile> file_;
    uint64_t bytes_;
  };

  void Set(std::optional<int>& counter, int calls_before) {
    const std::lock_guard lock(mutex_);
    counter = calls_before;
  }
  bool IsDue(std::optional<int>& counter) {
    const std::lock_guard lock(mutex_);
    if (!counter) return false;
    if ((*counter)-- > 0) return false;
    counter.reset();
    return true;
  }
  Status CheckAlive() {
    const std::lock_guard lock(mutex_);
    return is_dead_ ? Status(Unavailable("the machine is off (injected)")) : Ok();
  }
  static void PunchHoles(const std::string& path, uint64_t from, uint64_t to,
                         std::mt19937_64& chance) {
    if (to <= from || chance() % 2 == 0) return;
    auto file = OpenPosixDisk(false)->Open(path);
    if (!file) return;
    const uint64_t at = from + chance() % (to - from);
    const std::vector<std::byte> zeros(static_cast<size_t>(
        std::min<uint64_t>(to - at, 1 + chance() % 600)));
    // If it fails the file is whole, which is a crash as well.
    (void)(*file)->WriteAt(at, zeros);
  }

  std::unique_ptr<Disk> disk_ = OpenPosixDisk(false);
  std::mutex mutex_;  // guards the members below
  std::map<std::string, uint64_t> synced_bytes_;
  std::optional<int> sync_fails_;
  std::optional<int> write_fails_;
  bool is_dead_ = false;
};

}  // namespace daypart::streamlog
