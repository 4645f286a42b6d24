// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgconninfo.h"

#include <QHostInfo>
#include <QObject>
#include <QTimer>

#include <vector>

namespace poolscope {

/// Turns host names into addresses off this thread, within a time of its own.
class HostLookup : public QObject
{
    Q_OBJECT
public:
    explicit HostLookup(QObject* parent = nullptr);
    ~HostLookup() override;

    /// Each endpoint that needs it becomes one for each of its addresses, in the resolver's order.
    void start(const std::vector<PgEndpoint>& endpoints, std::chrono::milliseconds limit);
    void cancel();

signals:
    /// `missing` names hosts without an address; the rest can be tried.
    void done(const std::vector<poolscope::PgEndpoint>& endpoints, const QStringList& missing,
              bool timedOut);

private:
    void answered(int id, const QHostInfo& info);
    void finish(bool timedOut);

    struct Asked
    {
        PgEndpoint endpoint;
        int id = -1; ///< of the look-up under way
        std::vector<PgEndpoint> found;
    };
    std::vector<Asked> asked_;
    QTimer limit_;
};

} // namespace poolscope
