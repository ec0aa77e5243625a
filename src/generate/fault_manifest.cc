// SPDX-License-Identifier: Apache-2.0
//
// Writing the manifest of faults.
#include "generate/fault_manifest.h"

#include <utility>

namespace daypart::generate {
namespace {

constexpr std::string_view kCsvName = "viewership_logs.csv";

}  // namespace

FaultManifest::FaultManifest(std::unique_ptr<store::ObjectWriter> writer, uint64_t seed,
                             bool has_jsonl)
    : writer_(std::move(writer)), has_jsonl_(has_jsonl) {
  text_.Append("{\"format\": 1, \"seed\": ");
  text_.Commit(PutNumber(text_.Reserve(32), seed));
  text_.Append(", \"rows\": [");
}

Status FaultManifest::Add(const std::vector<PlacedFault>& faults) {
  for (const PlacedFault& fault : faults) {
    PutEntry(kCsvName, fault.row + 2, fault);  // behind the header, from 1
    if (has_jsonl_) PutEntry(kJsonlName, fault.row + 1, fault);
    ++counts_[static_cast<size_t>(fault.kind)];
  }
  return Flush();
}

void FaultManifest::PutEntry(std::string_view file, uint64_t line, const PlacedFault& fault) {
  char* at = text_.Reserve(256);
  at = PutText(PutText(at, rows_ == 0 ? "\n" : ",\n"), "{\"file\": \"");
  at = PutNumber(PutText(PutText(at, file), "\", \"line\": "), line);
  at = PutText(PutText(at, ", \"kind\": \""), FaultKindName(fault.kind));
  at = PutText(PutNumber(PutText(at, "\", \"event_id\": "), fault.event_id), "}");
  text_.Commit(at);
  ++rows_;
}

Status FaultManifest::Finish(uint64_t sound_rows) {
  text_.Append("],\n\"counts\": {");
  PutCounts(kCsvName, sound_rows);
  if (has_jsonl_) {
    text_.Append(",\n");
    PutCounts(kJsonlName, sound_rows);
  }
  text_.Append("}}\n");
  DAYPART_RETURN_IF_ERROR(Flush());
  return writer_->Finish();
}

void FaultManifest::PutCounts(std::string_view file, uint64_t sound_rows) {
  uint64_t rows = sound_rows;
  for (size_t kind = 0; kind < kExtraRowKindsCount; ++kind) rows += counts_[kind];
  char* at = text_.Reserve(1024);
  at = PutText(PutText(PutText(at, "\""), file), "\": {\"rows\": ");
  at = PutNumber(PutText(PutNumber(at, rows), ", \"sound_rows\": "), sound_rows);
  for (size_t kind = 0; kind < kFaultKindsCount; ++kind) {
    at = PutText(PutText(at, ", \""), FaultKindName(static_cast<FaultKind>(kind)));
    at = PutNumber(PutText(at, "\": "), counts_[kind]);
  }
  text_.Commit(PutText(at, "}"));
}

Status FaultManifest::Flush() {
  const Status written = writer_->Append(std::as_bytes(std::span(text_.view())));
  text_.Clear();
  return written;
}

}  // namespace daypart::generate
