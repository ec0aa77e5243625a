// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL for the digests; CRC-32C by the processor's own instruction where it has one, which takes
// three clocks for eight bytes and so is never what an upload waits for.
#include "aws/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace daypart::aws {
namespace {

uint32_t Crc32cBytewise(uint32_t crc, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78U & (0U - (crc & 1U)));
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cBySse42(uint32_t crc,
                                                         std::span<const std::byte> bytes) {
  uint64_t wide = crc;
  while (bytes.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    wide = _mm_crc32_u64(wide, word);
    bytes = bytes.subspan(8);
  }
  return Crc32cBytewise(static_cast<uint32_t>(wide), bytes);
}
#endif

}  // namespace

Sha256Digest Sha256(std::span<const std::byte> bytes) {
  Sha256Digest digest{};
  // Fails only without memory or without the algorithm; the signature is then refused.
  (void)EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

Sha256Digest HmacSha256(std::string_view key, std::string_view text) {
  Sha256Digest digest{};
  unsigned int size = 0;
  (void)HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &size);
  return digest;
}

std::string Sha256Hex(std::span<const std::byte> bytes) { return Hex(Sha256(bytes)); }
std::string Sha256Hex(std::string_view text) {
  return Sha256Hex(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha1Hex(std::string_view text) {
  std::array<unsigned char, 20> digest{};
  (void)EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return Hex(digest);
}

std::string Hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

std::string Base64(std::span<const unsigned char> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3), '\0');
  (void)EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                        static_cast<int>(bytes.size()));
  return text;
}

std::string Base64(std::string_view bytes) {
  return Base64(std::span(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

bool AppendBase64Decoded(std::string_view text, std::string& into) {
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  // OpenSSL passes over white space at the ends and takes any '=' for a zero.
  const auto is_plain = [](char c) { return c > ' ' && c != '-'; };
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  if (!is_plain(text.front()) || !is_plain(text.back()) ||
      text.find('=') < text.size() - padding) {
    return false;
  }
  const size_t start = into.size();
  into.resize(start + text.size() / 4 * 3);
  const int decoded =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(into.data()) + start,
                      reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  const bool is_whole = decoded == static_cast<int>(text.size() / 4 * 3);
  into.resize(is_whole ? into.size() - padding : start);
  return is_whole;
}

uint32_t Crc32c(std::span<const std::byte> bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~Crc32cBySse42(~0U, bytes);
#endif
  return ~Crc32cBytewise(~0U, bytes);
}

std::string Crc32cBase64(std::span<const std::byte> bytes) {
  const uint32_t crc = Crc32c(bytes);
  const std::array<unsigned char, 4> big_endian = {
      static_cast<unsigned char>(crc >> 24), static_cast<unsigned char>(crc >> 16),
      static_cast<unsigned char>(crc >> 8), static_cast<unsigned char>(crc)};
  return Base64(big_endian);
}

std::string UriEncode(std::string_view text, std::string_view kept) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain || kept.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xF];
  }
  return out;
}

}  // namespace daypart::aws
