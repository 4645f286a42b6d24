// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// What the agent's half needs of cryptography, from the standard library alone.
namespace poolscope::wire {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256: FIPS 180-4, section 6.2.
class Sha256
{
public:
    void add(std::string_view bytes);
    /// The object is spent afterwards.
    Digest finish();

private:
    void block(const std::uint8_t* bytes);

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<std::uint8_t, 64> pending_{};
    std::uint64_t length_ = 0;
};

Digest sha256(std::string_view bytes);
/// RFC 2104.
Digest hmac_sha256(std::string_view key, std::string_view message);
/// Lower case.
std::string to_hex(std::span<const std::uint8_t> bytes);
/// The time that it takes depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;
/// The answer to a challenge: hexadecimal HMAC-SHA256 of the nonce's characters.
std::string mac_of(std::string_view token, std::string_view nonce);

} // namespace poolscope::wire
