// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a command line, in the words of the other errors: what was expected, what was
// found, the name that was likely meant, and which --help tells more.
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace daypart::app {

/// Of a line that the parser refused.
std::string TellUsageError(const CLI::App& app, const CLI::ParseError& error);

/// "unknown command tabels; did you mean tables? …", of a line that was parsed but for such words.
std::optional<std::string> TellUnknownWord(const CLI::App& app);

}  // namespace daypart::app
