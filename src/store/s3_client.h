// SPDX-License-Identifier: Apache-2.0
//
// S3Client: the calls of the S3 REST API that the store is made of, one method each, with their
// answers as values. source: Amazon S3 API Reference.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/service.h"
#include "store/object_store.h"
#include "store/s3_store.h"

namespace daypart::store {

struct S3Address {
  std::string bucket;
  std::string key;
};

/// errors: kInvalidArgument for what is no s3://bucket/key (s3a and s3n count as s3).
Result<S3Address> ParseS3Location(std::string_view location);

struct S3Part {
  int number = 0;
  std::string etag;
  uint64_t bytes = 0;
  std::string crc32c;  // base64; completing an upload repeats it for each part
};

struct S3Range {
  std::string bytes;  // empty if `into` was filled
  size_t into_bytes = 0;
  uint64_t object_bytes = 0;
  std::string etag;
};

/// Thread-safe.
class S3Client {
 public:
  S3Client(const S3Surroundings& surroundings, S3Options options);

  const S3Options& options() const { return options_; }
  Random& random() { return around_.random; }

  /// range: a value of the Range header, or empty. etag: if not empty, the object must still have
  /// it. errors: kNotFound; kUnavailable if the object was replaced.
  Result<S3Range> Get(const S3Address& address, const std::string& range, const std::string& etag,
                      std::span<std::byte> into);
  Status Put(const S3Address& address, std::span<const std::byte> bytes, WriteMode mode);
  Result<ObjectInfo> Head(const S3Address& address, std::string_view location);
  Result<std::vector<ObjectInfo>> List(const S3Address& address);
  Status Delete(const S3Address& address);
  /// Within the service, for objects of up to 5 GiB. errors: kNotFound.
  Status Copy(const S3Address& from, const S3Address& to);

  /// mark: what tells our object from another's after a lost answer; kept in its metadata.
  Result<std::string> CreateUpload(const S3Address& address, const std::string& mark);
  Result<S3Part> UploadPart(const S3Address& address, const std::string& upload_id, int number,
                            std::span<const std::byte> bytes);
  Status CompleteUpload(const S3Address& address, const std::string& upload_id,
                        const std::vector<S3Part>& parts, WriteMode mode, const std::string& mark);
  Status AbortUpload(const S3Address& address, const std::string& upload_id);
  /// errors: kNotFound if there is no such upload.
  Result<std::vector<S3Part>> ListParts(const S3Address& address, const std::string& upload_id);

 private:
  aws::ServiceCall CallFor(const S3Address& address, std::string method) const;
  void AddEncryption(aws::ServiceCall& call) const;
  /// Whether the object there is the one with this mark.
  Result<bool> HasMark(const S3Address& address, const std::string& mark);
  Status AfterRefusal(const S3Address& address, const aws::ServiceAnswer& answer,
                      const std::string& mark, const std::string& what);

  const S3Surroundings around_;
  const S3Options options_;
  aws::Service service_;
  http::RetryBudget budget_;
};

}  // namespace daypart::store
