// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentaddress.h"

#include <QObject>
#include <QTimer>

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

class QIODevice;

namespace poolscope {

/// A stream to an agent, over a Unix socket or loopback TCP. Never blocks; what waits on either
/// side is bounded, so that an agent that sends too fast is slowed down by the system.
class AgentLink : public QObject
{
    Q_OBJECT
public:
    enum class End {
        absent,   ///< there is no such socket
        refused,  ///< nobody listens
        denied,   ///< this user may not
        timedOut, ///< no connection in time
        closed,   ///< by the other side, or lost
        other,
    };
    Q_ENUM(End)

    explicit AgentLink(QObject* parent = nullptr);
    ~AgentLink() override;

    /// Ends with opened() or ended(). Loopback addresses and paths only.
    void open(const AgentAddress& address, std::chrono::milliseconds limit);
    /// No signal comes after it.
    void close();
    bool isOpen() const { return device_ != nullptr && connected_; }
    /// What is there now: 0 if nothing. Also after ended(closed), until close().
    std::size_t read(std::span<char> room);
    /// Everything or nothing: false where the other side has not read for too long.
    bool write(std::string_view bytes);

signals:
    void opened();
    void readable();
    /// `words` are the system's; empty where `how` says it all.
    void ended(poolscope::AgentLink::End how, const QString& words);

private:
    void openLocal(const QString& path);
    void openNext();
    void finish(End how, const QString& words);
    void discard();

    std::vector<QHostAddress> hosts_; ///< still to be tried
    quint16 port_ = 0;
    std::optional<std::pair<End, QString>> first_; ///< what became of the first of them
    QIODevice* device_ = nullptr;                  ///< owned: deleted once its signals are through
    bool connected_ = false;
    QTimer limit_;
};

} // namespace poolscope
