// SPDX-License-Identifier: Apache-2.0
//
// pipeline.toml to tasks in an order that keeps dependencies.
#include "pipeline/pipeline_file.h"

#include <toml++/toml.h>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

namespace daypart::pipeline {
namespace {

Result<std::vector<std::string>> Strings(const toml::node& node, const std::string& key) {
  std::vector<std::string> out;
  if (const auto one = node.value<std::string>()) return std::vector<std::string>{*one};
  if (node.is_array()) {
    for (const auto& item : *node.as_array()) {
      const auto text = item.value<std::string>();
      if (!text) return InvalidArgument(key + " is to be a list of texts");
      out.push_back(*text);
    }
    return out;
  }
  return InvalidArgument(key + " is to be a text or a list of texts");
}

Result<std::string> ReadText(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return NotFound(path.string() + " is not there");
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

Status SetKey(Task& task, const std::string& key, const toml::node& node,
              const std::filesystem::path& folder) {
  if (key == "inserts_only" || key == "optional") {
    if (!node.is_boolean()) return InvalidArgument(key + " is to be true or false");
    (key == "optional" ? task.is_optional : task.inserts_only) = *node.value<bool>();
    return Ok();
  }
  DAYPART_TRY(const auto values, Strings(node, key));
  const std::string first = values.empty() ? "" : values.front();
  if (key == "name") {
    task.name = first;
  } else if (key == "source") {
    DAYPART_TRY(task.source, catalog::ParseTableName(first, "media_raw"));
  } else if (key == "target") {
    DAYPART_TRY(task.target, catalog::ParseTableName(first, "media"));
  } else if (key == "key") {
    task.key_columns = values;
  } else if (key == "order") {
    task.order_column = first;
  } else if (key == "partition") {
    task.partition = first;
  } else if (key == "depends_on") {
    task.depends_on = values;
  } else if (key == "sql") {
    DAYPART_TRY(task.sql, ReadText(folder / first));
  } else {
    return InvalidArgument("unknown key " + key);
  }
  return Ok();
}

Result<Task> ReadTask(const toml::table& table, const std::filesystem::path& folder) {
  Task task;
  for (const auto& [key, node] : table) {
    DAYPART_RETURN_IF_ERROR(SetKey(task, std::string(key.str()), node, folder)
                                .WithContext("line " + std::to_string(node.source().begin.line)));
  }
  const bool is_whole = !task.name.empty() && !task.source.table.empty() &&
                        !task.target.table.empty() && !task.key_columns.empty() &&
                        !task.sql.empty();
  if (!is_whole) {
    return InvalidArgument(
        "a task needs name, source, target, key and sql; one of them is missing in '" + task.name +
        "'");
  }
  return task;
}

/// Tasks after those they depend on, in the file's order otherwise.
Result<std::vector<Task>> InOrder(std::vector<Task> tasks) {
  std::set<std::string> names;
  for (const Task& task : tasks) {
    if (!names.insert(task.name).second) return InvalidArgument("two tasks are named " + task.name);
  }
  std::vector<Task> ordered;
  std::set<std::string> done;
  while (!tasks.empty()) {
    const auto ready = std::find_if(tasks.begin(), tasks.end(), [&](const Task& task) {
      return std::all_of(task.depends_on.begin(), task.depends_on.end(),
                         [&](const std::string& name) { return done.contains(name); });
    });
    if (ready == tasks.end()) {
      for (const std::string& name : tasks.front().depends_on) {
        if (names.contains(name)) continue;
        return InvalidArgument("task " + tasks.front().name + " depends on " + name +
                               ", which is no task");
      }
      return InvalidArgument("task " + tasks.front().name + " depends on itself by way of others");
    }
    done.insert(ready->name);
    ordered.push_back(std::move(*ready));
    tasks.erase(ready);
  }
  return ordered;
}

}  // namespace

Result<Pipeline> ReadPipeline(const std::filesystem::path& folder) {
  const auto path = folder / "pipeline.toml";
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return NotFound(path.string() + " is not there");
  }
  Pipeline pipeline;
  pipeline.name = folder.filename().string();
  std::vector<Task> tasks;
  try {
    const toml::table table = toml::parse_file(path.string());
    const auto* list = table["task"].as_array();
    if (list == nullptr || table.size() != 1) {
      return InvalidArgument(path.string() + ": a list of [[task]] and nothing else is expected");
    }
    for (const auto& item : *list) {
      if (!item.is_table()) return InvalidArgument(path.string() + ": [[task]] is expected");
      auto task = ReadTask(*item.as_table(), folder);
      if (!task) return std::move(task).error().WithContext(path.string());
      tasks.push_back(std::move(task).value());
    }
  } catch (const toml::parse_error& exception) {
    return InvalidArgument(path.string() + ", line " +
                           std::to_string(exception.source().begin.line) + ": " +
                           std::string(exception.description()));
  }
  auto ordered = InOrder(std::move(tasks));
  if (!ordered) return std::move(ordered).error().WithContext(path.string());
  pipeline.tasks = std::move(ordered).value();
  return pipeline;
}

}  // namespace daypart::pipeline
