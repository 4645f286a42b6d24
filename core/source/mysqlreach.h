// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/mysqladdress.h"
#include "core/source/mysqlconnection.h"
#include "core/source/serverreach.h"
#include "core/source/source.h"

namespace poolscope {

/// The way to a MySQL or MariaDB server. Option files are read again at each try.
class MySqlReach final : public ServerReach
{
    Q_OBJECT
public:
    /// What it needs of `request` is its host for ssh and its password.
    MySqlReach(const AttachRequest& request, const MySqlAddress& given, StatusTeller& teller);
    ~MySqlReach() override;

    MySqlConnection& connection() { return connection_; }
    const MySqlConnection& connection() const { return connection_; }

private:
    std::optional<PgTrouble> prepare() override;
    QStringList farEnds() const override { return {address_.label()}; }
    void openConnection(const std::vector<quint16>& tunnelPorts) override;
    void closeConnection() override { connection_.close(); }
    void limitConnection(const Limits& limits) override;
    PgWhom whom() const override { return connection_.whom(); }

    MySqlAddress given_;
    MySqlAddress address_; ///< with everything filled in
    MySqlConnection connection_;
};

} // namespace poolscope
