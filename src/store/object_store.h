// SPDX-License-Identifier: Apache-2.0
//
// ObjectStore: where bytes live. Everything above speaks in locations, the full names that Iceberg
// metadata holds (file:///lake/media/events/data/0.parquet, s3://bucket/key), so that tables made
// by other programs are read wherever they lie. Objects are immutable once written: there is no
// append to an existing object, and a reader sees a whole object or none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace daypart::store {

struct ObjectInfo {
  std::string location;
  uint64_t bytes = 0;
  UtcMicros modified;
  /// Changes whenever the content does; its form is the store's own.
  std::string etag;
};

/// What Put and OpenWrite do when the location is taken.
enum class WriteMode {
  kReplace,   // the new object takes the old one's place, atomically
  kIfAbsent,  // kAlreadyExists, decided atomically: of many writers exactly one wins
};

/// Reads ranges of one object. Thread-safe.
/// Bytes in this process's address space, which stay as they are while this lives.
class MappedBytes {
 public:
  virtual ~MappedBytes() = default;
  virtual std::span<const std::byte> bytes() const = 0;
};

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual uint64_t size_bytes() const = 0;
  /// Fills as much of `into` as the object has from `offset` on.
  /// returns: bytes read; less than into.size() only at the object's end.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> into) = 0;
  /// Exactly these bytes without reading them into memory of the caller's, where that can be done;
  /// null where it cannot, then ReadAt gives them.
  virtual std::shared_ptr<const MappedBytes> Map(uint64_t offset, size_t bytes) {
    (void)offset;
    (void)bytes;
    return nullptr;
  }
};

/// Writes one object front to back. Not thread-safe. Destroyed before Finish it leaves nothing
/// behind.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Status Append(std::span<const std::byte> bytes) = 0;
  /// Makes the object visible, durable and complete; before it nothing is to be seen.
  virtual Status Finish() = 0;
  virtual uint64_t written_bytes() const = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// The whole object. For metadata: objects over kGetBytesMax are refused with kResourceExhausted.
  virtual Result<std::string> Get(std::string_view location) = 0;
  /// Writes a small object in one go; durable when it returns.
  virtual Status Put(std::string_view location, std::string_view bytes, WriteMode mode) = 0;
  virtual Result<std::unique_ptr<ObjectReader>> OpenRead(std::string_view location) = 0;
  virtual Result<std::unique_ptr<ObjectWriter>> OpenWrite(std::string_view location,
                                                          WriteMode mode) = 0;
  /// As OpenWrite with kReplace, but what was appended outlives a writer that never got to Finish,
  /// if the store can do that: a later call with the same location and key goes on after
  /// written_bytes(). The key (letters and digits) names the content; bytes of another key are
  /// never continued.
  /// errors: kUnavailable if a writer of the same upload is at work.
  virtual Result<std::unique_ptr<ObjectWriter>> OpenResumable(std::string_view location,
                                                              std::string_view key) {
    (void)key;  // A store that keeps no parts starts anew each time.
    return OpenWrite(location, WriteMode::kReplace);
  }
  /// errors: kNotFound if there is no object there (a directory is none).
  virtual Result<ObjectInfo> Head(std::string_view location) = 0;
  /// All objects whose location starts with `prefix` up to a '/', sorted by location. An absent
  /// prefix lists nothing. Names that begin with '.' or are uploads under way are left out.
  virtual Result<std::vector<ObjectInfo>> List(std::string_view prefix) = 0;
  /// Gives the object another name, durably; an object at `to` is replaced. `to` is whole or absent
  /// at every instant. A store without a rename copies and then deletes `from`: what was killed in
  /// between has left both and is to be done again.
  /// errors: kNotFound if there is no object at `from`: maybe it was moved before.
  virtual Status Move(std::string_view from, std::string_view to);
  /// Makes sure that an object which another call or process named outlives a power cut: to be
  /// asked before building on one whose writer may have got kCommitUnknown. A store in which
  /// whatever is seen is durable looks only whether it is there.
  /// errors: kNotFound if there is no object there, and the disk's.
  virtual Status Confirm(std::string_view location);
  /// Deleting what is not there is no error.
  virtual Status Delete(std::string_view location) = 0;
};

/// 1 GiB: far above any metadata file, below what would exhaust the machine.
inline constexpr uint64_t kGetBytesMax = uint64_t{1} << 30;

}  // namespace daypart::store
