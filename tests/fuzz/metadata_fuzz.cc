// SPDX-License-Identifier: Apache-2.0
//
// Table metadata: what parses can be written, and what was written parses to the same.
#include "iceberg/metadata.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace daypart::iceberg;
  const auto parsed = ParseTableMetadata({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    daypart::fuzz::Require(!parsed.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  const std::string written = SerializeTableMetadata(*parsed);
  const auto again = ParseTableMetadata(written);
  daypart::fuzz::Require(again.has_value(), "written metadata parses");
  daypart::fuzz::Require(SerializeTableMetadata(*again) == written, "nothing is lost on the way");
  return 0;
}
