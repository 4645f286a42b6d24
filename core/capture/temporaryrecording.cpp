// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/temporaryrecording.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QStandardPaths>
#include <QStorageInfo>

namespace poolscope {

namespace {

QString folderOrDefault(const QString& folder)
{
    return folder.isEmpty()
               ? QStandardPaths::writableLocation(QStandardPaths::GenericCacheLocation) +
                     QStringLiteral("/poolscope/recordings")
               : folder;
}

QString lockOf(const QString& file)
{
    return file + QStringLiteral(".lock");
}

/// Why nothing can be recorded there; `sentence` where it is not the disk that is full.
Error unusable(const QString& folder, const std::string& sentence)
{
    constexpr qint64 nextToNothing = 64 << 10;
    QDir there{folder};
    while (!there.exists() && !there.isRoot())
        there.setPath(QFileInfo{there.path()}.path());
    const QStorageInfo disk{there};
    if (disk.isValid() && disk.bytesAvailable() < nextToNothing)
        return {"Nothing can be recorded in " + folder.toStdString() + ": the disk is full.",
                "Free some space on that disk."};
    return {sentence, "Nothing is recorded until it can be written to."};
}

} // namespace

TemporaryRecording::TemporaryRecording(const QString& file)
    : file_(file)
    , lock_(lockOf(file))
{
    // The lock is held for as long as the capture runs, however long that is.
    lock_.setStaleLockTime(0);
}

TemporaryRecording::~TemporaryRecording()
{
    remove(file_);
    lock_.unlock();
}

Result<std::unique_ptr<TemporaryRecording>> TemporaryRecording::reserve(const QString& folder)
{
    const QString where = folderOrDefault(folder);
    if (!QDir{}.mkpath(where))
        return unusable(where,
                        "Cannot create the folder " + where.toStdString() + " for recordings.");
    QFile::setPermissions(where, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    const QString stamp =
        QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd'T'HHmmss.zzz"));
    for (int n = 0; n < 100; ++n) {
        const QString file = QStringLiteral("%1/%2-%3-%4.poolrec")
                                 .arg(where, stamp)
                                 .arg(QCoreApplication::applicationPid())
                                 .arg(n);
        std::unique_ptr<TemporaryRecording> made{new TemporaryRecording(file)};
        if (!QFile::exists(file) && made->lock_.tryLock(0))
            return made;
        if (made->lock_.error() == QLockFile::PermissionError)
            break;
    }
    return unusable(where, "Cannot write to the folder " + where.toStdString() + ".");
}

QStringList TemporaryRecording::leftBehind(const QString& folder)
{
    const QDir dir{folderOrDefault(folder)};
    QStringList found;
    for (const QFileInfo& info :
         dir.entryInfoList({QStringLiteral("*.poolrec")}, QDir::Files, QDir::Time)) {
        QLockFile lock{lockOf(info.filePath())};
        lock.setStaleLockTime(0);
        if (lock.tryLock(0)) {
            lock.unlock();
            found << info.filePath();
        }
    }
    return found;
}

void TemporaryRecording::remove(const QString& file)
{
    for (const char* const suffix : {"", "-wal", "-shm", "-journal"})
        QFile::remove(file + QString::fromLatin1(suffix));
}

} // namespace poolscope
