// SPDX-License-Identifier: Apache-2.0
//
// Where raw files come from: daypart generate makes them, daypart upload brings them into the lake.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/progress.h"
#include "generate/faults.h"
#include "generate/generate.h"
#include "store/directory_store.h"
#include "store/upload.h"

namespace daypart::app {
namespace {

Result<generate::GenerateReport> GenerateWithProgress(store::ObjectStore& store,
                                                      const generate::GenerateOptions& options,
                                                      const CancelToken& cancel,
                                                      const OutputOptions& output) {
  ProgressLine line(output);
  const auto show = [&](const generate::GenerateProgress& progress) {
    line.Show(progress.file, progress.rows_done, progress.rows_total,
              FormatCount(static_cast<int64_t>(progress.rows_done)) + " rows");
  };
  return generate::Generate(store, options, show, cancel);
}

nlohmann::json FaultsJson(const generate::GenerateReport& report) {
  nlohmann::json faults = nlohmann::json::object();
  for (size_t kind = 0; kind < generate::kFaultKindsCount; ++kind) {
    const auto name = generate::FaultKindName(static_cast<generate::FaultKind>(kind));
    faults[std::string(name)] = report.fault_counts[kind];
  }
  return faults;
}

std::string FaultsText(const generate::GenerateReport& report) {
  std::string text;
  for (size_t kind = 0; kind < generate::kFaultKindsCount; ++kind) {
    const auto count = static_cast<int64_t>(report.fault_counts[kind]);
    const auto name = generate::FaultKindName(static_cast<generate::FaultKind>(kind));
    text += (text.empty() ? "" : ", ") + FormatCount(count) + ' ' + std::string(name);
  }
  return text;
}

Result<store::UploadReport> UploadWithProgress(LakeSession& session,
                                               const store::UploadOptions& options,
                                               const OutputOptions& output) {
  ProgressLine line(output);
  const auto show = [&](const store::UploadProgress& progress) {
    line.Show(progress.name, progress.bytes_done, progress.bytes_total,
              FormatBytes(static_cast<int64_t>(progress.bytes_done)) + " of " +
                  FormatBytes(static_cast<int64_t>(progress.bytes_total)));
  };
  return store::Upload(session.store(), options, show, session.context().cancel);
}

}  // namespace

Result<int> RunGenerate(const GenerateArguments& arguments, const CancelToken& cancel,
                        const OutputOptions& output) {
  SystemClock clock;
  const UtcMicros start = clock.Now();
  // Generated data can be made again, so no write waits for the disk.
  const auto store = store::MakeDirectoryStore({.sync = false});
  generate::GenerateOptions options;
  std::error_code error;
  options.out =
      "file://" + std::filesystem::absolute(arguments.out, error).lexically_normal().string();
  while (options.out.ends_with('/')) options.out.pop_back();
  options.viewers_count = arguments.viewers;
  options.channels_count = arguments.channels;
  options.days_count = arguments.days;
  options.events_count = arguments.events;
  options.seed = arguments.seed;
  options.has_jsonl = arguments.has_jsonl;
  options.has_faults = arguments.has_faults;
  DAYPART_TRY(const auto report, GenerateWithProgress(*store, options, cancel, output));
  const double seconds = static_cast<double>(clock.Now().value() - start.value()) / 1e6;
  nlohmann::json files = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& file : report.files) {
    const std::string name = file.location.substr(options.out.size() + 1);
    files.push_back({{"file", name}, {"rows", file.rows}, {"bytes", file.bytes}});
    rows.push_back({name, FormatCount(static_cast<int64_t>(file.rows)),
                    FormatBytes(static_cast<int64_t>(file.bytes))});
  }
  if (output.is_json) {
    PrintLine(
        nlohmann::json{{"files", files}, {"faults", FaultsJson(report)}, {"seconds", seconds}}.dump(
            2));
  } else if (!output.is_quiet) {
    PrintLine(FormatTable({"file", "rows", "size"}, rows, {false, true, true}));
    if (options.has_faults) {
      PrintLine("faults in viewership_logs: " + FaultsText(report) +
                "; faults_manifest.json lists them");
    }
    PrintLine("made in " + FormatSeconds(seconds) + " under " + arguments.out);
  }
  return kExitDone;
}

Result<int> RunUpload(LakeSession& session, const UploadArguments& arguments,
                      const OutputOptions& output) {
  store::UploadOptions options;
  const std::vector<std::string> sources(arguments.paths.begin(), arguments.paths.end() - 1);
  DAYPART_TRY(options.files,
              store::SelectUploads({.paths = sources, .is_recursive = arguments.is_recursive}));
  options.prefix = session.LakeLocation(arguments.paths.back());
  options.verify_content = arguments.verifies;
  const UtcMicros start = session.clock().Now();
  DAYPART_TRY(const auto report, UploadWithProgress(session, options, output));
  const double seconds = static_cast<double>(session.clock().Now().value() - start.value()) / 1e6;
  if (output.is_json) {
    PrintLine(nlohmann::json{
        {"files", report.files.size()},
        {"copied_bytes", report.copied_bytes},
        {"unchanged_bytes", report.unchanged_bytes},
        {"seconds",
         seconds}}.dump());
  } else if (!output.is_quiet) {
    PrintLine(FormatCount(static_cast<int64_t>(report.files.size())) + " files to " +
              arguments.paths.back() + ": " +
              FormatBytes(static_cast<int64_t>(report.copied_bytes)) + " copied, " +
              FormatBytes(static_cast<int64_t>(report.unchanged_bytes)) + " there already, in " +
              FormatSeconds(seconds));
  }
  return kExitDone;
}

}  // namespace daypart::app
