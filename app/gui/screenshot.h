// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/mainwindow/mainwindow.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

namespace poolscope {

/// Draws the window once its data is there, then ends the program.
class Screenshot : public QObject
{
    Q_OBJECT
public:
    /// `at`: where the cursor has to stand first. `live`: how many targets have to answer or to
    /// fail. `recording`: whether one has to open.
    Screenshot(Workspace& workspace, MainWindow& window, const QString& file,
               const MainWindow::Instant& at, std::size_t live, bool recording);

private:
    void look();
    void end(int code, const QString& sentence = {});
    bool settled();
    static bool hasFailed(const TargetSummary& target);
    QStringList failures() const; ///< a sentence each

    Workspace& workspace_;
    MainWindow& window_;
    QString file_;
    MainWindow::Instant at_;
    std::size_t live_;
    bool recording_;
    bool sought_ = false;
    int calm_ = 0;
    QElapsedTimer since_;
    QTimer timer_;
};

} // namespace poolscope
