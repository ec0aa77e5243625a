// SPDX-License-Identifier: Apache-2.0
//
// One item after the other; arrays and maps by recursion that is counted.
#include "serve/cbor.h"

#include <bit>
#include <cmath>
#include <simdjson.h>
#include <vector>

#include "serve/limits.h"

namespace daypart::serve {
namespace {

using nlohmann::json;

enum class Major : unsigned {
  kUnsigned = 0,
  kNegative = 1,
  kBytes = 2,
  kText = 3,
  kArray = 4,
  kMap = 5,
  kTag = 6,
  kSimple = 7,
};

constexpr unsigned kIndefinite = 31;

struct Head {
  Major major = Major::kSimple;
  unsigned info = 0;
  uint64_t value = 0;
  bool is_indefinite() const { return info == kIndefinite; }
  bool is_break() const { return major == Major::kSimple && info == kIndefinite; }
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Result<json> Document() {
    DAYPART_TRY(const Head head, ReadHead());
    DAYPART_TRY(json document, Item(head, 0));
    if (at_ != bytes_.size()) return Wrong("nothing more");
    return document;
  }

 private:
  Error Wrong(const std::string& expected) const {
    return InvalidArgument("CBOR: " + expected + " is expected at byte " + std::to_string(at_));
  }

  Result<Head> ReadHead() {
    // Tags say what an item means, which the API's own names do already.
    for (;;) {
      if (at_ == bytes_.size()) return Wrong("an item");
      const auto first = static_cast<unsigned char>(bytes_[at_++]);
      Head head{.major = static_cast<Major>(first >> 5), .info = first & 31U};
      if (head.info < 24) {
        head.value = head.info;
      } else if (head.info <= 27) {
        const size_t length = size_t{1} << (head.info - 24);
        if (bytes_.size() - at_ < length) return Wrong("a longer head");
        for (size_t i = 0; i < length; ++i) {
          head.value = (head.value << 8) | static_cast<unsigned char>(bytes_[at_++]);
        }
      } else if (!head.is_indefinite() || head.major == Major::kUnsigned ||
                 head.major == Major::kNegative || head.major == Major::kTag) {
        return Wrong("a known head");
      }
      if (head.major != Major::kTag) return head;
    }
  }

  Result<std::string_view> Piece(uint64_t length) {
    if (bytes_.size() - at_ < length) return Wrong(std::to_string(length) + " bytes");
    const std::string_view piece = bytes_.substr(at_, static_cast<size_t>(length));
    at_ += static_cast<size_t>(length);
    return piece;
  }

  Result<std::string> Text(const Head& head) {
    std::string text;
    if (!head.is_indefinite()) {
      DAYPART_TRY(text, Piece(head.value));
    } else {
      for (;;) {
        DAYPART_TRY(const Head part, ReadHead());
        if (part.is_break()) break;
        if (part.major != head.major || part.is_indefinite()) return Wrong("a part of the text");
        DAYPART_TRY(const std::string_view piece, Piece(part.value));
        text += piece;
      }
    }
    if (head.major == Major::kText && !simdjson::validate_utf8(text.data(), text.size())) {
      return Wrong("UTF-8 before what");
    }
    return text;
  }

  Result<json> Array(const Head& head, size_t depth) {
    json array = json::array();
    for (uint64_t i = 0; head.is_indefinite() || i < head.value; ++i) {
      DAYPART_TRY(const Head item, ReadHead());
      if (item.is_break() && head.is_indefinite()) break;
      DAYPART_TRY(json value, Item(item, depth));
      array.push_back(std::move(value));
    }
    return array;
  }

  Result<json> Map(const Head& head, size_t depth) {
    json map = json::object();
    for (uint64_t i = 0; head.is_indefinite() || i < head.value; ++i) {
      DAYPART_TRY(const Head key, ReadHead());
      if (key.is_break() && head.is_indefinite()) break;
      if (key.major != Major::kText) return Wrong("a key of text before what");
      DAYPART_TRY(std::string name, Text(key));
      DAYPART_TRY(const Head item, ReadHead());
      DAYPART_TRY(json value, Item(item, depth));
      map[std::move(name)] = std::move(value);
    }
    return map;
  }

  Result<json> Simple(const Head& head) const {
    switch (head.info) {
      case 20: return json(false);
      case 21: return json(true);
      case 22:
      case 23: return json();
      case 25: return json(HalfOf(static_cast<unsigned>(head.value)));
      case 26: return json(std::bit_cast<float>(static_cast<uint32_t>(head.value)));
      case 27: return json(std::bit_cast<double>(head.value));
      default: return Wrong("a known value before what");
    }
  }

  /// source: RFC 8949, appendix D.
  static double HalfOf(unsigned half) {
    const int exponent = static_cast<int>(half >> 10) & 31;
    const int mantissa = static_cast<int>(half) & 1023;
    double value = 0;
    if (exponent == 0) {
      value = std::ldexp(mantissa, -24);
    } else if (exponent != 31) {
      value = std::ldexp(mantissa + 1024, exponent - 25);
    } else {
      value = mantissa == 0 ? INFINITY : NAN;
    }
    return (half & 0x8000U) != 0 ? -value : value;
  }

  Result<json> Item(const Head& head, size_t depth) {
    if (depth > kNestingMax) return Wrong("less nesting");
    switch (head.major) {
      case Major::kUnsigned: return json(head.value);
      case Major::kNegative:
        if (head.value > static_cast<uint64_t>(INT64_MAX)) return Wrong("a smaller number");
        return json(-1 - static_cast<int64_t>(head.value));
      case Major::kBytes: {
        DAYPART_TRY(const std::string bytes, Text(head));
        return json::binary(std::vector<uint8_t>(bytes.begin(), bytes.end()));
      }
      case Major::kText: {
        DAYPART_TRY(std::string text, Text(head));
        return json(std::move(text));
      }
      case Major::kArray: return Array(head, depth + 1);
      case Major::kMap: return Map(head, depth + 1);
      case Major::kTag: break;
      case Major::kSimple: return Simple(head);
    }
    return Wrong("a known item before what");
  }

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace

Result<nlohmann::json> DecodeCbor(std::string_view bytes) { return Reader(bytes).Document(); }

}  // namespace daypart::serve
