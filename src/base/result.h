// SPDX-License-Identifier: Apache-2.0
//
// Result<T> and Status: how every fallible function of Daypart reports. The member names are those
// of C++23's std::expected, so that the switch is a rename once the compiler has it. An Error
// carries a code only where some caller acts on it; everything else is told in the message.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace daypart {

/// What kind of failure it is; each value exists because some caller acts differently on it.
enum class ErrorCode {
  kInvalidArgument,   // the user's input or request is wrong: exit code 2 where it is usage, else 1
  kCorruptData,       // stored bytes contradict their format or their checksum
  kNotFound,          // the named thing is not there
  kAlreadyExists,     // the named thing is there already
  kConflict,          // an optimistic commit lost the race: reload, re-plan, retry
  kCommitUnknown,     // a commit may or may not have happened: look for it, delete nothing
  kUnavailable,       // passing trouble (timeout, throttle, lock held): retry within a budget
  kPermissionDenied,  // the operating system or the service refuses
  kUnsupported,       // valid, but not something this version reads or writes
  kCancelled,         // the user asked to stop
  kResourceExhausted,  // disk full or a named limit reached: stop, keep what is committed
};

/// The code's name in lower case with spaces, for messages: "invalid argument".
std::string_view ErrorCodeName(ErrorCode code);

/// A failure: what was expected, then what was found, the values last. Never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string message;

  /// Puts `context` and ": " before the message; one layer adds context once.
  Error WithContext(std::string_view context) &&;
};

/// The value of a function that worked, or the Error of one that did not.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  T value_or(T fallback) && { return has_value() ? std::move(*this).value() : std::move(fallback); }

  /// Adds context to the error, if there is one.
  Result WithContext(std::string_view context) && {
    if (has_value()) return std::move(*this);
    return std::move(*this).error().WithContext(context);
  }

 private:
  std::variant<T, Error> state_;
};

/// Result of a function that has nothing to return but that it worked.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error)
      : failed_(true), error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  void value() const {}

  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

  Result WithContext(std::string_view context) && {
    if (has_value()) return std::move(*this);
    return std::move(error_).WithContext(context);
  }

 private:
  bool failed_ = false;
  Error error_;
};

using Status = Result<void>;

/// The Status of a function that worked.
inline Status Ok() { return {}; }

// One constructor a code, so that a call reads as a sentence: return CorruptData("…").
Error InvalidArgument(std::string message);
Error CorruptData(std::string message);
Error NotFound(std::string message);
Error AlreadyExists(std::string message);
Error Conflict(std::string message);
Error CommitUnknown(std::string message);
Error Unavailable(std::string message);
Error PermissionDenied(std::string message);
Error Unsupported(std::string message);
Error Cancelled(std::string message);
Error ResourceExhausted(std::string message);

/// The Error for a failed system call: `what` was tried, `error_number` is errno. ENOSPC and EDQUOT
/// become kResourceExhausted, EACCES, EPERM and EROFS kPermissionDenied, ENOENT kNotFound, EEXIST
/// kAlreadyExists, EAGAIN and EINTR kUnavailable, all others kUnavailable with errno's text.
Error SystemError(std::string_view what, int error_number);

}  // namespace daypart

#define DAYPART_CONCAT_INNER(a, b) a##b
#define DAYPART_CONCAT(a, b) DAYPART_CONCAT_INNER(a, b)

/// Returns the error of `expr` from the enclosing function, if it failed.
#define DAYPART_RETURN_IF_ERROR(expr)                              \
  do {                                                             \
    auto daypart_status = (expr);                                  \
    if (!daypart_status) return std::move(daypart_status).error(); \
  } while (false)

/// DAYPART_TRY(auto table, Load(id)): declares or assigns the value, or returns the error.
#define DAYPART_TRY(lhs, expr) \
  DAYPART_TRY_INNER(DAYPART_CONCAT(daypart_result_, __COUNTER__), lhs, expr)
#define DAYPART_TRY_INNER(name, lhs, expr)   \
  auto name = (expr);                        \
  if (!name) return std::move(name).error(); \
  lhs = std::move(name).value()
