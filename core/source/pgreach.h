// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgconnection.h"
#include "core/source/serverreach.h"
#include "core/source/source.h"

#include <vector>

namespace poolscope {

/// The way to a server that speaks PostgreSQL's protocol.
class PgReach final : public ServerReach
{
    Q_OBJECT
public:
    /// What it needs of `request` is its host for ssh and its password. `dialect`: see
    /// PgConnection.
    PgReach(const AttachRequest& request, const PgParams& given, PgConnection::Dialect dialect,
            StatusTeller& teller);
    ~PgReach() override;

    PgConnection& connection() { return connection_; }
    const PgConnection& connection() const { return connection_; }

private:
    std::optional<PgTrouble> prepare() override;
    QStringList farEnds() const override;
    void openConnection(const std::vector<quint16>& tunnelPorts) override;
    void closeConnection() override { connection_.close(); }
    void limitConnection(const Limits& limits) override;
    PgWhom whom() const override { return connection_.whom(); }

    PgParams given_;
    PgParams effective_; ///< with everything filled in
    std::vector<PgEndpoint> endpoints_;
    PgConnection::Dialect dialect_;
    PgConnection connection_;
};

} // namespace poolscope
