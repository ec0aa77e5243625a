// SPDX-License-Identifier: Apache-2.0
//
// Require: a property that a fuzz entry holds for every input; breaking it stops the run.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace daypart::fuzz {

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace daypart::fuzz
