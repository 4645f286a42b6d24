// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/agent/agent.h"
#include "tests/agent/inspector.h"

#include <QObject>
#include <QTemporaryDir>

#include <memory>
#include <string>
#include <utility>

namespace poolscope::test {

/// Agents in a folder of their own a test, and an environment that does not reach them.
class AgentFixture : public QObject
{
    Q_OBJECT
private slots:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }
    void cleanup()
    {
        for (const char* const name : {"RUNTIME_DIRECTORY", "POOLSCOPE_LISTEN", "POOLSCOPE_TOKEN"})
            qunsetenv(name);
    }

protected:
    /// Null, and a warning, where it does not start.
    static std::unique_ptr<Agent> start(AgentOptions options)
    {
        Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
        if (!started) {
            qWarning("%s", started.error().sentence.c_str());
            return nullptr;
        }
        return std::move(started).value();
    }
    std::string folder() const { return folder_->path().toStdString(); }
    AgentOptions options() const { return options_in(folder()); }
    AgentOptions tcp() const
    {
        AgentOptions result = options();
        result.listen = "127.0.0.1:0";
        result.token = "secret";
        return result;
    }

private:
    std::unique_ptr<QTemporaryDir> folder_;
};

} // namespace poolscope::test
