// SPDX-License-Identifier: Apache-2.0
//
// SchemeStore: one store for locations of several kinds. Files of this machine and s3:// objects
// are named side by side in one command (load a local file into a table on S3), so the scheme
// decides.
#pragma once

#include <functional>
#include <memory>

#include "store/object_store.h"

namespace daypart::store {

/// make_s3: called once, when the first s3:// location (s3a, s3n) comes; its error is that call's.
std::unique_ptr<ObjectStore> MakeSchemeStore(
    std::unique_ptr<ObjectStore> files,
    std::function<Result<std::unique_ptr<ObjectStore>>()> make_s3);

}  // namespace daypart::store
