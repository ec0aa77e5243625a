// SPDX-License-Identifier: Apache-2.0
//
// PutRecords of Amazon Kinesis, or of a server that speaks its API, as a producer's call.
#pragma once

#include <string>

#include "aws/service.h"
#include "ingest/producer.h"

namespace daypart::ingest {

/// stream: a name or an ARN. service must outlive the call. A stream that is not there, keys that
/// are not known and requests that are wrong end the producer; throttling, 5xx and lost answers are
/// to be sent again.
SendCall KinesisCall(aws::Service& service, std::string stream);

/// The line's value of a top-level field, a text without its quotes or a number as written; the
/// line's own hash if it is not there or the line is no JSON object.
std::string PartitionKeyOf(std::string_view line, std::string_view field);

}  // namespace daypart::ingest
