// SPDX-License-Identifier: Apache-2.0
//
// Settings of glibc's malloc; other C libraries are left as they are.
#include "app/allocator.h"

#include <cstdlib>  // Tells which C library this is.

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace daypart::app {
namespace {

#ifdef __GLIBC__
/// Larger blocks are mapped and unmapped on their own: glibc's own upper bound.
constexpr int kMappedBytesMin = 32 << 20;
/// Free memory at the end of the heap beyond which it is given back.
constexpr int kKeptBytesMax = 128 << 20;
#endif

}  // namespace

void KeepFreedBuffers() {
#ifdef __GLIBC__
  // The results say whether the value was taken; without it the program is slower, no worse.
  (void)mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
  (void)mallopt(M_TRIM_THRESHOLD, kKeptBytesMax);
#endif
}

}  // namespace daypart::app
