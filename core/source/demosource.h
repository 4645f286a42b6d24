// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentsource.h"
#include "core/source/privatefolder.h"

#include <QProcess>

#include <chrono>
#include <memory>
#include <vector>

namespace poolscope {

/// The demo: a child process with a pool that leaks, and an AgentSource on its socket. The child is
/// this program itself with `--demo-workload`; it listens where POOLSCOPE_LISTEN says, and ends
/// when its standard input ends, so also when this process is killed.
class DemoSource final : public Source
{
    Q_OBJECT
public:
    DemoSource(TargetId id, const AttachRequest& request);
    ~DemoSource() override;

    /// For tests; before start().
    void setProgram(const QString& program, const QStringList& arguments);
    void setTimings(const AgentSource::Timings& timings);
    /// Of the child; 0 where none runs.
    qint64 processId() const { return child_ ? child_->processId() : 0; }

    const TargetInfo& info() const override { return info_; }
    void start() override;
    void stop() override;
    void sampleNow() override;
    void setInterval(Duration interval) override;
    void provideSecret(const QString&) override {}
    void execute(const Command& command) override;
    void setWatched(const std::vector<SessionKey>&) override {}

private:
    void launch();
    void lookForSocket();
    void childEnded(const std::string& how, bool retry);
    void dismiss();
    void removeFolder();
    void take(const Fact& fact);
    void tell(const Fact& fact);

    TargetInfo info_;
    AttachRequest request_;
    QString program_; ///< empty: this one
    QStringList arguments_;
    AgentSource::Timings timings_;
    QString socket_;
    QByteArray words_;                      ///< the last that the child said on its standard error
    std::unique_ptr<PrivateFolder> folder_; ///< 0700
    std::unique_ptr<QProcess> child_;
    std::vector<std::unique_ptr<QProcess>> ending_; ///< told to go
    std::unique_ptr<AgentSource> agent_;
    QTimer appears_; ///< looks for the socket
    QTimer restart_;
    std::chrono::steady_clock::time_point launched_;
    std::optional<Duration> interval_;
    StatusTeller teller_{[this](const Fact& what) {
        tell(what);
    }};
    bool started_ = false;
    bool answered_ = false; ///< the child that runs has said hello
    int failures_ = 0;      ///< children in a row that never answered
};

} // namespace poolscope
