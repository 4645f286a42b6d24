// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/agent/agent.h"
#include "tests/agent/scriptedpool.h"
#include "ui/dialogs/instrumentdialog.h"

#include <QFile>
#include <QString>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace poolscope::test {

/// What discovery finds, changed by the test; looked at from other threads.
class Machine
{
public:
    void set(std::vector<LocalPool> pools)
    {
        const std::lock_guard lock(state_->mutex);
        state_->pools = std::move(pools);
    }
    PoolWatch::Finder finder() const
    {
        return [state = state_] {
            const std::lock_guard lock(state->mutex);
            ++state->looks;
            return state->pools;
        };
    }
    int looks() const
    {
        const std::lock_guard lock(state_->mutex);
        return state_->looks;
    }

private:
    struct State
    {
        std::mutex mutex;
        std::vector<LocalPool> pools;
        int looks = 0;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// An application with one pool.
struct Application
{
    explicit Application(const std::string& pool, const std::string& listen,
                         const std::string& token = {})
        : orders(pool)
    {
        AgentOptions options;
        options.name = "shop <b>api</b>";
        options.listen = listen;
        options.token = token;
        auto started = Agent::start(std::move(options));
        if (!started) {
            qWarning("%s", started.error().sentence.c_str());
            return;
        }
        agent = std::move(started).value();
        agent->add(orders);
        orders.open_connection();
    }
    LocalPool local() const
    {
        return {QStringLiteral("shop"), QCoreApplication::applicationPid(),
                QString::fromStdString(agent->address())};
    }
    test::ScriptedPool orders;
    std::unique_ptr<Agent> agent;
};

inline QString text(const QString& file)
{
    QFile read(file);
    return read.open(QIODevice::ReadOnly) ? QString::fromUtf8(read.readAll()) : QString();
}

} // namespace poolscope::test
