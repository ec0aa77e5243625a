// SPDX-License-Identifier: Apache-2.0
//
// The log: what a process did and met that its result does not tell (a commit lost and tried again,
// a retry, a skipped object). One line an event on standard error: time in UTC, level, message.
// Results and errors are not logged, they are returned.
#pragma once

#include <string_view>

#include "base/result.h"

namespace daypart {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// "debug", "info", "warning", "error" or "off". errors: kInvalidArgument for another word.
Result<LogLevel> ParseLogLevel(std::string_view text);

/// Lets events of this level and graver ones through, from here on in the whole process. Before the
/// first call it is kWarning.
void SetLogLevel(LogLevel level);

/// Thread-safe. Line ends in the message are shown as \n, so that nobody can forge a line. Never
/// log a secret.
void Log(LogLevel level, std::string_view message);

/// Whether Log would write: for messages that cost something to make.
bool is_logged(LogLevel level);

}  // namespace daypart
