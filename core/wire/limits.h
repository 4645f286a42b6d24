// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

#include <cstddef>
#include <cstdint>

/// What resources/protocol/PROTOCOL.md allows. Lengths are in bytes of UTF-8.
namespace poolscope::wire {

inline constexpr std::uint64_t protocol_version = 1;
/// A line without its newline.
inline constexpr std::size_t max_line = 65'536;
/// The largest whole number that every JSON implementation keeps exactly: 2^53 - 1 (RFC 8259, 6).
inline constexpr std::int64_t max_number = 9'007'199'254'740'991;

inline constexpr std::size_t max_id = 128;
inline constexpr std::size_t max_pool_name = 128;
inline constexpr std::size_t max_pools = 1024;
inline constexpr std::size_t max_database = 512;
inline constexpr std::size_t max_config = 64;
inline constexpr std::size_t max_frames = 64;
inline constexpr std::size_t max_function = 384;
inline constexpr std::size_t max_file = 384;
inline constexpr std::size_t max_tags = 16;
inline constexpr std::size_t max_tag_name = 64;
inline constexpr std::size_t max_tag_value = 256;
inline constexpr std::size_t max_by = 128;
inline constexpr std::size_t max_thread = 64;
inline constexpr std::size_t max_trace_id = 64;
inline constexpr std::size_t max_statement = 1024;
inline constexpr std::size_t max_why = 256;
inline constexpr std::size_t max_word = 64;
inline constexpr std::size_t max_host = 255;
inline constexpr std::size_t max_abilities = 64;

/// Before a peer is let in.
inline constexpr std::size_t max_bytes_before_auth = 4096;
inline constexpr Duration max_time_before_auth = std::chrono::seconds(5);
inline constexpr std::size_t max_peers_before_auth = 8;
inline constexpr std::size_t max_peers = 16;

} // namespace poolscope::wire
