// SPDX-License-Identifier: Apache-2.0
//
// Locations to calls.
#include "store/s3_store.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "store/location.h"
#include "store/s3_client.h"
#include "store/s3_transfer.h"
#include "store/task_pool.h"
#include "store/upload.h"

namespace daypart::store {
namespace {

class S3Store final : public ObjectStore {
 public:
  S3Store(const S3Surroundings& surroundings, S3Options options)
      : client_(surroundings, options), pool_(options.threads_count) {}

  Result<std::string> Get(std::string_view location) override {
    DAYPART_TRY(const S3Address address, AddressOf(location));
    DAYPART_TRY(S3Range whole, client_.Get(address, "", "", {}));
    return std::move(whole.bytes);
  }

  Status Put(std::string_view location, std::string_view bytes, WriteMode mode) override {
    DAYPART_TRY(const S3Address address, AddressOf(location));
    return client_.Put(address, std::as_bytes(std::span(bytes.data(), bytes.size())), mode);
  }

  Result<std::unique_ptr<ObjectReader>> OpenRead(std::string_view location) override {
    DAYPART_TRY(S3Address address, AddressOf(location));
    return OpenS3Reader(client_, pool_, std::move(address));
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWrite(std::string_view location,
                                                  WriteMode mode) override {
    DAYPART_TRY(S3Address address, AddressOf(location));
    return OpenS3Writer(client_, pool_,
                        {.address = std::move(address), .mode = mode, .record_key = {}});
  }

  Result<std::unique_ptr<ObjectWriter>> OpenResumable(std::string_view location,
                                                      std::string_view key) override {
    const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0; };
    if (key.empty() || key.size() > 128 || !std::all_of(key.begin(), key.end(), is_plain)) {
      return InvalidArgument("expected a key of 1 to 128 letters and digits, found '" +
                             std::string(key.substr(0, 160)) + "'");
    }
    DAYPART_TRY(S3Address address, AddressOf(location));
    const size_t slash = address.key.rfind('/');
    const std::string folder =
        slash == std::string::npos ? "" : address.key.substr(0, slash + 1);
    const std::string name = address.key.substr(folder.size());
    std::string record = folder + std::string(kUploadRecordFolder) + '/' + name + '.' +
                         std::string(key) + ".parts";
    return OpenS3Writer(client_, pool_,
                        {.address = std::move(address),
                         .mode = WriteMode::kReplace,
                         .record_key = std::move(record)});
  }

  Result<ObjectInfo> Head(std::string_view location) override {
    DAYPART_TRY(const S3Address address, AddressOf(location));
    return client_.Head(address, location);
  }

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    std::string folder(WithoutTrailingSlash(prefix));
    DAYPART_TRY(S3Address address, ParseS3Location(folder));
    if (!address.key.empty()) address.key += '/';
    DAYPART_TRY(auto objects, client_.List(address));
    // The scheme as the caller has it, so that locations compare equal with what they joined.
    const std::string base = std::string(SplitLocation(prefix).scheme);
    std::vector<ObjectInfo> shown;
    for (ObjectInfo& object : objects) {
      if (base != "s3") object.location.replace(0, 2, base);
      const std::string relative = '/' + object.location.substr(folder.size());
      if (relative.find("/.") == std::string::npos) shown.push_back(std::move(object));
    }
    std::sort(shown.begin(), shown.end(), [](const ObjectInfo& left, const ObjectInfo& right) {
      return left.location < right.location;
    });
    return shown;
  }

  Status Move(std::string_view from, std::string_view to) override {
    DAYPART_TRY(const S3Address source, AddressOf(from));
    DAYPART_TRY(const S3Address target, AddressOf(to));
    DAYPART_RETURN_IF_ERROR(client_.Copy(source, target));
    return client_.Delete(source);
  }

  Status Delete(std::string_view location) override {
    DAYPART_TRY(const S3Address address, AddressOf(location));
    return client_.Delete(address);
  }

 private:
  /// errors: also kInvalidArgument for a bucket without a key.
  static Result<S3Address> AddressOf(std::string_view location) {
    DAYPART_TRY(S3Address address, ParseS3Location(location));
    if (address.key.empty()) {
      return InvalidArgument("an object's name is expected after the bucket, found '" +
                             std::string(location) + "'");
    }
    return address;
  }

  S3Client client_;
  TaskPool pool_;  // after the client: its tasks use it
};

}  // namespace

std::unique_ptr<ObjectStore> MakeS3Store(const S3Surroundings& surroundings, S3Options options) {
  return std::make_unique<S3Store>(surroundings, std::move(options));
}

}  // namespace daypart::store
