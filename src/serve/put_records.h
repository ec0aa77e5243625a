// SPDX-License-Identifier: Apache-2.0
//
// PutBatch: the records of one PutRecord or PutRecords call, their bytes in one buffer, checked
// against the service's limits before anything is appended.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serve/kinesis_reply.h"
#include "streamlog/stream_log.h"

namespace daypart::serve {

class PutBatch {
 public:
  /// append(std::string&): appends the next record's data and returns whether there was any.
  template <typename Append>
  void AddData(const Append& append) {
    const size_t start = bytes_.size();
    (void)append(bytes_);
    places_.push_back({.data = start, .data_end = bytes_.size()});
  }
  /// Of the record whose data was added last; explicit_key is empty if there is none.
  Status AddKeys(std::string_view partition_key, std::string_view explicit_key);

  /// What the service would refuse of it. is_list: of PutRecords. Fills records().
  std::optional<ServiceError> Check(bool is_list);
  /// Views of the batch; after Check.
  const std::vector<streamlog::ProducerRecord>& records() const { return records_; }

 private:
  struct Place {
    size_t data = 0;
    size_t data_end = 0;
    size_t key_end = 0;  // the key follows the data
    std::string explicit_key;
  };
  std::string bytes_;
  std::vector<Place> places_;
  std::vector<streamlog::ProducerRecord> records_;
};

/// Parses a PutRecords document. errors: kInvalidArgument for what is none.
Status ParsePutRecords(const std::string& body, std::string& stream, PutBatch& batch);

/// ErrorCode of a record that was refused.
std::string_view RecordErrorCode(const Error& error);

}  // namespace daypart::serve
