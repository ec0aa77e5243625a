// SPDX-License-Identifier: Apache-2.0
//
// What stores have in common that cannot do better.
#include "store/object_store.h"

namespace daypart::store {
namespace {

/// 8 MiB: as much as one request of a remote store is worth its round trip.
constexpr size_t kCopyBytes = size_t{8} << 20;

}  // namespace

Status ObjectStore::Confirm(std::string_view location) {
  DAYPART_TRY(const ObjectInfo info, Head(location));
  (void)info;  // Only that it is there matters.
  return Ok();
}

Status ObjectStore::Move(std::string_view from, std::string_view to) {
  DAYPART_TRY(const auto reader, OpenRead(from));
  DAYPART_TRY(const auto writer, OpenWrite(to, WriteMode::kReplace));
  std::vector<std::byte> buffer(kCopyBytes);
  for (uint64_t at = 0; at < reader->size_bytes();) {
    DAYPART_TRY(const size_t got, reader->ReadAt(at, buffer));
    if (got == 0) {
      return CorruptData(std::string(from) + ": " + std::to_string(reader->size_bytes()) +
                         " bytes are expected, found " + std::to_string(at));
    }
    DAYPART_RETURN_IF_ERROR(writer->Append(std::span(buffer).first(got)));
    at += got;
  }
  DAYPART_RETURN_IF_ERROR(writer->Finish());
  return Delete(from);
}

}  // namespace daypart::store
