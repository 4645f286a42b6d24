// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/sourceopener.h"

#include "ui/models/findaside.h"
#include "ui/models/formatter.h"
#include "ui/models/placewords.h"
#include "ui/models/translate.h"

#include <QDesktopServices>
#include <QDir>
#include <QFileInfo>
#include <QMimeDatabase>
#include <QProcess>
#include <QSettings>
#include <QUrl>

#include <utility>

namespace poolscope {

namespace {

constexpr qsizetype longestPath = 4096;
constexpr qsizetype mostFolders = 64;

/// Canonical, or empty if it is no regular file.
QString regular(const QString& path)
{
    const QFileInfo file(path);
    return file.isFile() ? file.canonicalFilePath() : QString();
}

} // namespace

QString SourceOpener::editor()
{
    return QSettings().value(QStringLiteral("editor")).toString().trimmed();
}

void SourceOpener::setEditor(const QString& command)
{
    QSettings().setValue(QStringLiteral("editor"), command.trimmed());
}

QString SourceOpener::sources()
{
    return QSettings().value(QStringLiteral("sources")).toString();
}

void SourceOpener::setSources(const QString& folder)
{
    QSettings().setValue(QStringLiteral("sources"), folder);
}

QString SourceOpener::find(const QString& file, const QString& sources)
{
    if (file.isEmpty() || file.size() > longestPath || file.contains(QChar(0)))
        return {};
    if (QDir::isAbsolutePath(file)) {
        if (QString there = regular(file); !there.isEmpty())
            return there;
    }
    const QString root = sources.isEmpty() ? QString() : QFileInfo(sources).canonicalFilePath();
    if (root.isEmpty())
        return {};
    QString slashed = file;
    slashed.replace(QLatin1Char('\\'), QLatin1Char('/'));
    QStringList parts = slashed.split(QLatin1Char('/'), Qt::SkipEmptyParts);
    if (parts.size() > mostFolders || parts.contains(QStringLiteral("..")))
        return {};
    while (!parts.isEmpty()) {
        QString there = regular(root + QLatin1Char('/') + parts.join(QLatin1Char('/')));
        if (there.startsWith(root + QLatin1Char('/')))
            return there;
        parts.removeFirst();
    }
    return {};
}

QStringList SourceOpener::words(const QString& command, const QString& file, int line)
{
    QStringList words = QProcess::splitCommand(command);
    bool named = false;
    for (QString& word : words) {
        // Once over the command's own text: a file named "{line}" stays one.
        QString filled;
        for (qsizetype i = 0; i < word.size();) {
            if (word.mid(i, 6) == QLatin1String("{file}")) {
                filled += file;
                named = true;
                i += 6;
            } else if (word.mid(i, 6) == QLatin1String("{line}")) {
                filled += QString::number(std::max(1, line));
                i += 6;
            } else {
                filled += word.at(i++);
            }
        }
        word = filled;
    }
    if (!words.isEmpty() && !named)
        words += file;
    return words;
}

bool SourceOpener::isSourceText(const QString& file)
{
    const QFileInfo info(file);
    if (!info.isFile() || info.isExecutable())
        return false;
    const QString name = QMimeDatabase().mimeTypeForFile(info).name();
    return name == QLatin1String("text/plain") || name.startsWith(QLatin1String("text/x-")) ||
           name.startsWith(QLatin1String("text/rust")) ||
           name == QLatin1String("application/javascript") ||
           name == QLatin1String("application/x-php") ||
           name == QLatin1String("application/x-ruby");
}

void SourceOpener::open(const StackLine& line, QObject* receiver,
                        std::function<void(const Result&)> then)
{
    const QString told = wholeLine(line);
    if (told.isEmpty()) {
        then({Outcome::notKnown, tr("The process did not tell the file of this line.")});
        return;
    }
    findAside<Found>(
        receiver,
        [name = QString::fromStdString(line.file.str()), below = sources()] {
            Found found{find(name, below)};
            found.text = !found.file.isEmpty() && isSourceText(found.file);
            return found;
        },
        [told, at = line.line, then = std::move(then)](const Found& found) {
            then(start(found, told, at));
        });
}

SourceOpener::Result SourceOpener::start(const Found& found, const QString& told, int line)
{
    if (found.file.isEmpty())
        return {Outcome::notFound,
                sources().isEmpty()
                    ? tr("%1 is not on this machine. Choose the folder that holds the sources.")
                          .arg(told)
                    : tr("%1 is neither on this machine nor below %2. Choose the folder that holds "
                         "the sources.")
                          .arg(told, Formatter::line(sources().toStdString(), 200))};
    const QStringList command = words(editor(), found.file, line);
    if (!command.isEmpty()) {
        if (QProcess::startDetached(command.front(), command.mid(1)))
            return {Outcome::opened, tr("Opened %1.").arg(told)};
        return {Outcome::notStarted, tr("%1 could not be started. Set another editor command.")
                                         .arg(Formatter::line(command.front().toStdString(), 200))};
    }
    if (!found.text)
        return {Outcome::notText,
                tr("%1 is no source text, so the desktop is not asked to open it. Set an editor "
                   "command to open it all the same.")
                    .arg(told)};
    if (QDesktopServices::openUrl(QUrl::fromLocalFile(found.file)))
        return {Outcome::opened,
                tr("Opened %1. Set an editor command to have it go to the line.").arg(told)};
    return {Outcome::notStarted,
            tr("The desktop knows no editor for %1. Set an editor command.").arg(told)};
}

} // namespace poolscope
