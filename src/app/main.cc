// SPDX-License-Identifier: Apache-2.0
//
// The daypart binary: arguments to commands, errors to text and exit codes, Ctrl-C to a clean stop.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "app/allocator.h"
#include "app/options.h"
#include "app/usage_message.h"
#include "base/log.h"

namespace {

using daypart::CancelToken;
using daypart::Error;
using daypart::ErrorCode;
using daypart::ErrorCodeName;
using namespace daypart::app;  // NOLINT(google-build-using-namespace): this file is app's own

/// The token that the signal handler reaches; the one global, because a handler has no arguments.
CancelToken cancel_token;

void OnSignal(int) {
  if (cancel_token.is_cancelled()) _exit(130);
  cancel_token.Cancel();
}

void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

/// Whoever read standard output has gone, as head does: ended as any program is that does not
/// catch the signal, so that the shell sees 141 and nothing is said.
void EndIfNobodyReads() {
  (void)std::fflush(stdout);
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  const bool is_broken = std::ferror(stdout) != 0 && poll(&out, 1, 0) == 1 &&
                         (out.revents & POLLERR) != 0;
  if (!is_broken) return;
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

int ExitCodeOf(const Error& error, const OutputOptions& output) {
  if (error.code == ErrorCode::kCancelled && !cancel_token.is_cancelled()) EndIfNobodyReads();
  PrintError(ErrorCodeName(error.code), error.message, output);
  return error.code == ErrorCode::kCancelled ? 130 : kExitFailed;
}

int UsageError(const std::string& message, const OutputOptions& output) {
  PrintError("usage", message, output);
  return kExitUsage;
}

/// Before all is parsed, for what is wrong with the rest.
bool HasFlag(int argc, char** argv, std::string_view flag) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i] == flag) return true;
    if (argv[i] == std::string_view("--")) return false;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  KeepFreedBuffers();
  CatchSignals();
  CLI::App app("Daypart: media files and events in, Iceberg tables and answers out", "daypart");
  Options options(cancel_token);
  Action action;
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.allow_extras();  // An unknown command is told by its name below, not as an "argument".
  app.set_version_flag("--version", "daypart " DAYPART_VERSION);
  app.add_option("--config", options.config, "daypart.toml to use");
  app.add_option(
         "--log-level", options.log_level,
         "What is told on standard error of work under way: debug, info, warning, error, off")
      ->envname("DAYPART_LOG");
  app.add_flag("--quiet", options.output.is_quiet, "Print errors only");
  app.add_flag("--json", options.output.is_json, "Print results as JSON");
  AddLakeCommands(app, options, action);
  AddTableCommands(app, options, action);
  AddStreamCommands(app, options, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    options.output.is_json = HasFlag(argc, argv, "--json");
    return UsageError(TellUsageError(app, error), options.output);
  }
  if (const auto unknown = TellUnknownWord(app)) return UsageError(*unknown, options.output);
  if (!action) {
    PrintNotice(app.help());
    return kExitUsage;
  }
  const auto level = daypart::ParseLogLevel(options.log_level);
  if (!level) {
    return UsageError("--log-level: " + level.error().message, options.output);
  }
  daypart::SetLogLevel(*level);
  try {
    const auto code = action();
    if (code) EndIfNobodyReads();
    return code ? *code : ExitCodeOf(code.error(), options.output);
  } catch (const std::exception& exception) {
    PrintError("internal", std::string("unexpected: ") + exception.what(), options.output);
    return kExitFailed;
  }
}
