// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <vector>

namespace poolscope {

/// A kind of pool that an agent of Poolscope's makes visible.
struct InstrumentStack
{
    QString id;       ///< "python/sqlalchemy": resources/agents/python/lines/sqlalchemy.txt
    QString title;    ///< "SQLAlchemy"
    QString language; ///< "Python"
    QString place;    ///< where the lines that install it go: "In go.mod"
    QString hint;     ///< where the lines to paste go
};

/// Those whose lines this program was built with, by language.
std::vector<InstrumentStack> instrumentStacks();

/// What to paste, with this name in it: fit for a string literal of any of these languages.
QString instrumentLines(const InstrumentStack& stack, const QString& pool);
/// What makes the agent available to the application.
QString installLines(const InstrumentStack& stack);

/// Where the agents are installed: beside this program, else in its source tree.
QString agentsFolder();

/// At most 60 characters, all of which can be seen.
bool isPoolName(const QString& name);

} // namespace poolscope
