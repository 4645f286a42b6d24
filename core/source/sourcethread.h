// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QThread>

namespace poolscope {

/// A thread for sources, which runs an event loop. Before wait() returns it has let go of what
/// OpenSSL keeps for a thread: QThread does not wait for what the system does at a thread's very
/// end, and there OpenSSL would free it while the process that ends frees it too.
class SourceThread : public QThread
{
    Q_OBJECT
protected:
    void run() override;
};

} // namespace poolscope
