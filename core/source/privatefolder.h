// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QTemporaryDir>

#include <memory>

namespace poolscope {

/// A temporary folder that only this user may enter (0700), removed with the object. Check
/// isValid(). While it lives it holds a lock on the folder (flock), which also tells those to whom
/// its process is invisible, in another container, that it is in use.
class PrivateFolder : public QTemporaryDir
{
public:
    explicit PrivateFolder(const QString& nameTemplate);
    ~PrivateFolder();
    Q_DISABLE_COPY_MOVE(PrivateFolder)

private:
    int lock_ = -1;
};

/// Its name tells which process made it, for clearLeftFolders().
std::unique_ptr<PrivateFolder> makePrivateFolder();

/// The same for a Unix socket of that name: short enough for one, wherever the system's temporary
/// folder is.
std::unique_ptr<PrivateFolder> makeSocketFolder(const QString& socketName);

/// Removes the folders of those two kinds in `where` whose process has ended without doing so, as
/// one does that is killed. Of others' folders, of links, and of folders that somebody holds or in
/// which somebody listens it keeps its hands off. Any thread; reads one folder, and of that at most
/// so many entries with such a name: another user may fill a folder that all may write to.
void clearLeftFolders(const QString& where, int mostEntries = 100'000);
/// The same wherever they are made; once in the life of this process, on a thread of its own.
void clearLeftFoldersOnce();

} // namespace poolscope
