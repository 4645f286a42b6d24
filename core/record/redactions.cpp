// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/redactions.h"

namespace poolscope::record {

namespace {
constexpr std::size_t most_statements = 16384;
constexpr std::size_t most_bytes = std::size_t{32} << 20;
} // namespace

ServerSample Redactions::without_literals(const ServerSample& sample, SqlDialect dialect)
{
    ServerSample copy = sample;
    for (Session& session : copy.changed) {
        if (!session.statement.is_null())
            session.statement = redacted(session.statement, dialect);
    }
    return copy;
}

PoolSample Redactions::without_literals(const PoolSample& sample)
{
    PoolSample copy = sample;
    constexpr SqlDialect dialect = SqlDialect::unknown;
    for (Checkout& checkout : copy.changed) {
        if (!checkout.statement.is_null())
            checkout.statement = redacted(checkout.statement, dialect);
    }
    for (PreparedStatements& prepared : copy.prepared) {
        if (!prepared.statement.is_null())
            prepared.statement = redacted(prepared.statement, dialect);
    }
    return copy;
}

Observation Redactions::without_literals(const Observation& o, SqlDialect dialect)
{
    Observation copy{o.sequence, o.time, o.target, Tick{}};
    if (const auto* const server = std::get_if<ServerSample>(&o.what))
        copy.what = without_literals(*server, dialect);
    else if (const auto* const pools = std::get_if<PoolSample>(&o.what))
        copy.what = without_literals(*pools);
    else
        copy.what = o.what;
    return copy;
}

Text Redactions::redacted(const Text& statement, SqlDialect dialect)
{
    const auto found = known_.find(statement.identity());
    if (found != known_.end() && found->second.dialect == dialect)
        return found->second.redaction;
    if (known_.size() >= most_statements || bytes_ >= most_bytes) {
        known_.clear();
        bytes_ = 0;
    }
    Text redaction{redact_statement(statement.str(), dialect)};
    bytes_ += statement.str().size() + redaction.str().size();
    known_.insert_or_assign(statement.identity(), Known{statement, redaction, dialect});
    return redaction;
}

} // namespace poolscope::record
