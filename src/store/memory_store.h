// SPDX-License-Identifier: Apache-2.0
//
// An ObjectStore in memory, for tests: the same contract as the directory store without a disk.
// Locations are plain keys; "file:///a" and "/a" are different ones.
#pragma once

#include <memory>

#include "store/object_store.h"

namespace daypart::store {

/// Thread-safe. An object's time of change is the count of writes so far, in microseconds, so that
/// runs repeat. Readers and writers must not outlive the store.
std::unique_ptr<ObjectStore> MakeMemoryStore();

}  // namespace daypart::store
