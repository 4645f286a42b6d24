// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"

#include <QString>
#include <QStringList>

#include <functional>

class QObject;

namespace poolscope {

/// Opens a line of code in the user's editor. The path comes from the inspected process and is not
/// trusted: it must be an existing regular file, no shell ever sees it, and without an editor of
/// the user's own choice only source text is handed to the desktop.
///
/// Settings: "editor", a command with {file} and {line} ("code -g {file}:{line}"), empty for the
/// desktop's choice; "sources", the folder below which files of other machines are looked for.
class SourceOpener
{
public:
    enum class Outcome { opened, notKnown, notFound, notText, notStarted };
    struct Result
    {
        Outcome outcome = Outcome::opened;
        QString sentence; ///< what happened, and what to do about it
    };

    /// Looks the file up, on a thread of its own, and starts the editor. `then` comes on the GUI
    /// thread, from which it is called, unless `receiver` is gone by then.
    static void open(const StackLine& line, QObject* receiver,
                     std::function<void(const Result&)> then);

    /// Where the file is on this machine: as named if that is an absolute path, else below
    /// `sources`, with leading folders taken away one by one. Canonical; empty if there is none, or
    /// it is no regular file, or it leads out of `sources`.
    static QString find(const QString& file, const QString& sources);
    /// The command and its arguments; the placeholders are filled after it was cut into words, so
    /// that no path can become two. Empty where the command is.
    static QStringList words(const QString& command, const QString& file, int line);
    /// Whether the desktop would show it in an editor rather than run or render it.
    static bool isSourceText(const QString& file);

    static QString editor();
    static void setEditor(const QString& command);
    static QString sources();
    static void setSources(const QString& folder);

private:
    struct Found
    {
        QString file; ///< empty: none
        bool text = false;
    };
    static Result start(const Found& found, const QString& told, int line);
};

} // namespace poolscope
