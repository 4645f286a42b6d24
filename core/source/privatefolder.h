// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QTemporaryDir>

#include <memory>

namespace poolscope {

/// A temporary folder that only this user may enter (0700). Removed with the object; check
/// isValid(). Its name tells which process made it, for clearLeftFolders().
std::unique_ptr<QTemporaryDir> makePrivateFolder();

/// The same for a Unix socket of that name: short enough for one, wherever the system's temporary
/// folder is.
std::unique_ptr<QTemporaryDir> makeSocketFolder(const QString& socketName);

/// Removes the folders of those two kinds in `where` whose process has ended without doing so, as
/// one does that is killed. Of others' folders, of links, and of folders in which somebody still
/// listens it keeps its hands off. Any thread; reads one folder.
void clearLeftFolders(const QString& where);
/// The same wherever they are made; once in the life of this process, on a thread of its own.
void clearLeftFoldersOnce();

} // namespace poolscope
