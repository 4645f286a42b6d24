// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "core/capture/workspace.h"

#include <QObject>
#include <QString>

#include <set>

class QSystemTrayIcon;
class QWidget;

namespace poolscope {

/// Says on the desktop which alerts begin to call while nobody looks at the window, and on an icon
/// in the tray how many do, where the desktop has one. Of what is live alone: what was silenced,
/// acknowledged or is replayed calls nobody.
class AlertHerald : public QObject
{
    Q_OBJECT
public:
    explicit AlertHerald(QWidget* window);

    void setOn(bool on);
    bool isOn() const { return on_; }
    /// What is at the live edge, whatever the window shows.
    void observed(const Update& update);
    void setTransport(const Transport& transport);

signals:
    /// What was said: the alerts of one instant are one message. Plain text.
    void said(const QString& title, const QString& words, bool critical);
    /// The message or the icon was clicked.
    void wanted();

private:
    void say(const std::vector<const Alert*>& fresh);
    void showCount(int calling);

    QWidget* window_;
    QSystemTrayIcon* tray_ = nullptr;
    std::set<QString> known_; ///< those that call, by the ids of their rows
    bool on_ = true;
    bool live_ = true;  ///< the window shows the live edge
    bool first_ = true; ///< what calls already at the first look is no news
    int shown_ = -1;
};

} // namespace poolscope
