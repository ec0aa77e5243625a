// SPDX-License-Identifier: Apache-2.0
//
// Each call goes to the store of its location.
#include "store/scheme_store.h"

#include <mutex>
#include <utility>

#include "store/directory_store.h"
#include "store/local_copies.h"
#include "store/location.h"

namespace daypart::store {
namespace {

class SchemeStore final : public ObjectStore, public LocalCopies {
 public:
  SchemeStore(std::unique_ptr<ObjectStore> files,
              std::function<Result<std::unique_ptr<ObjectStore>>()> make_s3)
      : files_(std::move(files)), make_s3_(std::move(make_s3)) {}

  Result<std::string> Get(std::string_view location) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->Get(location);
  }
  Status Put(std::string_view location, std::string_view bytes, WriteMode mode) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->Put(location, bytes, mode);
  }
  Result<std::unique_ptr<ObjectReader>> OpenRead(std::string_view location) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->OpenRead(location);
  }
  Result<std::unique_ptr<ObjectWriter>> OpenWrite(std::string_view location,
                                                  WriteMode mode) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->OpenWrite(location, mode);
  }
  Result<std::unique_ptr<ObjectWriter>> OpenResumable(std::string_view location,
                                                      std::string_view key) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->OpenResumable(location, key);
  }
  Result<ObjectInfo> Head(std::string_view location) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->Head(location);
  }
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(prefix));
    return store->List(prefix);
  }
  Status Move(std::string_view from, std::string_view to) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(from));
    DAYPART_TRY(ObjectStore* const target, StoreOf(to));
    return store == target ? store->Move(from, to) : ObjectStore::Move(from, to);
  }
  Status Confirm(std::string_view location) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->Confirm(location);
  }
  Status Delete(std::string_view location) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store->Delete(location);
  }
  Result<std::string> LocalCopy(std::string_view location) override {
    DAYPART_TRY(ObjectStore* const store, StoreOf(location));
    return store == files_.get() ? LocalPath(location) : LocalCopyOf(*store, location);
  }

 private:
  Result<ObjectStore*> StoreOf(std::string_view location) {
    const std::string_view scheme = SplitLocation(location).scheme;
    if (scheme != "s3" && scheme != "s3a" && scheme != "s3n") return files_.get();
    const std::lock_guard lock(mutex_);
    if (s3_ == nullptr) {
      DAYPART_TRY(s3_, make_s3_());
    }
    return s3_.get();
  }

  const std::unique_ptr<ObjectStore> files_;
  const std::function<Result<std::unique_ptr<ObjectStore>>()> make_s3_;
  std::mutex mutex_;  // guards s3_
  std::unique_ptr<ObjectStore> s3_;
};

}  // namespace

std::unique_ptr<ObjectStore> MakeSchemeStore(
    std::unique_ptr<ObjectStore> files,
    std::function<Result<std::unique_ptr<ObjectStore>>()> make_s3) {
  return std::make_unique<SchemeStore>(std::move(files), std::move(make_s3));
}

}  // namespace daypart::store
