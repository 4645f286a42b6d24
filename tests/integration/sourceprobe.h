// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"
#include "core/source/postgressource.h"

#include <QObject>
#include <QStringList>

#include <memory>
#include <vector>

namespace poolscope::test {

/// A source on a real server, with everything that it said folded into a world.
class SourceProbe : public QObject
{
    Q_OBJECT
public:
    /// Short waits, so that a test sees in seconds what takes a minute.
    static PostgresSource::Timings quick();

    explicit SourceProbe(const QString& target, const PostgresSource::Timings& timings = quick(),
                         const QString& sshHost = {});
    ~SourceProbe() override;

    PostgresSource& source() { return *source_; }
    void start() { source_->start(); }

    const TargetState& state() const { return *world_.target(TargetId{1}); }
    Reach reach() const { return state().status.reach; }
    bool up() const { return reach() == Reach::up && samples > 0; }
    QString sentence() const { return QString::fromStdString(state().status.sentence); }
    QString nextStep() const { return QString::fromStdString(state().status.next_step); }
    const Session* session(int pid) const;
    SessionState stateOf(int pid) const;
    SessionKey keyOf(int pid) const;
    /// The phases of an action, "sent accepted observed".
    QString phases(ActionId action) const;
    QString outcome(ActionId action) const;
    ActionId execute(ActionVerb verb, const SessionKey& key,
                     std::optional<Timestamp> statement = {});

    std::vector<Fact> facts;
    int samples = 0;
    int fullSamples = 0;
    int gaps = 0;
    int failingStatuses = 0;
    QStringList secrets; ///< sentences of secretRequired
    bool orderly = true; ///< every sample was sorted, without repetitions

private:
    void take(const Fact& fact);
    void check(const ServerSample& sample);

    std::unique_ptr<PostgresSource> source_;
    World world_;
    std::uint64_t sequence_ = 0;
    std::uint64_t actions_ = 0;
};

} // namespace poolscope::test
