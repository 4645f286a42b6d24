// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/privatefolder.h"

#include "core/source/listeners.h"
#include "core/wire/places.h"

#include <QCoreApplication>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QRegularExpression>
#include <QThreadPool>

#include <algorithm>
#include <atomic>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace poolscope {

namespace {

/// Where a path would be too long for a socket.
QDir shortTemp()
{
    return QDir(QStringLiteral("/tmp"));
}

std::unique_ptr<PrivateFolder> makeIn(const QDir& where)
{
    return std::make_unique<PrivateFolder>(where.filePath(
        QStringLiteral("poolscope-%1-XXXXXX").arg(QCoreApplication::applicationPid())));
}

/// A real folder, ours, that nobody else may enter: so what is in it is ours too.
bool isOurs(const QString& path)
{
    struct stat info = {};
    return ::lstat(QFile::encodeName(path).constData(), &info) == 0 && S_ISDIR(info.st_mode) &&
           info.st_uid == ::geteuid() && (info.st_mode & 07777U) == 0700;
}

int openFolder(const QString& path)
{
    return ::open(QFile::encodeName(path).constData(),
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/// Unless whoever made it holds it.
void removeUnheld(const QString& path)
{
    const int folder = openFolder(path);
    if (folder < 0)
        return;
    if (::flock(folder, LOCK_EX | LOCK_NB) == 0)
        QDir(path).removeRecursively();
    ::close(folder);
}

/// The process may be in another container, where its number is another.
bool isListenedTo(const QString& path)
{
    const QDir folder(path);
    const QStringList sockets =
        folder.entryList({QStringLiteral("*.sock")}, QDir::System | QDir::Hidden);
    return std::any_of(sockets.begin(), sockets.end(), [&](const QString& name) {
        return listenerOf(QFile::encodeName(folder.filePath(name)).toStdString()) !=
               Listener::nobody;
    });
}

} // namespace

PrivateFolder::PrivateFolder(const QString& nameTemplate)
    : QTemporaryDir(nameTemplate)
{
    if (isValid())
        lock_ = openFolder(path());
    if (lock_ >= 0)
        ::flock(lock_, LOCK_SH | LOCK_NB);
}

PrivateFolder::~PrivateFolder()
{
    if (lock_ >= 0)
        ::close(lock_);
}

std::unique_ptr<PrivateFolder> makePrivateFolder()
{
    return makeIn(QDir::temp());
}

std::unique_ptr<PrivateFolder> makeSocketFolder(const QString& socketName)
{
    std::unique_ptr<PrivateFolder> folder = makePrivateFolder();
    const auto length = QFile::encodeName(folder->filePath(socketName)).size();
    if (length > static_cast<qsizetype>(wire::max_socket_path))
        folder = makeIn(shortTemp());
    return folder;
}

void clearLeftFolders(const QString& where, int mostEntries)
{
    static const QRegularExpression shape(
        QStringLiteral("^poolscope-([1-9][0-9]{0,8})-[A-Za-z0-9]{6}$"));
    QDirIterator entries(where, {QStringLiteral("poolscope-*")}, QDir::Dirs | QDir::Hidden);
    for (int i = 0; i < mostEntries && entries.hasNext(); ++i) {
        const QString path = entries.next();
        const QRegularExpressionMatch made = shape.match(entries.fileName());
        if (made.hasMatch() && !processRuns(made.captured(1).toLongLong()) && isOurs(path) &&
            !isListenedTo(path))
            removeUnheld(path);
    }
}

void clearLeftFoldersOnce()
{
    static std::atomic<bool> done{false};
    if (done.exchange(true))
        return;
    QThreadPool::globalInstance()->start([] {
        clearLeftFolders(QDir::tempPath());
        if (QDir::temp() != shortTemp())
            clearLeftFolders(shortTemp().path());
    });
}

} // namespace poolscope
