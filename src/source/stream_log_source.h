// SPDX-License-Identifier: Apache-2.0
//
// The local stream log as a RecordSource: by the stream's folder, in the process that writes it or
// in another one. Positions are the records' sequence numbers, those that Kinesis clients see.
#pragma once

#include <memory>
#include <string>

#include "source/record_source.h"

namespace daypart::source {

/// streams_folder: <lake>/streams. errors: kNotFound if there is no such stream.
Result<std::unique_ptr<RecordSource>> OpenStreamLogSource(const std::string& streams_folder,
                                                          const std::string& stream);

}  // namespace daypart::source
