// SPDX-License-Identifier: Apache-2.0
//
// The grammar of CSV records, one byte after the other: what every faster path must agree with.
//
//   record  = field *( delimiter field ) line-end         line-end = LF | CR LF | end of text
//   field   = quote *( any byte but quote | quote quote ) quote | *( any byte but delimiter, LF )
//
// A field is quoted if its first byte is the quote; a quote further on in an unquoted field is a
// byte like any other. A quoted field is malformed if something else than a delimiter or a line end
// follows its closing quote, or if it is not closed. A malformed field ends its record at the first
// line end after its opening quote, so that a stray quote costs one line and not the file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace daypart::decode {

struct CsvSyntax {
  char delimiter = ',';
  char quote = '"';  // '\0': none
};

struct CsvField {
  size_t end = 0;  // where its delimiter or LF stands, or the size of the text
  bool is_malformed = false;
  bool is_open = false;  // malformed because the text ends before the closing quote
};

/// The field that begins at `begin`. begin: text.size() at most.
CsvField ScanField(std::string_view text, size_t begin, CsvSyntax syntax);

struct CsvRecord {
  size_t end = 0;         // where its LF stands, or the size of the text
  size_t open_quote = 0;  // where a malformed field begins
  bool is_malformed = false;
  bool is_open = false;
};

/// The record that begins at `begin`.
CsvRecord ScanRecord(std::string_view text, size_t begin, CsvSyntax syntax);

/// The value of a well-formed quoted field, `field` with its quotes: "" inside becomes one quote.
/// scratch: holds the value if it had to be changed.
std::string_view UnquoteField(std::string_view field, char quote, std::string* scratch);

}  // namespace daypart::decode
