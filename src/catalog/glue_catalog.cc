// SPDX-License-Identifier: Apache-2.0
//
// Calls of the Glue API (JSON 1.1). An update names the VersionId it was planned on, so of two
// writers one gets ConcurrentModificationException. SkipArchive, because Iceberg keeps its own
// history and Glue keeps 100,000 versions at most.
#include "catalog/glue_catalog.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "catalog/glue_projection.h"
#include "catalog/glue_table.h"

namespace daypart::catalog {
namespace {

using nlohmann::json;

/// GetTables and the like: more pages are a loop of the server's.
constexpr int kPagesMax = 10'000;
/// What one BatchCreatePartition takes.
constexpr size_t kPartitionsOfOneCall = 100;
/// Tables remembered between a load and its commit.
constexpr size_t kTablesSeenMax = 256;

std::string LocationIn(const json& table) {
  const auto parameters = table.find("Parameters");
  if (parameters == table.end()) return "";
  return parameters->value("metadata_location", "");
}

class GlueService final : public GlueCatalog {
 public:
  GlueService(const GlueSurroundings& around, GlueOptions options)
      : store_(around.store),
        catalog_id_(options.catalog_id),
        projects_partitions_(options.projects_partitions),
        service_(around.http, around.credentials, around.clock, around.random, around.cancel,
                 {.name = "glue",
                  .region = options.region,
                  .endpoint = options.endpoint,
                  .retry = options.retry}) {}

  Status CreateDatabase(std::string_view database,
                        const std::map<std::string, std::string>& properties) override {
    json input = {{"Name", database}, {"Parameters", properties}};
    if (const auto at = properties.find("location"); at != properties.end()) {
      input["LocationUri"] = at->second;
    }
    return Done(Ask("CreateDatabase", {{"DatabaseInput", input}}));
  }

  Result<std::vector<std::string>> ListDatabases() override {
    std::vector<std::string> names;
    DAYPART_RETURN_IF_ERROR(Pages("GetDatabases", json::object(), "DatabaseList",
                                  [&](const json& item) -> Status {
                                    names.push_back(item.value("Name", ""));
                                    return Ok();
                                  }));
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::vector<TableName>> ListTables(std::string_view database) override {
    std::vector<TableName> names;
    Status listed = Pages("GetTables", {{"DatabaseName", database}}, "TableList",
                          [&](const json& table) -> Status {
                            if (is_iceberg_table(table)) {
                              names.push_back({std::string(database), table.value("Name", "")});
                            }
                            return Ok();
                          });
    if (!listed && listed.error().code != ErrorCode::kNotFound) return std::move(listed).error();
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::string> MetadataLocation(const TableName& name) override {
    DAYPART_TRY(const json table, IcebergTable(name));
    return LocationIn(table);
  }

  Status CreateTable(const TableName& name, std::string_view metadata_location) override {
    DAYPART_TRY(const auto metadata, Metadata(metadata_location));
    const json input = IcebergTableInput(json::object(), name.table,
                                         std::string(metadata_location), "", metadata);
    auto created =
        Ask("CreateTable", {{"DatabaseName", name.database}, {"TableInput", input}});
    if (created || !created.error().is_uncertain) return Done(std::move(created));
    // The answer was lost, or the one that came is to a repetition: the table tells whose it is.
    const auto found = MetadataLocation(name);
    if (found && *found == metadata_location) return Ok();
    return Done(std::move(created));
  }

  Status CompareAndSwap(const TableName& name, std::string_view expected,
                        std::string_view next) override {
    // The table as it was loaded for this commit names the version that the update builds on; if
    // Glue has a newer one it refuses, so asking again beforehand would only cost a round trip.
    json table = TakeSeen(name, expected);
    if (table.is_null()) {
      DAYPART_TRY(table, IcebergTable(name));
    }
    if (LocationIn(table) != expected) {
      return Conflict("table " + ToString(name) + " was changed by another commit: expected " +
                      std::string(expected) + ", found " + LocationIn(table));
    }
    DAYPART_TRY(const auto metadata, Metadata(next));
    json request = {{"DatabaseName", name.database},
                    {"SkipArchive", true},
                    {"TableInput", IcebergTableInput(table, name.table, std::string(next),
                                                     std::string(expected), metadata)}};
    if (table.contains("VersionId")) request["VersionId"] = table["VersionId"];
    auto updated = Ask("UpdateTable", request);
    if (updated) return Ok();
    const bool is_refused = updated.error().error.code == ErrorCode::kConflict;
    if (!updated.error().is_uncertain) return Done(std::move(updated));
    // An attempt may have been carried out. Ours is there, or it was refused for certain because
    // the table is at another version; all else is for the caller to look at later.
    const auto found = MetadataLocation(name);
    if (found && *found == next) return Ok();
    if (found && is_refused && *found == expected) {
      return Conflict("table " + ToString(name) + " was changed by another program");
    }
    return CommitUnknown("UpdateTable " + ToString(name) + ": " + updated.error().error.message);
  }

  Status DropTable(const TableName& name) override {
    DAYPART_TRY(const json table, IcebergTable(name));
    Answer dropped =
        Ask("DeleteTable", {{"DatabaseName", name.database}, {"Name", name.table}});
    // It was there a moment ago: an attempt whose answer was lost has dropped it.
    const bool is_gone = !dropped && dropped.error().is_uncertain &&
                         dropped.error().error.code == ErrorCode::kNotFound;
    return is_gone ? Ok() : Done(std::move(dropped));
  }

  /// Glue cannot rename: the entry is made anew under the new name and the old one is deleted.
  Status RenameTable(const TableName& from, const TableName& to) override {
    DAYPART_TRY(const json table, IcebergTable(from));
    DAYPART_RETURN_IF_ERROR(CreateTable(to, LocationIn(table)));
    return DropTable(from);
  }

  Result<std::vector<RawTable>> ListRawTables(std::string_view database) override {
    std::vector<RawTable> tables;
    Status listed = Pages("GetTables", {{"DatabaseName", database}}, "TableList",
                          [&](const json& table) -> Status {
                            if (is_iceberg_table(table)) return Ok();
                            auto raw = RawTableOfGlue(table, std::string(database));
                            // A view, or files of another format, is no raw table of ours.
                            if (!raw) return Ok();
                            tables.push_back(std::move(raw).value());
                            return Ok();
                          });
    if (!listed && listed.error().code != ErrorCode::kNotFound) return std::move(listed).error();
    for (RawTable& table : tables) DAYPART_RETURN_IF_ERROR(AddPartitions(table));
    return tables;
  }

  Result<RawTable> GetRawTable(const TableName& name) override {
    DAYPART_TRY(const json table, Table(name));
    if (is_iceberg_table(table)) return NotFound("no raw table " + ToString(name));
    DAYPART_TRY(RawTable raw, RawTableOfGlue(table, name.database));
    DAYPART_RETURN_IF_ERROR(AddPartitions(raw));
    return raw;
  }

  Status PutRawTable(const RawTable& table) override {
    json input = RawTableInput(table);
    if (projects_partitions_) input["Parameters"].update(ProjectionOf(table));
    json request = {{"DatabaseName", table.name.database}, {"TableInput", input}};
    std::vector<RawPartition> known;
    if (table.version == 0) {
      auto created = Done(Ask("CreateTable", request));
      if (!created && created.error().code == ErrorCode::kAlreadyExists) {
        return Conflict("raw table " + ToString(table.name) + " is there already");
      }
      if (!created) return created;
    } else {
      DAYPART_TRY(const RawTable now, GetRawTable(table.name));
      if (now.version != table.version) {
        return Conflict("raw table " + ToString(table.name) +
                        " was changed by another program: expected version " +
                        std::to_string(table.version) + ", found " + std::to_string(now.version));
      }
      known = now.partitions;
      request["VersionId"] = std::to_string(table.version - 1);
      DAYPART_RETURN_IF_ERROR(Done(Ask("UpdateTable", request)));
    }
    return PutPartitions(table, known);
  }

  Status DropRawTable(const TableName& name) override {
    return Done(Ask("DeleteTable", {{"DatabaseName", name.database}, {"Name", name.table}}));
  }

 private:
  struct Failure {
    Error error;
    bool is_uncertain = false;  // an attempt may have been carried out
  };
  /// An answer or a Failure; a Result cannot carry the second word.
  class Answer {
   public:
    // NOLINTNEXTLINE(google-explicit-constructor)
    Answer(json value) : value_(std::move(value)) {}
    // NOLINTNEXTLINE(google-explicit-constructor)
    Answer(Failure failure) : failure_(std::move(failure)) {}
    explicit operator bool() const { return !failure_.has_value(); }
    json& value() { return value_; }
    Failure& error() { return *failure_; }

   private:
    json value_;
    std::optional<Failure> failure_;
  };

  static Status Done(Answer answer) {
    if (answer) return Ok();
    return std::move(answer.error().error);
  }

  Answer Ask(const std::string& action, json request) {
    if (!catalog_id_.empty()) request["CatalogId"] = catalog_id_;
    const std::string body = request.dump(-1, ' ', false, json::error_handler_t::replace);
    auto answer = service_.Call({.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                                             {"X-Amz-Target", "AWSGlue." + action}},
                                 .body = std::as_bytes(std::span(body.data(), body.size()))});
    if (!answer) {
      const bool is_uncertain = answer.error().code == ErrorCode::kUnavailable ||
                                answer.error().code == ErrorCode::kCancelled;
      return Failure{std::move(answer).error(), is_uncertain};
    }
    if (answer->response.is_success()) {
      if (answer->response.body.empty()) return json::object();
      json value = json::parse(answer->response.body, nullptr, false);
      if (value.is_object()) return value;
      // A proxy's own page, which tells nothing of what became of the call.
      return Failure{Unavailable("glue:" + action + ": JSON is expected, found none"), true};
    }
    const aws::ServiceError said = aws::ErrorOfAnswer(answer->response);
    Error error = aws::ToError(answer->response, "glue:" + action);
    if (said.code == "EntityNotFoundException") error.code = ErrorCode::kNotFound;
    if (said.code == "AlreadyExistsException") error.code = ErrorCode::kAlreadyExists;
    if (said.code == "ConcurrentModificationException" || said.code == "VersionMismatchException") {
      error.code = ErrorCode::kConflict;
    }
    // source: AWS Glue API, common exceptions: Glue's own limit of time, with status 400.
    const bool is_timed_out = said.code == "OperationTimeoutException";
    if (is_timed_out) error.code = ErrorCode::kUnavailable;
    const bool is_uncertain =
        is_timed_out || answer->may_have_acted_before || answer->response.status >= 500;
    return Failure{std::move(error), is_uncertain};
  }

  Status Pages(const std::string& action, json request, const char* list,
               const std::function<Status(const json&)>& visit) {
    for (int page = 0; page < kPagesMax; ++page) {
      Answer answer = Ask(action, request);
      if (!answer) return std::move(answer.error().error);
      const json items = answer.value().value(list, json::array());
      for (const json& item : items) DAYPART_RETURN_IF_ERROR(visit(item));
      const std::string token = answer.value().value("NextToken", "");
      if (token.empty()) return Ok();
      request["NextToken"] = token;
    }
    return ResourceExhausted("glue:" + action + ": pages without end");
  }

  Result<json> Table(const TableName& name) {
    Answer answer = Ask("GetTable", {{"DatabaseName", name.database}, {"Name", name.table}});
    if (answer) return answer.value().value("Table", json::object());
    if (answer.error().error.code == ErrorCode::kNotFound) {
      return NotFound("there is no table " + ToString(name) + " in Glue; see daypart tables");
    }
    return std::move(answer.error().error);
  }

  Result<json> IcebergTable(const TableName& name) {
    DAYPART_TRY(json table, Table(name));
    if (!is_iceberg_table(table) || LocationIn(table).empty()) {
      return NotFound(ToString(name) + " is in Glue, but is no Iceberg table");
    }
    // Without a version there is nothing that would refuse an update of a stale table.
    if (table.contains("VersionId")) {
      const std::lock_guard lock(mutex_);
      if (seen_.size() >= kTablesSeenMax) seen_.clear();
      seen_.insert_or_assign(name, table);
    }
    return table;
  }

  /// The table as seen last, if it points to `expected`; null if not. It is good for one update.
  json TakeSeen(const TableName& name, std::string_view expected) {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(name);
    if (found == seen_.end()) return nullptr;
    json table = std::move(found->second);
    seen_.erase(found);
    return LocationIn(table) == expected ? table : json();
  }

  Result<iceberg::TableMetadata> Metadata(std::string_view location) {
    DAYPART_TRY(const std::string text, store_.Get(location));
    return iceberg::ParseTableMetadata(text).WithContext(location);
  }

  Status AddPartitions(RawTable& table) {
    if (table.partition_columns.empty()) return Ok();
    table.partitions.clear();
    Status listed =
        Pages("GetPartitions",
              {{"DatabaseName", table.name.database}, {"TableName", table.name.table}},
              "Partitions", [&](const json& item) -> Status {
                RawPartition partition;
                partition.values = item.value("Values", std::vector<std::string>());
                partition.location =
                    item.value("StorageDescriptor", json::object()).value("Location", "");
                if (!partition.location.ends_with('/')) partition.location += '/';
                table.partitions.push_back(std::move(partition));
                return Ok();
              });
    std::sort(table.partitions.begin(), table.partitions.end(),
              [](const RawPartition& left, const RawPartition& right) {
                return left.location < right.location;
              });
    return listed;
  }

  Status PutPartitions(const RawTable& table, const std::vector<RawPartition>& known) {
    const auto is_in = [](const std::vector<RawPartition>& list, const RawPartition& one) {
      return std::find(list.begin(), list.end(), one) != list.end();
    };
    const json name = {{"DatabaseName", table.name.database}, {"TableName", table.name.table}};
    for (const RawPartition& old : known) {
      if (is_in(table.partitions, old)) continue;
      json request = name;
      request["PartitionValues"] = old.values;
      auto gone = Done(Ask("DeletePartition", request));
      if (!gone && gone.error().code != ErrorCode::kNotFound) return gone;
    }
    json inputs = json::array();
    const auto send = [&]() -> Status {
      if (inputs.empty()) return Ok();
      json request = name;
      request["PartitionInputList"] = std::exchange(inputs, json::array());
      return Done(Ask("BatchCreatePartition", request));
    };
    for (const RawPartition& partition : table.partitions) {
      if (is_in(known, partition)) continue;
      inputs.push_back(PartitionInput(table, partition));
      if (inputs.size() == kPartitionsOfOneCall) DAYPART_RETURN_IF_ERROR(send());
    }
    return send();
  }

  std::mutex mutex_;  // guards seen_
  std::map<TableName, json> seen_;
  store::ObjectStore& store_;
  const std::string catalog_id_;
  const bool projects_partitions_;
  aws::Service service_;
};

}  // namespace

std::unique_ptr<GlueCatalog> OpenGlueCatalog(const GlueSurroundings& surroundings,
                                             GlueOptions options) {
  return std::make_unique<GlueService>(surroundings, std::move(options));
}

}  // namespace daypart::catalog
