// SPDX-License-Identifier: Apache-2.0
//
// Ledger: which input files a table has taken in. It lies beside the table's metadata and is named
// by the snapshot that holds the rows, so that both become true in one commit: a run that was
// killed finds its files either taken in with their rows or neither.
//
// The object is JSON: {"version": 1, "files": [{"location", "bytes", "etag"}, …]}, sorted by
// location.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "lake/table.h"

namespace daypart::pipeline {

/// Key in the snapshot summary and among the table's properties.
inline constexpr char kLedgerKey[] = "daypart.inputs-ledger";

/// Location -> file as it was when it was taken in.
using Ledger = std::map<std::string, store::ObjectInfo>;

/// The ledger of the table's current state; empty if it never had one. After a rollback it is the
/// one of the snapshot gone back to.
Result<Ledger> ReadLedger(const lake::LakeContext& context, const lake::LoadedTable& table);

/// Writes the ledger under a new name and returns its location, for the commit to name.
Result<std::string> WriteLedger(const lake::LakeContext& context, const lake::LoadedTable& table,
                                const Ledger& ledger);

}  // namespace daypart::pipeline
