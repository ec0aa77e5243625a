// SPDX-License-Identifier: Apache-2.0
//
// Amazon S3 and servers that speak its protocol as an ObjectStore: s3://bucket/key. Large objects
// go up in parts and in parallel, reads are ranges, a put "if absent" is decided by the server
// (If-None-Match) and stays true when its answer is lost. An object that is replaced while it is
// read is an error, never a mixture.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "aws/service.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "store/object_store.h"

namespace daypart::store {

struct S3Options {
  std::string region = "us-east-1";
  std::string endpoint;        // empty: AWS's own
  bool is_path_style = false;  // bucket in the path; always so for names with a '.'
  bool is_requester_paying = false;
  std::string encryption;  // "", "AES256" (SSE-S3) or "aws:kms"
  std::string kms_key_id;  // of aws:kms; empty: the account's default key
  /// 16 MiB: at 8 MiB a fast link waits for answers, at 32 MiB memory grows for nothing.
  uint64_t part_bytes = uint64_t{16} << 20;
  int threads_count = 8;
  http::RetryPolicy retry;
};

/// Everything passed must outlive the store.
struct S3Surroundings {
  http::Client& http;
  aws::CredentialSource& credentials;
  Clock& clock;
  Random& random;
  const CancelToken* cancel = nullptr;
};

std::unique_ptr<ObjectStore> MakeS3Store(const S3Surroundings& surroundings, S3Options options);

}  // namespace daypart::store
