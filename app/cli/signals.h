// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

namespace poolscope {

/// Turns SIGINT, SIGTERM and SIGHUP into a Qt signal while it lives. One at a time.
class EndSignals : public QObject
{
    Q_OBJECT
public:
    explicit EndSignals(QObject* parent = nullptr);
    ~EndSignals() override;

signals:
    void asked();

private:
    int read_ = -1;
};

} // namespace poolscope
