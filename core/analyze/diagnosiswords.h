// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/causes.h"

namespace poolscope {

/// A pool's verdict in words: sentence, evidence, relief, prevention.
Diagnosis diagnosis_of(const PoolCase& pool, const Verdict& verdict);

/// Of a server itself: full, gone, or with a queue for locks, which may fill it; at most one of the
/// latter and one of the former, in this order.
/// `pools`: what is known of the pools already, so that one thing is said once.
std::vector<Diagnosis> server_diagnoses(const DiagnosisInput& input, const TargetState& server,
                                        const std::vector<Diagnosis>& pools);

/// In what words a kind of pool calls all that it may open: "maximumPoolSize",
/// "pool_size + max_overflow"; empty where that is not known.
std::string_view size_setting(std::string_view kind);
/// "4711 of shop-api".
std::string session_in_words(const TargetState& target, const SessionKey& key);
/// Whose a checkout is, in the words of whoever took it: "POST /orders, tenant=eu-2". Empty where
/// nobody told.
std::string holder_in_words(const Checkout& checkout);
/// The root of a tree: what it does, since when, at which line if that is known.
std::string root_in_words(const DiagnosisInput& input, const TargetState& server,
                          const BlockingTree& tree);
/// Adds as evidence what a session runs, or ran last; nothing where that is not known.
void add_last_statement(Diagnosis& to, const TargetState& server, const SessionKey& key,
                        Timestamp now);
inline constexpr std::string_view slots_advice =
    "All pools together must fit into max_connections, less what is reserved; a connection limit "
    "of "
    "its role keeps one client from taking what others need.";
/// Who has most of a server's slots: "60 of them are shop's (10.0.0.5)".
std::string most_of_slots(const TargetState& server);

} // namespace poolscope
