// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"

#include <QObject>
#include <QString>

#include <memory>
#include <vector>

namespace poolscope {

/// How to reach a target, as the user said it. May hold a password: never log, show or keep it.
struct AttachRequest
{
    QString target;  ///< URL, conninfo or service=
    QString sshHost; ///< reach it through this host by the user's own ssh; empty: directly
    Duration interval = std::chrono::seconds{1}; ///< between polls, 100 ms to 1 h
    QString password;         ///< if already known; libpq's own ways come first otherwise
    bool secretAtHand = true; ///< may use a token that the environment has
};

/// A command for one session or checkout, with everything needed to check its identity there.
struct Command
{
    ActionId action;
    ActionVerb verb = ActionVerb::cancel;
    SessionKey session;     ///< of cancel and terminate
    CheckoutKey checkout{}; ///< of reclaim
    /// For cancel: only if this statement is still the one that runs (server's clock).
    std::optional<Timestamp> statementSince;
};

/// The code that observes one target. Lives on the capture thread, never blocks it, and speaks to
/// the capture by signals alone. Transient trouble is a status 'failing' with a next try; trouble
/// that needs the user is 'stopped'.
class Source : public QObject
{
    Q_OBJECT
public:
    using QObject::QObject;

    /// Constant for the source's life; id is the one given at creation; no secret in it.
    virtual const TargetInfo& info() const = 0;
    virtual void start() = 0;
    /// Ends politely; no signal comes after it.
    virtual void stop() = 0;
    /// Polls now, not at the next interval. No effect while one is under way.
    virtual void sampleNow() = 0;
    /// Between polls. A hidden window asks for fewer, a replaying one too.
    virtual void setInterval(Duration interval) = 0;
    /// Answers secretRequired; an empty password means that the user declined.
    virtual void provideSecret(const QString& password) = 0;
    /// Sends a command before the next poll. Its phases come back as ActionReported facts.
    virtual void execute(const Command& command) = 0;
    /// Whose locks to report: blockers and suspects. Those new in the list are read with the next
    /// poll, all of them again every 10 s.
    virtual void setWatched(const std::vector<SessionKey>& sessions) = 0;

signals:
    /// A fact, as it was seen. The capture stamps and numbers it.
    void observed(const poolscope::Fact& fact);
    /// A password is missing or was refused; the sentence says for whom and where.
    void secretRequired(const QString& sentence);
};

} // namespace poolscope
