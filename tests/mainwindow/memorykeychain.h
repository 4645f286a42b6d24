// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/mainwindow/keychain.h"

#include <QTimer>

#include <map>

namespace poolscope::test {

/// A keychain in memory; answers come through the event loop, as the real ones do.
class MemoryKeychain : public Keychain
{
public:
    bool available() const override { return there; }
    void read(const QString& key, Answer answer) override
    {
        ++reads;
        if (hangs)
            return;
        QTimer::singleShot(0, [secret = kept.contains(key) ? kept[key] : QString(),
                               answer = std::move(answer)] { answer(secret); });
    }
    void keep(const QString& key, const QString& secret, Outcome outcome) override
    {
        if (trouble.isEmpty())
            kept[key] = secret;
        QTimer::singleShot(0, [says = trouble, outcome = std::move(outcome)] { outcome(says); });
    }
    void forget(const QString& key) override { kept.erase(key); }

    bool there = true;
    bool hangs = false;
    QString trouble;
    int reads = 0;
    std::map<QString, QString> kept;
};

} // namespace poolscope::test
