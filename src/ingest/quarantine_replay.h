// SPDX-License-Identifier: Apache-2.0
//
// QuarantineReplay: records of a stream that did not fit its table are decoded again after a fix,
// and those that fit now go to the table and to the stream's files and leave the quarantine.
//
// The commit that adds rows to the table names them in a ledger; the commit of the files names the
// ledger; then the rows leave the quarantine. A replay that was killed in between is finished by
// the next one from the ledger: no event is lost, none is there twice. See
// docs/formats/quarantine.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "ingest/files_sink.h"
#include "ingest/record_decoder.h"
#include "ingest/table_sink.h"

namespace daypart::ingest {

struct ReplayOptions {
  TableSinkOptions table;
  /// Absent if the stream has no files.
  std::optional<FilesSinkOptions> files;
  int64_t ahead_micros_max = 0;
  bool coerce_strings = false;
  /// Nothing is written; the report says what would be.
  bool is_dry_run = false;
  /// Rows of one commit.
  int64_t commit_rows_max = 100'000;
};

struct ReplayReport {
  int64_t replayed = 0;
  /// Their event is in the table already, by its id: they only leave the quarantine.
  int64_t repeated = 0;
  int64_t failing = 0;
  /// Reasons of the failing ones, as often as they came.
  std::map<std::string, int64_t> reasons;
};

/// What quarantine knows a record by: source_file, source_version, byte_offset.
using QuarantineKey = std::tuple<std::string, std::string, int64_t>;

class QuarantineReplay {
 public:
  /// Both must outlive the replay.
  QuarantineReplay(const lake::LakeContext& context, Clock& clock, ReplayOptions options);

  /// Once only. errors: kNotFound if the table is not there; kConflict if others kept changing the
  ///   table or the quarantine; those of the lake.
  Result<ReplayReport> Run();

 private:
  struct KeptRecord {
    QuarantineKey key;
    std::string raw;
    std::string raw_format;  // see Quarantine; empty for JSON and where none was kept
  };
  struct Ledger {
    std::string id;
    std::vector<QuarantineKey> keys;
  };
  struct Fitting {
    std::shared_ptr<arrow::RecordBatch> rows;
    std::vector<size_t> record_of_row;  // index into the records, rising
  };
  using Filter = std::function<bool(const QuarantineKey&)>;

  Result<std::vector<KeptRecord>> ReadRecords(const Filter& is_wanted) const;
  /// Why a record is not decoded at all; empty if it is.
  static std::string WhyLeft(const KeptRecord& record);
  Result<DecodedRun> DecodeOne(RecordDecoder& decoder, const KeptRecord& record) const;
  Result<Fitting> Decode(const lake::LoadedTable& table, const std::vector<KeptRecord>& records,
                         std::vector<std::string>& reasons) const;
  Result<Ledger> ReadLedger(const lake::LoadedTable& table) const;
  Status FinishEarlier();
  /// false: no record was left to look at.
  Result<bool> ReplaySome();
  /// Adds those rows whose id the table does not have. returns: their numbers.
  Result<std::vector<int32_t>> AddToTable(const std::vector<KeptRecord>& records, Fitting& fitting,
                                          const std::string& ledger_id);
  Result<std::vector<int32_t>> RowsToAdd(const lake::LoadedTable& table,
                                         const Fitting& fitting) const;
  Status CommitRows(const lake::LoadedTable& table, const std::shared_ptr<arrow::RecordBatch>& rows,
                    const Ledger& ledger);
  Status AddToFiles(const std::shared_ptr<arrow::RecordBatch>& rows, const std::string& ledger_id);
  Status RemoveFromQuarantine(const std::set<QuarantineKey>& keys) const;

  const lake::LakeContext& context_;
  Clock& clock_;
  const ReplayOptions options_;
  const std::string ledger_key_;
  ReplayReport report_;
  std::set<QuarantineKey> seen_;  // those that stay in quarantine
};

}  // namespace daypart::ingest
