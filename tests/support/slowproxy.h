// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTcpServer>
#include <QTcpSocket>

#include <chrono>

namespace poolscope::test {

/// A network of its own between a client and a server on loopback: slow, or cut, when the test says
/// so. Turns with the event loop of the thread that made it.
class SlowProxy : public QObject
{
    Q_OBJECT
public:
    explicit SlowProxy(quint16 serverPort);
    ~SlowProxy() override;

    quint16 port() const { return listener_.serverPort(); }
    /// What the server says arrives so much later.
    void setDelay(std::chrono::milliseconds delay) { delay_ = delay; }
    /// Both ends see a reset; those that come later are let through again.
    void cut();

    int accepted = 0; ///< connections so far

private:
    void take(QTcpSocket* client);

    QTcpServer listener_;
    quint16 serverPort_;
    std::chrono::milliseconds delay_{0};
};

} // namespace poolscope::test
