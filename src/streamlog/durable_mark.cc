// SPDX-License-Identifier: Apache-2.0
//
// A shared page with atomics and a futex, which works between processes.
#include "streamlog/durable_mark.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>

#include "store/posix_file.h"

namespace daypart::streamlog {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr char kMarkMagic[] = "DAYPMRK\n";

uint64_t& EndIn(void* page) { return *reinterpret_cast<uint64_t*>(static_cast<char*>(page) + 8); }
uint32_t& ChangesIn(void* page) {
  return *reinterpret_cast<uint32_t*>(static_cast<char*>(page) + 16);
}

}  // namespace

Result<std::unique_ptr<DurableMark>> DurableMark::OpenForWriter(const std::string& path) {
  const store::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) return SystemError("opening " + path, errno);
  std::array<std::byte, kPageBytes> page{};
  DAYPART_TRY(const size_t got, store::ReadFully(file.number(), 0, page, path));
  if (got < kPageBytes || std::memcmp(page.data(), kMarkMagic, 8) != 0) {
    // Written, not only made longer: a page without a block behind it kills the process when the
    // disk is full.
    page = {};
    std::memcpy(page.data(), kMarkMagic, 8);
    const ssize_t done = ::pwrite(file.number(), page.data(), page.size(), 0);
    if (done != static_cast<ssize_t>(page.size())) {
      return SystemError("writing " + path, done < 0 ? errno : ENOSPC);
    }
  }
  void* mapped =
      ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  if (mapped == MAP_FAILED) return SystemError("mapping " + path, errno);
  return std::unique_ptr<DurableMark>(new DurableMark(mapped));
}

Result<std::unique_ptr<DurableMark>> DurableMark::OpenForReader(const std::string& path) {
  DAYPART_TRY(const auto file, store::OpenFile(path, O_RDONLY));
  struct stat info {};
  if (::fstat(file.number(), &info) != 0) return SystemError("looking at " + path, errno);
  if (info.st_size < static_cast<off_t>(kPageBytes)) {
    return Unavailable(path + " is being made; try again");
  }
  void* mapped = ::mmap(nullptr, kPageBytes, PROT_READ, MAP_SHARED, file.number(), 0);
  if (mapped == MAP_FAILED) return SystemError("mapping " + path, errno);
  return std::unique_ptr<DurableMark>(new DurableMark(mapped));
}

DurableMark::~DurableMark() { ::munmap(page_, kPageBytes); }

RecordIndex DurableMark::end() const {
  return RecordIndex(std::atomic_ref(EndIn(page_)).load(std::memory_order_acquire));
}

void DurableMark::Publish(RecordIndex end) {
  std::atomic_ref(EndIn(page_)).store(end.value(), std::memory_order_release);
  std::atomic_ref(ChangesIn(page_)).fetch_add(1, std::memory_order_release);
  ::syscall(SYS_futex, &ChangesIn(page_), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void DurableMark::WaitAbove(RecordIndex index, std::chrono::microseconds time_max) const {
  const auto deadline = std::chrono::steady_clock::now() + time_max;
  for (;;) {
    const uint32_t changes = std::atomic_ref(ChangesIn(page_)).load(std::memory_order_acquire);
    if (end() > index) return;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    timespec wait{};
    wait.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
    wait.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
    ::syscall(SYS_futex, &ChangesIn(page_), FUTEX_WAIT, changes, &wait, nullptr, 0);
  }
}

}  // namespace daypart::streamlog
