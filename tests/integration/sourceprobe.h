// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/postgressource.h"
#include "tests/source/factprobe.h"

#include <memory>

namespace poolscope::test {

/// A source on a real server, with everything that it said folded into a world.
class SourceProbe : public FactProbe
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

    const Session* session(int pid) const;
    SessionState stateOf(int pid) const;
    SessionKey keyOf(int pid) const;
    ActionId execute(ActionVerb verb, const SessionKey& key,
                     std::optional<Timestamp> statement = {});

    bool orderly = true; ///< every sample was sorted, without repetitions

private:
    void took(const Fact& fact) override;

    std::unique_ptr<PostgresSource> source_;
};

} // namespace poolscope::test
