// SPDX-License-Identifier: Apache-2.0
//
// Learning and reading lines of one shape.
#include "decode/json_shape.h"

#include <emmintrin.h>

#include <bit>
#include <cstring>

#include "decode/column_builder_text.h"

namespace daypart::decode {
namespace {

constexpr size_t kLiteralBytesMax = 256;
static_assert(LineShape::kSlackBytes >= kLiteralBytesMax + kCellPadding + 32);

/// Where the text ends: at its closing quote; null if an escape or a control character comes
/// first, or the quote not before safe_end. Sixteen bytes a step (SSE2, part of x86-64).
inline const char* FindTextEnd(const char* at, const char* safe_end) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i escape = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  for (; at <= safe_end; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // max(byte, 0x1F) == 0x1F exactly for the control characters 0x00 to 0x1F.
    const __m128i is_control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control);
    const __m128i stops = _mm_or_si128(
        is_control, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, escape)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stops));
    if (mask != 0) {
      const char* stop = at + std::countr_zero(mask);
      return *stop == '"' ? stop : nullptr;
    }
  }
  return nullptr;
}

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

/// Length of the JSON number at the front: -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?; 0 if there is
/// none.
size_t NumberLength(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - start;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const size_t whole_at = at;
  const size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_at] == '0')) return 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return 0;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

/// The digits behind the first eight, up to 18 in all.
[[gnu::noinline]] const char* ReadLongInteger(const char* at, int64_t* number) {
  uint64_t word = 0;
  std::memcpy(&word, at, 8);
  if (at[0] == '0') return nullptr;
  int64_t value = EightDigits(word);
  int digits = 8;
  for (at += 8; is_digit(*at) && digits < 18; ++at, ++digits) value = value * 10 + (*at - '0');
  *number = value;
  return at;
}

/// Reads an integer of at most 18 digits. returns: behind it; null if there is none, or it has a
/// leading zero (or is -0, an integer to some readers only): then the parser is to decide, as it is
/// where more digits follow.
inline const char* ReadInteger(const char* at, int64_t* number) {
  const bool is_negative = *at == '-';
  at += is_negative ? 1 : 0;
  uint64_t word = 0;
  std::memcpy(&word, at, 8);
  const uint64_t digits = word ^ 0x3030303030303030;  // 0 to 9 where a byte is a digit
  // Sets the top bit of bytes over 9; right up to the first of them, which is what is looked for.
  const uint64_t stops = ((digits + 0x7676767676767676) | digits) & 0x8080808080808080;
  if (stops == 0) {
    at = ReadLongInteger(at, number);
  } else {
    const int bits = std::countr_zero(stops) & ~7;
    if (bits == 0 || (bits > 8 && *at == '0')) return nullptr;
    *number = EightDigits((digits << (64 - bits)) | 0x3030303030303030);
    at += bits / 8;
  }
  if (!is_negative) return at;
  *number = -*number;
  return *number == 0 ? nullptr : at;
}

bool is_word_at(const char* at, std::string_view word) {
  return std::memcmp(at, word.data(), word.size()) == 0;
}

const char* PushNull(const LineShape::Target& target, const char* at) {
  if (target.is_required || !is_word_at(at, "null")) return nullptr;
  target.builder->PushNull();
  return at + 4;
}

/// A text between quotes, or a null.
template <typename Column>
[[gnu::always_inline]] inline const char* ReadText(const LineShape::Target& target, const char* at,
                                                   const char* safe_end) {
  if (*at != '"') return PushNull(target, at);
  const char* end = FindTextEnd(++at, safe_end);
  if (end == nullptr) return nullptr;
  auto& column = static_cast<Column&>(*target.builder);
  const auto size = static_cast<size_t>(end - at);
  if constexpr (std::is_same_v<Column, BytesColumn>) {
    column.template PushText<true>(at, size);
  } else if (size == 0 || !column.template PushText<true>(at, size)) {
    return nullptr;  // The parser tells whether and why it is none.
  }
  return end + 1;
}

template <typename Column>
[[gnu::always_inline]] inline const char* ReadWhole(const LineShape::Target& target,
                                                    const char* at) {
  using Number = typename Column::Value;
  int64_t number = 0;
  const char* end = ReadInteger(at, &number);
  if (end == nullptr) return PushNull(target, at);
  if (static_cast<int64_t>(static_cast<Number>(number)) != number) return nullptr;
  static_cast<Column&>(*target.builder).Push(static_cast<Number>(number));
  return end;
}

template <typename Column>
const char* ReadFraction(const LineShape::Target& target, const char* at, const char* safe_end) {
  if (at > safe_end) return nullptr;
  const size_t size = NumberLength({at, static_cast<size_t>(safe_end - at)});
  if (size == 0) return PushNull(target, at);
  return static_cast<Column&>(*target.builder).template PushText<true>(at, size) ? at + size
                                                                                 : nullptr;
}

const char* ReadBoolean(const LineShape::Target& target, const char* at) {
  const bool is_true = is_word_at(at, "true");
  if (!is_true && !is_word_at(at, "false")) return PushNull(target, at);
  static_cast<BooleanColumn&>(*target.builder).Push(is_true ? 1 : 0);
  return at + (is_true ? 4 : 5);
}

}  // namespace

void LineShape::Literal::Set(std::string_view bytes) {
  text = bytes;
  const size_t size = std::min(bytes.size(), head.size());
  head.fill(0);
  bytes.copy(head.data(), size);
  mask = static_cast<uint32_t>((uint64_t{1} << size) - 1);
}

inline bool LineShape::Literal::is_at(const char* at) const {
  const auto load = [](const char* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  };
  const __m128i low = _mm_cmpeq_epi8(load(at), load(head.data()));
  const __m128i high = _mm_cmpeq_epi8(load(at + 16), load(head.data() + 16));
  const uint32_t same = static_cast<uint32_t>(_mm_movemask_epi8(low)) |
                        (static_cast<uint32_t>(_mm_movemask_epi8(high)) << 16);
  if ((~same & mask) != 0) return false;
  return text.size() <= head.size() ||
         std::memcmp(at + head.size(), text.data() + head.size(), text.size() - head.size()) == 0;
}

bool LineShape::Scan(std::string_view line) {
  // Words are compared behind the line's end, too.
  std::string padded(line);
  padded.append(kSlackBytes, ' ');
  const char* const begin = padded.data();
  const char* const end = begin + line.size();
  const auto skip_spaces = [end](const char* at) {
    while (at < end && *at == ' ') ++at;
    return at;
  };
  const char* from = begin;  // of the bytes between the last value and the next
  char separator = '{';
  while (true) {
    const char* at = skip_spaces(from);
    if (at == end || *at != separator) break;
    at = skip_spaces(at + 1);
    if (at == end || *at != '"') return false;
    const char* key = at + 1;
    const char* key_end = FindTextEnd(key, end);
    if (key_end == nullptr || key_end >= end) return false;
    at = skip_spaces(key_end + 1);
    if (at == end || *at != ':') return false;
    at = skip_spaces(at + 1);
    Step step;
    step.before.Set({from, static_cast<size_t>(at - from)});
    step.key_at = static_cast<size_t>(key - from);
    step.key_bytes = static_cast<size_t>(key_end - key);
    if (is_word_at(at, "null")) step.learnt = Value::kNull;
    from = SkipValue(step, at, end);
    if (from == nullptr || from > end) return false;
    if (step.before.text.size() > kLiteralBytesMax) return false;
    steps_.push_back(std::move(step));
    separator = ',';
  }
  after_.Set({from, static_cast<size_t>(end - from)});
  const size_t brace = after_.text.find_first_not_of(' ');
  return !steps_.empty() && after_.text.size() <= kLiteralBytesMax &&
         brace != std::string::npos && std::string_view(after_.text).substr(brace) == "}";
}

bool LineShape::Prepare() {
  for (const Step& step : steps_) {
    if (step.target.column < 0) continue;
    switch (step.target.builder->kind()) {
      case ColumnKind::kBoolean:
      case ColumnKind::kInt32:
      case ColumnKind::kInt64:
      case ColumnKind::kDouble:
      case ColumnKind::kDecimal:
      case ColumnKind::kDate:
      case ColumnKind::kTimestamp:
      case ColumnKind::kTime:
      case ColumnKind::kString: break;
      case ColumnKind::kFloat:
      case ColumnKind::kBinary: return false;
    }
  }
  return true;
}

bool LineShape::Fills(int column) const {
  for (const Step& step : steps_) {
    if (step.target.column == column) return true;
  }
  return false;
}

/// A value that goes nowhere. One that was null must be null again: the parser notes new keys by
/// their first value.
const char* LineShape::SkipValue(const Step& step, const char* at, const char* safe_end) {
  if (is_word_at(at, "null")) return at + 4;
  if (step.learnt == Value::kNull) return nullptr;
  if (*at == '"') {
    const char* end = FindTextEnd(at + 1, safe_end);
    return end == nullptr ? nullptr : end + 1;
  }
  if (is_word_at(at, "true")) return at + 4;
  if (is_word_at(at, "false")) return at + 5;
  if (at > safe_end) return nullptr;
  const size_t size = NumberLength({at, static_cast<size_t>(safe_end - at)});
  return size == 0 ? nullptr : at + size;
}

inline const char* LineShape::ReadValue(const Step& step, const char* at, const char* safe_end) {
  const Target& target = step.target;
  if (target.column < 0) return SkipValue(step, at, safe_end);
  switch (target.builder->kind()) {
    case ColumnKind::kString: return ReadText<BytesColumn>(target, at, safe_end);
    case ColumnKind::kInt32: return ReadWhole<Int32Column>(target, at);
    case ColumnKind::kInt64: return ReadWhole<Int64Column>(target, at);
    case ColumnKind::kTimestamp: return ReadText<TimestampColumn>(target, at, safe_end);
    case ColumnKind::kDate: return ReadText<DateColumn>(target, at, safe_end);
    case ColumnKind::kTime: return ReadText<TimeColumn>(target, at, safe_end);
    case ColumnKind::kDouble: return ReadFraction<DoubleColumn>(target, at, safe_end);
    case ColumnKind::kDecimal:
      return *at == '"' ? ReadText<DecimalColumn>(target, at, safe_end)
                        : ReadFraction<DecimalColumn>(target, at, safe_end);
    case ColumnKind::kBoolean: return ReadBoolean(target, at);
    case ColumnKind::kFloat:
    case ColumnKind::kBinary: return nullptr;
  }
  return nullptr;
}

const char* LineShape::Read(const char* at, const char* end) const {
  if (end - at < static_cast<std::ptrdiff_t>(kSlackBytes)) return nullptr;
  const char* const safe_end = end - kSlackBytes;
  for (const Step& step : steps_) {
    if (at > safe_end || !step.before.is_at(at)) return nullptr;
    at = ReadValue(step, at + step.before.text.size(), safe_end);
    if (at == nullptr) return nullptr;
  }
  if (at > safe_end || !after_.is_at(at)) return nullptr;
  return at + after_.text.size();
}

}  // namespace daypart::decode
