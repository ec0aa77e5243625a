// SPDX-License-Identifier: Apache-2.0
//
// The digests and encodings that AWS protocols are made of. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace daypart::aws {

using Sha256Digest = std::array<unsigned char, 32>;

Sha256Digest Sha256(std::span<const std::byte> bytes);
Sha256Digest HmacSha256(std::string_view key, std::string_view text);
/// In lower-case hex.
std::string Sha256Hex(std::span<const std::byte> bytes);
std::string Sha256Hex(std::string_view text);
std::string Sha1Hex(std::string_view text);
std::string Hex(std::span<const unsigned char> bytes);
std::string Base64(std::span<const unsigned char> bytes);
std::string Base64(std::string_view bytes);
/// Appends what the text stands for. False if it is no base64 (with padding, without line ends).
bool AppendBase64Decoded(std::string_view text, std::string& into);

/// CRC-32C (Castagnoli), as S3's x-amz-checksum-crc32c wants it: base64 of the big-endian value.
uint32_t Crc32c(std::span<const std::byte> bytes);
std::string Crc32cBase64(std::span<const std::byte> bytes);

/// RFC 3986 percent-encoding as SigV4 wants it: all but A-Z a-z 0-9 - . _ ~ become %XX.
/// Characters of `kept` stay too ("/" for paths).
std::string UriEncode(std::string_view text, std::string_view kept = {});

}  // namespace daypart::aws
