// SPDX-License-Identifier: Apache-2.0
//
// One pass over each source file: checksum and copy together. An upload record is one line,
//     xxh3-64 <checksum, 16 hex digits> <bytes> <etag of the object>\n
// and is believed only while the object still has that etag and size.
#include "store/upload.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include "store/directory_store.h"
#include "store/location.h"

namespace daypart::store {
namespace {

/// 4 MiB: large enough for the disk's full speed, small enough for a live progress bar.
constexpr size_t kPieceBytes = size_t{4} << 20;

std::string Hex(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

class Checksum {
 public:
  Checksum() : state_(XXH3_createState()) { XXH3_64bits_reset(state_.get()); }
  void Add(std::span<const std::byte> bytes) {
    XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
  }
  uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

using PieceVisitor = std::function<Status(uint64_t offset, std::span<const std::byte> piece)>;

/// Hands the object's bytes to `visit`, front to back. A short answer is asked again for its rest.
Status ForEachPiece(ObjectReader& reader, const CancelToken& cancel, const PieceVisitor& visit) {
  const auto piece_bytes =
      static_cast<size_t>(std::min<uint64_t>(kPieceBytes, reader.size_bytes()));
  std::vector<std::byte> piece(piece_bytes);
  for (uint64_t offset = 0; offset < reader.size_bytes();) {
    DAYPART_RETURN_IF_ERROR(cancel.Check());
    DAYPART_TRY(const size_t got, reader.ReadAt(offset, piece));
    if (got == 0) {
      return CorruptData("expected " + std::to_string(reader.size_bytes()) +
                         " bytes, found the end after " + std::to_string(offset));
    }
    DAYPART_RETURN_IF_ERROR(visit(offset, std::span(piece).first(got)));
    offset += got;
  }
  return Ok();
}

Result<uint64_t> ChecksumOf(ObjectStore& store, const std::string& location,
                            const CancelToken& cancel) {
  DAYPART_TRY(const auto reader, store.OpenRead(location));
  Checksum checksum;
  DAYPART_RETURN_IF_ERROR(
      ForEachPiece(*reader, cancel, [&](uint64_t, std::span<const std::byte> p) {
        checksum.Add(p);
        return Ok();
      }));
  return checksum.value();
}

std::string RecordLine(uint64_t checksum, const ObjectInfo& object) {
  return "xxh3-64 " + Hex(checksum) + " " + std::to_string(object.bytes) + " " + object.etag + "\n";
}

class Uploader {
 public:
  Uploader(ObjectStore& target, const UploadOptions& options, const UploadProgressSink& progress,
           const CancelToken& cancel)
      : target_(target),
        options_(options),
        sink_(progress),
        cancel_(cancel),
        source_(MakeDirectoryStore()) {}

  Result<UploadReport> Run() {
    progress_.files_count = options_.files.size();
    for (const UploadFile& file : options_.files) {
      // Asked before the first byte is sent, so that a mistyped name costs nothing.
      DAYPART_TRY(const auto reader, source_->OpenRead(file.path));
      progress_.bytes_total += reader->size_bytes();
    }
    for (const UploadFile& file : options_.files) {
      progress_.name = file.name;
      auto uploaded = UploadOne(file);
      if (!uploaded) return std::move(uploaded).error().WithContext("upload of " + file.path);
      const bool is_unchanged = uploaded->outcome == UploadOutcome::kUnchanged;
      if (is_unchanged) report_.unchanged_bytes += uploaded->bytes;
      report_.files.push_back(std::move(*uploaded));
      ++progress_.files_done;
      Tell();
    }
    return std::move(report_);
  }

 private:
  void Tell() const {
    if (sink_) sink_(progress_);
  }

  Result<UploadedFile> UploadOne(const UploadFile& file) {
    DAYPART_TRY(const ObjectInfo source, source_->Head(file.path));
    UploadedFile uploaded{.name = file.name,
                          .location = JoinLocation(options_.prefix, file.name),
                          .bytes = source.bytes};
    const std::string record =
        JoinLocation(options_.prefix, std::string(kUploadRecordFolder) + "/" + file.name);
    DAYPART_TRY(const bool is_unchanged, IsUnchanged(file, record, uploaded));
    if (is_unchanged) return uploaded;
    DAYPART_RETURN_IF_ERROR(Copy(file, source, uploaded));
    DAYPART_TRY(const ObjectInfo object, target_.Head(uploaded.location));
    const bool must_verify = options_.verify_content || uploaded.outcome == UploadOutcome::kResumed;
    DAYPART_RETURN_IF_ERROR(Verify(uploaded, object, must_verify));
    DAYPART_RETURN_IF_ERROR(
        target_.Put(record, RecordLine(uploaded.checksum, object), WriteMode::kReplace));
    return uploaded;
  }

  /// Whether the object is what an earlier upload of the same bytes left. Fills in checksum and
  /// outcome.
  Result<bool> IsUnchanged(const UploadFile& file, const std::string& record,
                           UploadedFile& uploaded) {
    if (!options_.skip_unchanged) return false;
    const auto line = target_.Get(record);
    const auto object = target_.Head(uploaded.location);
    if (!line || !object || object->bytes != uploaded.bytes) return false;
    // Without a record of this very object there is nothing to compare the source's checksum with.
    const std::string tail = RecordLine(0, *object).substr(24);
    if (!line->ends_with(tail)) return false;
    DAYPART_TRY(uploaded.checksum, ChecksumOf(*source_, file.path, cancel_));
    if (*line != RecordLine(uploaded.checksum, *object)) return false;
    uploaded.outcome = UploadOutcome::kUnchanged;
    progress_.bytes_done += uploaded.bytes;
    return true;
  }

  Result<std::unique_ptr<ObjectWriter>> OpenTarget(const ObjectInfo& source,
                                                   const UploadedFile& uploaded) {
    if (source.bytes < options_.resumable_bytes_min) {
      return target_.OpenWrite(uploaded.location, WriteMode::kReplace);
    }
    // The source's identity: another file, or the same one changed, never continues these bytes.
    const std::string identity = source.location + "\n" + source.etag;
    return target_.OpenResumable(uploaded.location,
                                 Hex(XXH3_64bits(identity.data(), identity.size())));
  }

  Status Copy(const UploadFile& file, const ObjectInfo& source, UploadedFile& uploaded) {
    DAYPART_TRY(const auto reader, source_->OpenRead(file.path));
    DAYPART_TRY(const auto writer, OpenTarget(source, uploaded));
    const uint64_t kept_bytes = writer->written_bytes();
    if (kept_bytes > source.bytes) {
      return CorruptData("expected at most " + std::to_string(source.bytes) +
                         " bytes of an upload to continue, found " + std::to_string(kept_bytes));
    }
    uploaded.outcome = kept_bytes == 0 ? UploadOutcome::kCopied : UploadOutcome::kResumed;
    Checksum checksum;
    const auto send = [&](uint64_t offset, std::span<const std::byte> piece) -> Status {
      checksum.Add(piece);
      const uint64_t end = offset + piece.size();
      if (end > kept_bytes) {
        const uint64_t fresh_bytes = std::min<uint64_t>(piece.size(), end - kept_bytes);
        DAYPART_RETURN_IF_ERROR(writer->Append(piece.last(static_cast<size_t>(fresh_bytes))));
        report_.copied_bytes += fresh_bytes;
      }
      progress_.bytes_done += piece.size();
      Tell();
      return Ok();
    };
    DAYPART_RETURN_IF_ERROR(ForEachPiece(*reader, cancel_, send));
    uploaded.checksum = checksum.value();
    DAYPART_TRY(const ObjectInfo after, source_->Head(file.path));
    if (after.etag != source.etag || reader->size_bytes() != source.bytes) {
      return Unavailable(
          "expected the file to stay as it is, found it changed while it was read; "
          "upload it again once its writer is done");
    }
    return writer->Finish();
  }

  Status Verify(const UploadedFile& uploaded, const ObjectInfo& object, bool reads_content) {
    if (object.bytes != uploaded.bytes) {
      return CorruptData("expected " + std::to_string(uploaded.bytes) +
                         " bytes in the store, found " + std::to_string(object.bytes) + ": " +
                         uploaded.location);
    }
    if (!reads_content) return Ok();
    DAYPART_TRY(const uint64_t stored, ChecksumOf(target_, uploaded.location, cancel_));
    if (stored == uploaded.checksum) return Ok();
    DAYPART_RETURN_IF_ERROR(target_.Delete(uploaded.location));
    return CorruptData("expected checksum " + Hex(uploaded.checksum) + " in the store, found " +
                       Hex(stored) +
                       "; the object was deleted, upload it again: " + uploaded.location);
  }

  ObjectStore& target_;
  const UploadOptions& options_;
  const UploadProgressSink& sink_;
  const CancelToken& cancel_;
  const std::unique_ptr<ObjectStore> source_;
  UploadProgress progress_;
  UploadReport report_;
};

/// Adds the files below `folder` under the folder's own name.
Status AddFolder(const std::string& folder, std::vector<UploadFile>& files) {
  DAYPART_TRY(const auto objects, MakeDirectoryStore()->List(folder));
  for (const ObjectInfo& object : objects) {
    const auto relative = RelativeTo(folder, object.location);
    files.push_back({object.location, JoinLocation(BaseName(folder), *relative)});
  }
  return Ok();
}

}  // namespace

Result<std::vector<UploadFile>> SelectUploads(const UploadSelection& selection) {
  std::vector<UploadFile> files;
  for (const std::string& given : selection.paths) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(given, error).lexically_normal();
    const auto status = std::filesystem::status(absolute, error);
    const std::string path(WithoutTrailingSlash(absolute.string()));
    if (given.empty() || status.type() == std::filesystem::file_type::not_found) {
      return NotFound("no such file: '" + given + "'");
    }
    if (error) return SystemError("cannot look at " + given, error.value());
    if (!std::filesystem::is_directory(status)) {
      files.push_back({path, std::string(BaseName(path))});
    } else if (selection.is_recursive) {
      DAYPART_RETURN_IF_ERROR(AddFolder(path, files));
    } else {
      return InvalidArgument("expected a file, found a directory (--recursive takes all in it): " +
                             given);
    }
  }
  if (files.empty()) return InvalidArgument("expected files to upload, found none");
  std::set<std::string_view> names;
  for (const UploadFile& file : files) {
    if (!names.insert(file.name).second) {
      return InvalidArgument("expected each name once, found a second '" + file.name +
                             "': " + file.path);
    }
  }
  return files;
}

Result<UploadReport> Upload(ObjectStore& target, const UploadOptions& options,
                            const UploadProgressSink& progress, const CancelToken& cancel) {
  return Uploader(target, options, progress, cancel).Run();
}

}  // namespace daypart::store
