// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace poolscope {

/// What the user typed to narrow the sessions, understood. Terms are joined by "and":
///   words             any of pid, user, database, application, client, statement contains it
///   state:a,b*        the JSON names of states; * stands for anything
///   app: user: db: client:   contains; "in quotes": is exactly
///   pid:1,2           is one of these
///   blocked, blocking waits for another; another waits for it
///   age>5m tx<30s     in its state, in its transaction for so long
///   -term             not that
class SessionFilter
{
public:
    struct Parsed;
    static Parsed parse(const QString& text);

    bool isEmpty() const { return terms_.empty(); }
    /// Whether time alone can change what matches.
    bool dependsOnTime() const;
    /// `now` is on the clock of the session's server.
    bool matches(const SessionRow& row, Timestamp now) const;

    /// "idle in transaction for over 5 minutes"
    static QString longIdleInTransaction();
    /// app:"shop-api", quoted so that it reads back as the same name.
    static QString ofApplication(const QString& application);
    /// What holds that text in any of the fields, whatever it would mean as a term.
    static QString ofText(const QString& text);
    /// What is like this session: in its state for over 5 minutes if it holds a transaction open,
    /// and of its application.
    static QString likeThis(const Session& session);

private:
    enum class Field {
        any,
        state,
        application,
        user,
        database,
        client,
        pid,
        blocked,
        blocking,
        age,
        transaction
    };
    struct Value
    {
        QString text;
        bool exact = false;
    };
    struct Term
    {
        Field field = Field::any;
        bool negated = false;
        std::vector<Value> values;
        bool longer = true; ///< of age and transaction
        Duration limit{};
    };
    friend class FilterReader;
    static bool holds(const Term& term, const SessionRow& row, Timestamp now);

    std::vector<Term> terms_;
};

struct SessionFilter::Parsed
{
    SessionFilter filter;
    QString error; ///< a sentence; empty where all was understood
};

} // namespace poolscope
