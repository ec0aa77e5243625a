// SPDX-License-Identifier: Apache-2.0
//
// One S3 object's bytes: written in parts by several threads, read in ranges with the next ones
// fetched ahead while a reader goes front to back.
#pragma once

#include <memory>
#include <string>

#include "store/object_store.h"
#include "store/s3_client.h"
#include "store/task_pool.h"

namespace daypart::store {

struct S3WriteTarget {
  S3Address address;
  WriteMode mode = WriteMode::kReplace;
  /// Location of the record by which a killed upload is continued; empty for none.
  std::string record_key;
};

/// client and pool must outlive the writer. errors: as of the calls.
Result<std::unique_ptr<ObjectWriter>> OpenS3Writer(S3Client& client, TaskPool& pool,
                                                   S3WriteTarget target);

/// client and pool must outlive the reader.
Result<std::unique_ptr<ObjectReader>> OpenS3Reader(S3Client& client, TaskPool& pool,
                                                   S3Address address);

}  // namespace daypart::store
