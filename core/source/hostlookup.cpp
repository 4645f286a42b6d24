// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/hostlookup.h"

#include <QHostAddress>

#include <algorithm>

namespace poolscope {

HostLookup::HostLookup(QObject* parent)
    : QObject(parent)
{
    limit_.setSingleShot(true);
    connect(&limit_, &QTimer::timeout, this, [this] { finish(true); });
}

HostLookup::~HostLookup()
{
    cancel();
}

void HostLookup::start(const std::vector<PgEndpoint>& endpoints, std::chrono::milliseconds limit)
{
    cancel();
    for (const PgEndpoint& endpoint : endpoints) {
        Asked asked{endpoint, -1, {}};
        if (!endpoint.needsLookup())
            asked.found = {endpoint};
        asked_.push_back(asked);
    }
    limit_.start(limit);
    for (Asked& asked : asked_) {
        if (asked.found.empty())
            asked.id = QHostInfo::lookupHost(asked.endpoint.host, this, [this](const auto& info) {
                answered(info.lookupId(), info);
            });
    }
    // Not from within start(): whoever calls it may not be ready for the answer.
    QMetaObject::invokeMethod(
        this, [this] { answered(-2, QHostInfo()); }, Qt::QueuedConnection);
}

void HostLookup::cancel()
{
    limit_.stop();
    for (const Asked& asked : asked_) {
        if (asked.id >= 0)
            QHostInfo::abortHostLookup(asked.id);
    }
    asked_.clear();
}

void HostLookup::answered(int id, const QHostInfo& info)
{
    for (Asked& asked : asked_) {
        if (id < 0 || asked.id != id)
            continue;
        asked.id = -1;
        for (const QHostAddress& address : info.addresses()) {
            PgEndpoint endpoint = asked.endpoint;
            endpoint.address = address.toString();
            asked.found.push_back(endpoint);
        }
    }
    const bool waiting =
        std::any_of(asked_.begin(), asked_.end(), [](const Asked& asked) { return asked.id >= 0; });
    if (!asked_.empty() && !waiting)
        finish(false);
}

void HostLookup::finish(bool timedOut)
{
    std::vector<PgEndpoint> found;
    QStringList missing;
    for (const Asked& asked : asked_) {
        found.insert(found.end(), asked.found.begin(), asked.found.end());
        if (asked.found.empty())
            missing += asked.endpoint.host;
    }
    cancel();
    emit done(found, missing, timedOut);
}

} // namespace poolscope
