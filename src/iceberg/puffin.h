// SPDX-License-Identifier: Apache-2.0
//
// Puffin: a file of blobs with a JSON footer that tells where each is; deletion vectors and
// statistics live in it. Source: Iceberg Puffin spec.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/ids.h"

namespace daypart::iceberg {

struct PuffinBlob {
  std::string type;              // "deletion-vector-v1", "apache-datasketches-theta-v1", …
  std::vector<FieldId> fields;   // that it was computed of
  int64_t snapshot_id = -1;      // -1 for deletion vectors, which inherit it
  int64_t sequence_number = -1;  // likewise
  int64_t offset = 0;            // in the file; set by EncodePuffin
  int64_t length = 0;            // stored bytes; set by EncodePuffin
  std::string compression;       // "", "zstd" or "lz4"; written blobs have none
  std::map<std::string, std::string> properties;
};

struct PuffinFile {
  std::vector<PuffinBlob> blobs;
  std::map<std::string, std::string> properties;
};

/// The whole file; `contents` are the blobs' bytes in the order of file.blobs, whose offsets and
/// lengths are filled in.
std::string EncodePuffin(PuffinFile& file, const std::vector<std::string>& contents);

/// Reads the footer from the whole file or from its end that holds the footer.
/// tail:    the last bytes of the file.
/// file_bytes: size of the whole file.
/// errors:  kCorruptData with the place for wrong magic, lengths or JSON; kInvalidArgument if the
///   footer begins before `tail`; kUnsupported for a footer compressed with lz4 or unknown flags.
Result<PuffinFile> DecodePuffinFooter(std::string_view tail, int64_t file_bytes);

/// Bytes of the file's end that DecodePuffinFooter needs, told by its last 12 bytes (footer length,
/// flags, magic).
/// errors: kCorruptData if these are no end of a Puffin file.
Result<int64_t> PuffinFooterBytes(std::string_view tail, int64_t file_bytes);

/// A blob's content from its stored bytes. errors: kUnsupported for lz4; kCorruptData.
Result<std::string> DecodePuffinBlob(const PuffinBlob& blob, std::string_view stored);

}  // namespace daypart::iceberg
