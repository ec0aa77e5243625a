// SPDX-License-Identifier: Apache-2.0
//
// The loops of csv_index.h over a vector width V; included by one .cc a width, each compiled for
// its instructions. V gives Masks(text, syntax) for 64 bytes, PrefixXor, and WriteEnds.
//
// Quotes: with q the mask of quote bytes, the prefix xor of q is 1 from each opening quote to the
// byte before its closing one. This agrees with the grammar of csv_record.h as long as each opening
// quote comes right after a field's start or after a closing quote (then the two are an escaped
// one), and each closing quote right before a delimiter, a line end or an opening quote. Both are
// checked with shifted masks; the loop stops in front of the record where a check fails.
#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/csv_index_level.h"

namespace daypart::decode {
namespace {

struct ByteMasks {
  uint64_t delimiter;
  uint64_t line_end;
  uint64_t quote;
};

/// State of the quote check that goes from one 64 bytes to the next.
struct QuoteState {
  uint64_t inside = 0;          // all ones inside quotes
  uint64_t is_field_start = 1;  // bit 0: the byte before was a delimiter, an LF or a closing quote
  uint64_t is_after_close = 0;  // bit 0: the byte before was a closing quote
  uint64_t is_after_cr = 0;     // bit 0: the byte before was a CR right after a closing quote
};

/// valid: the bytes that are text. returns: the mask of bytes inside quotes (opening quote
/// included); false in *is_good if the quotes are not in order.
template <typename V>
inline uint64_t FollowQuotes(const char* text, const ByteMasks& masks, uint64_t valid,
                             QuoteState& state, bool* is_good) {
  const uint64_t inside = V::PrefixXor(masks.quote) ^ state.inside;
  const uint64_t opening = masks.quote & inside;
  const uint64_t closing = masks.quote & ~inside;
  const uint64_t separators = (masks.delimiter | masks.line_end) & ~inside;
  const uint64_t starts = separators | closing;
  const uint64_t after_start = (starts << 1) | state.is_field_start;
  const uint64_t after_close = (closing << 1) | state.is_after_close;
  uint64_t bad = opening & ~after_start;
  uint64_t odd = after_close & ~(separators | masks.quote);  // only a CR of a CR LF may be here
  uint64_t after_cr = state.is_after_cr;
  if (odd != 0) {
    const uint64_t carriage = V::Equal(text, '\r');
    bad |= odd & ~carriage;
    odd &= carriage;
    after_cr |= odd << 1;
  }
  bad |= after_cr & ~masks.line_end;
  state.inside = static_cast<uint64_t>(static_cast<int64_t>(inside) >> 63);
  state.is_field_start = starts >> 63;
  state.is_after_close = closing >> 63;
  state.is_after_cr = odd >> 63;
  *is_good = (bad & valid) == 0;
  return inside;
}

template <typename V>
bool IndexBy(const char* text, size_t begin, size_t size, CsvSyntax syntax, IndexOutput* out) {
  const typename V::Needles needles = V::MakeNeedles(syntax);
  QuoteState quotes;
  uint32_t* ends = out->ends + out->ends_count;
  uint32_t* lasts = out->lasts + out->records_count;
  bool is_good = true;
  uint64_t any_quote = 0;
  const uint64_t quotes_wanted = syntax.quote == '\0' ? 0 : ~uint64_t{0};
  for (size_t at = begin; at < size; at += 64) {
    ByteMasks masks = V::Masks(text + at, needles);
    masks.quote &= quotes_wanted;
    uint64_t valid = ~uint64_t{0};
    if (size - at < 64) {
      valid = (uint64_t{1} << (size - at)) - 1;
      masks.delimiter &= valid;
      masks.line_end &= valid;
      masks.quote &= valid;
    }
    uint64_t separators = masks.delimiter | masks.line_end;
    if ((masks.quote | quotes.inside | quotes.is_after_close | quotes.is_after_cr) != 0) {
      any_quote |= masks.quote;
      const uint64_t inside = FollowQuotes<V>(text + at, masks, valid, quotes, &is_good);
      if (!is_good) break;
      separators &= ~inside;
      masks.line_end &= ~inside;
    } else {
      quotes.is_field_start = separators >> 63;
    }
    const auto count = static_cast<uint32_t>(ends - out->ends);
    // Two records at most end in most 64 bytes: both are written always, without a branch.
    uint64_t line_ends = masks.line_end;
    lasts[0] = count + V::CountBits(separators & (line_ends - 1) & ~line_ends);
    uint64_t rest = line_ends & (line_ends - 1);
    lasts[1] = count + V::CountBits(separators & (rest - 1) & ~rest);
    const uint32_t line_ends_count = V::CountBits(line_ends);
    for (uint32_t i = 2; i < line_ends_count; ++i) {
      rest &= rest - 1;
      lasts[i] = count + V::CountBits(separators & (rest - 1) & ~rest);
    }
    lasts += line_ends_count;
    V::WriteEnds(separators, static_cast<uint32_t>(at), ends);
    ends += V::CountBits(separators);
  }
  out->records_count = static_cast<size_t>(lasts - out->lasts);
  out->has_quotes = out->has_quotes || any_quote != 0;
  return is_good;
}

/// As IndexBy, keeping only where the last whole record ends (*bytes is left alone if none does).
/// Looks at whole 64 bytes only.
template <typename V>
bool LastEndBy(const char* text, size_t begin, size_t size, CsvSyntax syntax, size_t* bytes) {
  const typename V::Needles needles = V::MakeNeedles(syntax);
  QuoteState quotes;
  for (size_t at = begin; at + 64 <= size; at += 64) {
    const ByteMasks masks = V::Masks(text + at, needles);
    bool is_good = true;
    const uint64_t inside = FollowQuotes<V>(text + at, masks, ~uint64_t{0}, quotes, &is_good);
    if (!is_good) return false;
    const uint64_t line_ends = masks.line_end & ~inside;
    if (line_ends != 0) *bytes = at + 64 - static_cast<size_t>(__builtin_clzll(line_ends));
  }
  return true;
}

template <typename V>
size_t CountByteBy(const char* text, size_t size, char byte) {
  size_t count = 0;
  size_t at = 0;
  for (; at + 64 <= size; at += 64) count += V::CountBits(V::Equal(text + at, byte));
  for (; at < size; ++at) count += text[at] == byte ? 1 : 0;
  return count;
}

}  // namespace
}  // namespace daypart::decode
