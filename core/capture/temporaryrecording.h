// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"

#include <QLockFile>
#include <QString>
#include <QStringList>

#include <memory>

namespace poolscope {

/// A recording in the cache folder that lives until it is saved or discarded. A lock file beside it
/// says that its Poolscope still runs; one without is what a crash left behind.
class TemporaryRecording
{
public:
    /// Reserves a name in the folder (created 0700 if it is missing; empty: the user's cache
    /// folder).
    static Result<std::unique_ptr<TemporaryRecording>> reserve(const QString& folder);
    /// Removes the recording and its lock.
    ~TemporaryRecording();

    QString file() const { return file_; }

    /// Recordings in the folder whose Poolscope is gone, newest first.
    static QStringList leftBehind(const QString& folder);
    /// Deletes one of those, with what stands beside it.
    static void remove(const QString& file);

private:
    explicit TemporaryRecording(const QString& file);
    QString file_;
    QLockFile lock_;
};

} // namespace poolscope
