// SPDX-License-Identifier: Apache-2.0
//
// The parser's own words where they are clear, ours where they are not.
#include "app/usage_message.h"

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "catalog/nearest_name.h"

namespace daypart::app {
namespace {

/// The innermost command that was named.
const CLI::App& CommandOf(const CLI::App& app) {
  const auto named = app.get_subcommands();
  return named.empty() ? app : CommandOf(*named.front());
}

/// "daypart stream create"
std::string NameOf(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return (parent == nullptr ? "" : NameOf(*parent) + ' ') + command.get_name();
}

std::string WithHint(std::string message, const CLI::App& app) {
  const CLI::App& command = CommandOf(app);
  const bool is_whole = command.get_parent() == nullptr;
  message += message.ends_with('?') ? " " : "; ";
  return message + NameOf(command) +
         (is_whole ? " --help lists them" : " --help tells what it takes");
}

std::string Suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const auto nearest = catalog::NearestName(word, candidates);
  return nearest ? "; did you mean " + *nearest + '?' : "";
}

/// The options that a command takes, those of all commands included.
std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

}  // namespace

std::string TellUsageError(const CLI::App& app, const CLI::ParseError& error) {
  // A mistyped option is why a required one is missing.
  if (const auto rest = app.remaining(/*recurse=*/true);
      !rest.empty() && rest.front().starts_with("-")) {
    return *TellUnknownWord(app);
  }
  std::string message = error.what();
  constexpr std::string_view kUnread = "Could not convert: ";
  if (message.starts_with(kUnread)) {
    message.erase(0, kUnread.size());
    const size_t equals = message.find(" = ");
    if (equals != std::string::npos) {
      message = message.substr(0, equals) + ": a number is expected, found '" +
                message.substr(equals + 3) + "'";
    }
  }
  constexpr std::string_view kExcludes = " excludes ";
  if (const size_t at = message.find(kExcludes); at != std::string::npos) {
    message.replace(at, kExcludes.size(), " cannot be combined with ");
  }
  return WithHint(std::move(message), app);
}

std::optional<std::string> TellUnknownWord(const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  if (rest.empty()) return std::nullopt;
  const CLI::App& command = CommandOf(app);
  const std::string word = rest.front().substr(0, rest.front().find('='));
  if (word.starts_with("-")) {
    return WithHint("unknown option " + word + Suggestion(word, OptionNames(command)), app);
  }
  if (command.get_parent() == nullptr) {
    return WithHint("unknown command " + word + Suggestion(word, CommandNames(app)), app);
  }
  return WithHint("unknown argument " + word + Suggestion(word, CommandNames(command)), app);
}

}  // namespace daypart::app
