// SPDX-License-Identifier: Apache-2.0
//
// Recursive descent over words and the characters < > ( ) [ ] : , with a limit on depth.
#include "iceberg/type_text.h"

#include <cctype>
#include <charconv>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace daypart::iceberg {
namespace {

constexpr int kDepthMax = 32;

struct SqlName {
  std::string_view name;
  TypeKind kind;
};

constexpr SqlName kSqlNames[] = {
    {"bool", TypeKind::kBoolean},
    {"boolean", TypeKind::kBoolean},
    {"int", TypeKind::kInt},
    {"integer", TypeKind::kInt},
    {"tinyint", TypeKind::kInt},
    {"smallint", TypeKind::kInt},
    {"long", TypeKind::kLong},
    {"bigint", TypeKind::kLong},
    {"float", TypeKind::kFloat},
    {"real", TypeKind::kFloat},
    {"double", TypeKind::kDouble},
    {"date", TypeKind::kDate},
    {"time", TypeKind::kTime},
    {"timestamp", TypeKind::kTimestamp},
    {"datetime", TypeKind::kTimestamp},
    {"timestamp_ntz", TypeKind::kTimestamp},
    {"string", TypeKind::kString},
    {"varchar", TypeKind::kString},
    {"text", TypeKind::kString},
    {"timestamptz", TypeKind::kTimestamptz},
    {"uuid", TypeKind::kUuid},
    {"timestamp_ns", TypeKind::kTimestampNs},
    {"binary", TypeKind::kBinary},
    {"timestamptz_ns", TypeKind::kTimestamptzNs},
    {"blob", TypeKind::kBinary},
    {"varbinary", TypeKind::kBinary},
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Type> Parse() {
    DAYPART_TRY(Type type, ParseOne(0));
    SkipBlanks();
    if (at_ != text_.size()) return Expected("the end of the type");
    return type;
  }

 private:
  Result<Type> ParseOne(int depth) {
    if (depth > kDepthMax) return Expected("a type less deeply nested");
    const size_t begin = at_;
    const std::string name = Lower(Word());
    if (name == "struct") return ParseStruct(depth);
    if (name == "array" || name == "list") return ParseList(depth);
    if (name == "map") return ParseMap(depth);
    if (name == "decimal" || name == "numeric") return ParseDecimal();
    if (name == "fixed") return ParseFixed();
    for (const SqlName& known : kSqlNames) {
      if (known.name != name) continue;
      if (name == "varchar" && Take('(')) {  // A length says nothing that Iceberg keeps.
        DAYPART_TRY(const int32_t length, Number());
        (void)length;
        DAYPART_RETURN_IF_ERROR(Expect(')'));
      }
      if (name == "timestamp" && TakeWords({"with", "time", "zone"})) {
        return Type::Of(TypeKind::kTimestamptz);
      }
      return Type::Of(known.kind);
    }
    at_ = begin;
    return Expected("a type such as bigint, string, decimal(18, 4), struct<a: int> or array<date>");
  }

  Result<Type> ParseStruct(int depth) {
    DAYPART_RETURN_IF_ERROR(Expect('<'));
    std::vector<NestedField> fields;
    do {
      NestedField field;
      field.id = FieldId(next_id_++);
      SkipBlanks();
      field.name = at_ < text_.size() && text_[at_] == '"' ? Quoted() : Word();
      if (field.name.empty()) return Expected("a field's name");
      (void)Take(':');
      DAYPART_TRY(field.type, ParseOne(depth + 1));
      field.is_required = TakeWords({"not", "null"});
      fields.push_back(std::move(field));
    } while (Take(','));
    DAYPART_RETURN_IF_ERROR(Expect('>'));
    return Type::StructOf(std::move(fields));
  }

  Result<Type> ParseList(int depth) {
    DAYPART_RETURN_IF_ERROR(Expect('<'));
    NestedField element;
    element.name = "element";
    element.id = FieldId(next_id_++);
    DAYPART_TRY(element.type, ParseOne(depth + 1));
    DAYPART_RETURN_IF_ERROR(Expect('>'));
    return Type::ListOf(std::move(element));
  }

  Result<Type> ParseMap(int depth) {
    DAYPART_RETURN_IF_ERROR(Expect('<'));
    NestedField key;
    key.name = "key";
    key.is_required = true;
    key.id = FieldId(next_id_++);
    DAYPART_TRY(key.type, ParseOne(depth + 1));
    DAYPART_RETURN_IF_ERROR(Expect(','));
    NestedField value;
    value.name = "value";
    value.id = FieldId(next_id_++);
    DAYPART_TRY(value.type, ParseOne(depth + 1));
    DAYPART_RETURN_IF_ERROR(Expect('>'));
    return Type::MapOf(std::move(key), std::move(value));
  }

  Result<Type> ParseDecimal() {
    DAYPART_RETURN_IF_ERROR(Expect('('));
    DAYPART_TRY(const int32_t precision, Number());
    int32_t scale = 0;
    if (Take(',')) {
      DAYPART_TRY(scale, Number());
    }
    DAYPART_RETURN_IF_ERROR(Expect(')'));
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision) {
      return Expected("a precision of 1 to 38 and a scale not above it");
    }
    return Type::DecimalOf(precision, scale);
  }

  Result<Type> ParseFixed() {
    const bool is_bracket = Take('[');
    if (!is_bracket) DAYPART_RETURN_IF_ERROR(Expect('('));
    DAYPART_TRY(const int32_t length, Number());
    DAYPART_RETURN_IF_ERROR(Expect(is_bracket ? ']' : ')'));
    if (length < 1) return Expected("a length above 0");
    return Type::FixedOf(length);
  }

  void SkipBlanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  std::string Word() {
    SkipBlanks();
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }
  std::string Quoted() {
    std::string name;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        if (at_ >= text_.size() || text_[at_] != '"') return name;
      }
      name += text_[at_];
    }
    return name;
  }
  bool TakeWords(std::initializer_list<std::string_view> words) {
    const size_t begin = at_;
    for (const std::string_view word : words) {
      if (Lower(Word()) == word) continue;
      at_ = begin;
      return false;
    }
    return true;
  }
  bool Take(char c) {
    SkipBlanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status Expect(char c) {
    if (Take(c)) return Ok();
    return Expected(std::string("'") + c + "'");
  }
  Result<int32_t> Number() {
    SkipBlanks();
    int32_t number = 0;
    const auto parsed = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
    if (parsed.ec != std::errc()) return Expected("a number");
    at_ = static_cast<size_t>(parsed.ptr - text_.data());
    return number;
  }
  Error Expected(const std::string& what) const {
    const std::string found =
        at_ < text_.size() ? "'" + std::string(text_.substr(at_)) + "'" : "the end";
    return InvalidArgument("type '" + std::string(text_) + "': " + what +
                           " is expected at character " + std::to_string(at_ + 1) + ", found " +
                           found);
  }
  static std::string Lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }

  std::string_view text_;
  size_t at_ = 0;
  int32_t next_id_ = 1;
};

}  // namespace

Result<Type> ParseType(std::string_view text) { return Parser(text).Parse(); }

}  // namespace daypart::iceberg
