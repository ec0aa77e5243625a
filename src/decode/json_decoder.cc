// SPDX-License-Identifier: Apache-2.0
//
// JSON lines -> Arrow batches by simdjson's on-demand parser. Keys are expected in the order of the
// row before, so that the usual line costs one comparison a key. A line that does not fit is
// rejected whole.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "decode/column_builder.h"
#include "decode/column_builder_text.h"
#include "decode/decoder.h"
#include "decode/json_shape.h"

namespace daypart::decode {
namespace {

namespace ondemand = simdjson::ondemand;

/// Bytes of a rejected line that are kept, and of a value that a message quotes.
constexpr size_t kRawBytesMax = size_t{64} << 10;
constexpr size_t kQuotedBytesMax = 64;
constexpr size_t kRoomRowsMin = 64;

/// A key of the wanted objects: of a column, or of an object with columns below.
struct Key {
  std::string name;
  int column = -1;
  std::vector<Key> below;
};

void AddKey(std::vector<Key>& keys, std::string_view path, int column) {
  const size_t dot = path.find('.');
  const std::string name(path.substr(0, dot));
  auto found =
      std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == name; });
  if (found == keys.end()) {
    keys.push_back({.name = name, .column = -1, .below = {}});
    found = keys.end() - 1;
  }
  if (dot == std::string_view::npos) {
    found->column = column;
  } else {
    AddKey(found->below, path.substr(dot + 1), column);
  }
}

/// The bytes of RFC 4648 base64 text; false if it is none.
bool DecodeBase64(std::string_view text, std::string& bytes) {
  bytes.clear();
  uint32_t bits = 0;
  int count = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    int value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = c - 'A';
    } else if (c >= 'a' && c <= 'z') {
      value = c - 'a' + 26;
    } else if (c >= '0' && c <= '9') {
      value = c - '0' + 52;
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else {
      return false;
    }
    bits = (bits << 6) | static_cast<uint32_t>(value);
    if (++count % 4 != 1) bytes += static_cast<char>(bits >> (6 - 2 * ((count - 1) % 4)));
  }
  return count % 4 != 1;
}

std::string_view KindName(ondemand::json_type type) {
  switch (type) {
    case ondemand::json_type::array: return "array";
    case ondemand::json_type::object: return "object";
    case ondemand::json_type::number: return "number";
    case ondemand::json_type::string: return "string";
    case ondemand::json_type::boolean: return "boolean";
    case ondemand::json_type::null: return "null";
  }
  return "value";
}

class JsonDecoder final : public Decoder {
 public:
  JsonDecoder(DecodeTarget target, JsonOptions options)
      : target_(std::move(target)), options_(options), is_seen_(target_.columns.size()) {
    for (size_t i = 0; i < target_.columns.size(); ++i) {
      AddKey(keys_, target_.columns[i].source_name, static_cast<int>(i));
      for (const auto& name : target_.columns[i].other_names) {
        AddKey(keys_, name, static_cast<int>(i));
      }
      builders_.push_back(MakeColumnBuilder(target_.schema->field(static_cast<int>(i))->type()));
    }
  }

  Status CheckTypes() const {
    for (size_t i = 0; i < builders_.size(); ++i) {
      if (builders_[i] != nullptr) continue;
      return Unsupported("column " + target_.columns[i].name + " is of type " +
                         target_.schema->field(static_cast<int>(i))->type()->ToString() +
                         ", which JSON lines are not decoded to");
    }
    return Ok();
  }

  Result<DecodedChunk> Decode(const Chunk& chunk) override {
    DecodedChunk out;
    uint64_t line = chunk.first_line;
    const std::string_view bytes = chunk.bytes;
    // The quick way takes UTF-8 as given, so it is checked here once; the parser checks each line.
    is_quick_ = simdjson::validate_utf8(bytes.data(), bytes.size());
    room_rows_ = 0;
    for (size_t start = 0; start < bytes.size(); ++line) {
      if (const size_t behind = ReadQuickly(bytes, start, chunk.is_cut); behind != 0) {
        ++out.records_count;
        start = behind;
        continue;
      }
      const size_t end = std::min(bytes.find('\n', start), bytes.size());
      std::string_view record = bytes.substr(start, end - start);
      if (record.ends_with('\r')) record.remove_suffix(1);
      if (record.find_first_not_of(" \t\r") != std::string_view::npos) {
        ++out.records_count;
        const bool is_cut = chunk.is_cut && end == bytes.size();
        const bool fits = !is_cut && ReadRecord(record, bytes.size() - start);
        if (is_cut) Refuse("", "expected a record within the limit, found a longer one");
        if (!fits) out.rejects.push_back(TakeReject(record, line, chunk.byte_offset + start));
      }
      start = end + 1;
    }
    if (rows_ > 0) row_bytes_ = std::max<size_t>(1, bytes.size() / rows_);
    arrow::ArrayVector columns;
    arrow::FieldVector fields;
    for (size_t i = 0; i < builders_.size(); ++i) {
      columns.push_back(builders_[i]->Finish());
      fields.push_back(
          target_.schema->field(static_cast<int>(i))->WithType(columns.back()->type()));
    }
    out.rows = arrow::RecordBatch::Make(arrow::schema(std::move(fields)),
                                        static_cast<int64_t>(rows_), std::move(columns));
    rows_ = 0;
    out.unknown_keys = std::exchange(unknown_keys_, {});
    return out;
  }

 private:
  /// Notes why the row does not fit; the first reason counts.
  bool Refuse(std::string column, std::string reason) {
    if (reason_.empty()) {
      column_ = std::move(column);
      reason_ = std::move(reason);
    }
    return false;
  }

  RejectedRow TakeReject(std::string_view record, uint64_t line, uint64_t byte_offset) {
    RejectedRow reject{.line = line,
                       .byte_offset = byte_offset,
                       .raw = std::string(record.substr(0, kRawBytesMax)),
                       .column = std::move(column_),
                       .reason = std::move(reason_)};
    column_.clear();
    reason_.clear();
    return reject;
  }

  /// Lines in a row that differed from the learnt shape after which it is learnt anew.
  static constexpr int kMissesMax = 4;

  void LearnShape(std::string_view record) {
    if (shape_.is_learnt() && ++misses_ < kMissesMax) return;
    misses_ = 0;
    shape_.Learn(record, [this](std::string_view name) {
      for (const Key& key : keys_) {
        if (key.name != name || !key.below.empty() || key.column < 0) continue;
        const auto column = static_cast<size_t>(key.column);
        return LineShape::Target{.column = key.column,
                                 .builder = builders_[column].get(),
                                 .is_required = target_.columns[column].is_required};
      }
      return LineShape::Target{};
    });
    missing_.clear();
    for (size_t column = 0; column < builders_.size(); ++column) {
      if (!shape_.Fills(static_cast<int>(column))) missing_.push_back(column);
    }
  }

  /// Room for rows in every column, for as many at once as the bytes may hold.
  void MakeRoom(size_t bytes) {
    const size_t rows = bytes / row_bytes_ + kRoomRowsMin;
    for (const auto& builder : builders_) builder->Reserve(rows);
    room_rows_ = rows_ + rows;
  }

  /// returns: behind the line's end; 0 to leave the line to the parser.
  size_t ReadQuickly(std::string_view bytes, size_t start, bool is_cut) {
    if (!is_quick_ || !shape_.is_learnt()) return 0;
    if (rows_ >= room_rows_) MakeRoom(bytes.size() - start);
    const char* begin = bytes.data() + start;
    const char* end = bytes.data() + bytes.size();
    const char* behind = shape_.Read(begin, end);
    if (behind == nullptr && bytes.size() - start < row_bytes_ * 2 + LineShape::kSlackBytes) {
      // The last lines of the chunk, with something behind them.
      Rollback();
      const size_t line_end = std::min(bytes.find('\n', start), bytes.size());
      if (is_cut && line_end == bytes.size()) return 0;
      padded_.assign(bytes, start, line_end - start);
      padded_ += '\n';
      padded_.append(LineShape::kSlackBytes, ' ');
      begin = padded_.data();
      end = begin + padded_.size();
      behind = shape_.Read(begin, end);
    }
    if (behind != nullptr && *behind == '\r') ++behind;
    if (behind == nullptr || *behind != '\n') {
      Rollback();
      return 0;
    }
    // The shape was learnt from a row that fits, so a column it does not fill is optional.
    for (const size_t column : missing_) builders_[column]->PushNull();
    misses_ = 0;
    ++rows_;
    return start + static_cast<size_t>(behind - begin) + 1;
  }

  /// Takes back what a line that was given up has appended.
  void Rollback() {
    for (const auto& builder : builders_) {
      if (builder->rows_count() > rows_) builder->TruncateTo(rows_);
    }
  }

  /// readable: bytes that may be read from the record's start on, what follows it in the chunk
  /// included.
  bool ReadRecord(std::string_view record, size_t readable) {
    if (readable < record.size() + simdjson::SIMDJSON_PADDING) {
      padded_.assign(record);
      padded_.append(simdjson::SIMDJSON_PADDING, ' ');
      record = std::string_view(padded_).substr(0, record.size());
      readable = padded_.size();
    }
    std::fill(is_seen_.begin(), is_seen_.end(), 0);
    const bool fits = ReadDocument(record, readable) && FillMissing();
    if (fits && is_quick_) LearnShape(record);
    if (!fits) Rollback();
    if (fits) ++rows_;
    return fits;
  }

  bool RefuseJson(simdjson::error_code error) {
    return Refuse("", std::string("expected a JSON object, found broken JSON: ") +
                          simdjson::error_message(error));
  }

  /// The first letter alone tells the type: that "nothing" is no null shows only when it is read.
  static bool IsWhole(ondemand::document& document, ondemand::json_type type) {
    switch (type) {
      case ondemand::json_type::null: {
        bool is_null = false;
        return !document.is_null().get(is_null) && is_null;
      }
      case ondemand::json_type::boolean: return !document.get_bool().error();
      case ondemand::json_type::number: return !document.get_number().error();
      case ondemand::json_type::string: return !document.get_string().error();
      case ondemand::json_type::array:
      case ondemand::json_type::object: return true;
    }
    return false;
  }

  bool ReadDocument(std::string_view record, size_t readable) {
    ondemand::document document;
    auto error = parser_.iterate(record.data(), record.size(), readable).get(document);
    if (error) return RefuseJson(error);
    ondemand::json_type type{};
    if ((error = document.type().get(type))) return RefuseJson(error);
    if (type != ondemand::json_type::object) {
      return Refuse("", "expected a JSON object a line, found " +
                            std::string(IsWhole(document, type) ? KindName(type)
                                                                : "text that is no JSON"));
    }
    ondemand::object object;
    if ((error = document.get_object().get(object))) return RefuseJson(error);
    if (!ReadObject(object, keys_, "")) return false;
    // At the end there is no next token to point to.
    const bool is_at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    if (!is_at_end) return Refuse("", "expected one JSON object a line, found more text");
    return true;
  }

  const Key* FindKey(const std::vector<Key>& keys, std::string_view name, size_t& hint) const {
    if (hint < keys.size() && keys[hint].name == name) return &keys[hint++];
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].name != name) continue;
      hint = i + 1;
      return &keys[i];
    }
    return nullptr;
  }

  /// Notes a key that no column takes, though it has a value: whoever asked tells of those that can
  /// become none. Lines that all have it pass the quick way, so this is rare.
  void NoteUnknown(ondemand::value& value, std::string_view path, std::string_view name) {
    if (unknown_seen_.size() == kUnknownKeysMax) return;
    ondemand::json_type type{};
    if (value.type().get(type)) return;
    if (type == ondemand::json_type::null) return;
    std::string full = std::string(path) + std::string(name);
    if (type == ondemand::json_type::object) full += ".*";
    if (unknown_seen_.insert(full).second) unknown_keys_.push_back(std::move(full));
  }

  bool ReadObject(ondemand::object& object, const std::vector<Key>& keys, std::string_view path) {
    size_t hint = 0;
    for (auto&& field_result : object) {
      ondemand::field field;
      auto error = std::move(field_result).get(field);
      if (error) return RefuseJson(error);
      std::string_view name;
      if ((error = field.unescaped_key().get(name))) return RefuseJson(error);
      const Key* key = FindKey(keys, name, hint);
      ondemand::value value = field.value();
      if (key == nullptr) {
        NoteUnknown(value, path, name);
      } else if (!ReadValue(value, *key, path)) {
        return false;
      }
    }
    return true;
  }

  bool ReadValue(ondemand::value& value, const Key& key, std::string_view path) {
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return RefuseJson(error);
    if (type == ondemand::json_type::object && !key.below.empty()) {
      ondemand::object object;
      if (auto error = value.get_object().get(object)) return RefuseJson(error);
      return ReadObject(object, key.below, std::string(path) + key.name + '.');
    }
    if (key.column < 0) return true;  // an object was hoped for: its columns are missing
    const auto column = static_cast<size_t>(key.column);
    if (is_seen_[column] != 0) {
      return Refuse(target_.columns[column].name, "expected the key once, found it again");
    }
    is_seen_[column] = 1;
    if (type == ondemand::json_type::null) return AppendNull(column);
    const auto token = value.raw_json_token();
    if (Append(*builders_[column], value, type)) return true;
    if (target_.columns[column].takes_scalars && AppendScalarText(column, value, type)) return true;
    if (!reason_.empty()) return false;
    std::string found(
        token.substr(0, token.find_last_not_of(" \t\r\n,}") + 1).substr(0, kQuotedBytesMax));
    return Refuse(target_.columns[column].name, "expected " + builders_[column]->type_name() +
                                                    ", found " + std::string(KindName(type)) + ' ' +
                                                    found);
  }

  /// A number or truth value as it is written.
  bool AppendScalarText(size_t column, ondemand::value& value, ondemand::json_type type) {
    ColumnBuilder& builder = *builders_[column];
    if (builder.kind() != ColumnKind::kString) return false;
    if (type == ondemand::json_type::boolean) {
      bool truth = false;
      if (value.get_bool().get(truth) != simdjson::SUCCESS) return false;
      return builder.AppendText(truth ? "true" : "false");
    }
    if (type != ondemand::json_type::number) return false;
    const std::string_view token = value.raw_json_token();
    double checked = 0;  // validates the token, whose digits are taken as they are
    if (value.get_double().get(checked) != simdjson::SUCCESS) return false;
    return builder.AppendText(token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
  }

  bool AppendNull(size_t column) {
    if (target_.columns[column].is_required) {
      return Refuse(target_.columns[column].name, "expected a value, found none");
    }
    builders_[column]->AppendNull();
    return true;
  }

  bool FillMissing() {
    for (size_t column = 0; column < is_seen_.size(); ++column) {
      if (is_seen_[column] == 0 && !AppendNull(column)) return false;
    }
    return true;
  }

  bool AppendNumber(ColumnBuilder& builder, ondemand::value& value) {
    const std::string_view token = value.raw_json_token();
    const std::string_view text = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
    switch (builder.kind()) {
      case ColumnKind::kInt32:
      case ColumnKind::kInt64: {
        int64_t number = 0;
        return value.get_int64().get(number) == simdjson::SUCCESS && builder.AppendInt64(number);
      }
      case ColumnKind::kFloat:
      case ColumnKind::kDouble: {
        double number = 0;
        return value.get_double().get(number) == simdjson::SUCCESS && builder.AppendDouble(number);
      }
      case ColumnKind::kDecimal: {
        double checked = 0;  // validates the token; the digits themselves are taken as text
        return value.get_double().get(checked) == simdjson::SUCCESS && builder.AppendText(text);
      }
      case ColumnKind::kString: return options_.coerce_strings && builder.AppendText(text);
      case ColumnKind::kBoolean:
      case ColumnKind::kDate:
      case ColumnKind::kTimestamp:
      case ColumnKind::kTime:
      case ColumnKind::kBinary: return false;
    }
    return false;
  }

  bool AppendString(ColumnBuilder& builder, ondemand::value& value) {
    std::string_view text;
    if (auto error = value.get_string().get(text)) return RefuseJson(error);
    switch (builder.kind()) {
      case ColumnKind::kString:
      case ColumnKind::kDate:
      case ColumnKind::kTimestamp:
      case ColumnKind::kTime:
      case ColumnKind::kDecimal: return builder.AppendText(text);
      case ColumnKind::kBinary: return DecodeBase64(text, base64_) && builder.AppendText(base64_);
      case ColumnKind::kBoolean:
      case ColumnKind::kInt32:
      case ColumnKind::kInt64:
      case ColumnKind::kFloat:
      case ColumnKind::kDouble: return options_.coerce_strings && builder.AppendText(text);
    }
    return false;
  }

  bool Append(ColumnBuilder& builder, ondemand::value& value, ondemand::json_type type) {
    if (type == ondemand::json_type::number) return AppendNumber(builder, value);
    if (type == ondemand::json_type::string) return AppendString(builder, value);
    if (type == ondemand::json_type::boolean) {
      bool truth = false;
      return value.get_bool().get(truth) == simdjson::SUCCESS &&
             builder.kind() == ColumnKind::kBoolean && builder.AppendBool(truth);
    }
    return false;
  }

  DecodeTarget target_;
  JsonOptions options_;
  std::vector<Key> keys_;
  std::vector<std::unique_ptr<ColumnBuilder>> builders_;
  std::vector<char> is_seen_;
  LineShape shape_;
  std::vector<size_t> missing_;  // columns that the shape does not fill
  size_t room_rows_ = 0;         // rows that every builder has room for, on the quick way
  size_t row_bytes_ = 256;       // of a line, on average, as the last chunk had it
  int misses_ = 0;
  bool is_quick_ = false;
  ondemand::parser parser_;
  std::string padded_;
  std::string base64_;
  size_t rows_ = 0;
  std::string column_;
  std::string reason_;
  std::set<std::string> unknown_seen_;
  std::vector<std::string> unknown_keys_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeJsonDecoder(const DecodeTarget& target,
                                                 const JsonOptions& options) {
  auto decoder = std::make_unique<JsonDecoder>(target, options);
  DAYPART_RETURN_IF_ERROR(decoder->CheckTypes());
  return std::unique_ptr<Decoder>(std::move(decoder));
}

}  // namespace daypart::decode
