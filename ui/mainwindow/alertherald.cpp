// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/alertherald.h"

#include "ui/models/alertrows.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QPainter>
#include <QPixmap>
#include <QSystemTrayIcon>
#include <QWidget>

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {

constexpr std::size_t mostSentences = 3;

/// The application's icon with a number on it.
QIcon badged(int count)
{
    if (count == 0)
        return applicationIcon();
    constexpr int side = 64;
    const Tokens& tokens = Theme::current().tokens();
    QPixmap picture = applicationIcon().pixmap(QSize(side, side), 1.0);
    QPainter painter(&picture);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF spot(side * 0.40, side * 0.40, side * 0.60, side * 0.60);
    painter.setPen(Qt::NoPen);
    painter.setBrush(tokens.critFill);
    painter.drawEllipse(spot);
    QFont font = Theme::current().ui(13, QFont::Bold);
    font.setPixelSize(side * 7 / 16);
    painter.setFont(font);
    painter.setPen(tokens.window);
    painter.drawText(spot, Qt::AlignCenter,
                     count > 9 ? QStringLiteral("9+") : QString::number(count));
    return picture;
}

} // namespace

AlertHerald::AlertHerald(QWidget* window)
    : QObject(window)
    , window_(window)
{}

void AlertHerald::setOn(bool on)
{
    on_ = on;
    shown_ = -1;
    if (!on && tray_)
        tray_->hide();
}

void AlertHerald::setTransport(const Transport& transport)
{
    live_ = transport.mode == Mode::live;
    if (transport.mode == Mode::live || transport.mode == Mode::paused)
        return;
    known_.clear();
    first_ = true;
    showCount(0);
}

void AlertHerald::observed(const Update& update)
{
    std::set<QString> calling;
    std::vector<const Alert*> fresh;
    for (const TargetSummary& target : update.targets) {
        for (const Alert& alert : target.alerts) {
            if (!alert.calls())
                continue;
            QString id = alertId(alert);
            if (!known_.contains(id) && alert.severity != AlertSeverity::info)
                fresh.push_back(&alert);
            calling.insert(std::move(id));
        }
    }
    known_ = std::move(calling);
    showCount(static_cast<int>(known_.size())); // first: a message needs the icon
    const bool seen = live_ && window_->isActiveWindow();
    if (!std::exchange(first_, false) && !fresh.empty() && !seen)
        say(fresh);
}

void AlertHerald::say(const std::vector<const Alert*>& fresh)
{
    if (!on_)
        return;
    const bool critical = std::any_of(fresh.begin(), fresh.end(), [](const Alert* alert) {
        return alert->severity == AlertSeverity::critical;
    });
    QStringList words;
    for (const Alert* const alert : fresh) {
        if (words.size() == mostSentences) {
            words += tr("%1 more").arg(fresh.size() - mostSentences);
            break;
        }
        words += Formatter::line(alert->sentence, 200);
    }
    const QString title = fresh.size() == 1
                              ? tr("Alert: %1").arg(Formatter::line(fresh.front()->rule, 64))
                              : tr("%1 alerts fire").arg(fresh.size());
    const QString text = words.join(QLatin1Char('\n'));
    QApplication::alert(window_);
    if (tray_ && QSystemTrayIcon::supportsMessages())
        // The body of a notification may be markup: escaped, names cannot be any.
        tray_->showMessage(title, text.toHtmlEscaped(),
                           critical ? QSystemTrayIcon::Critical : QSystemTrayIcon::Warning);
    emit said(title, text, critical);
}

void AlertHerald::showCount(int calling)
{
    if (!on_ || calling == shown_)
        return;
    if (!tray_) {
        if (calling == 0 || !QSystemTrayIcon::isSystemTrayAvailable())
            return;
        tray_ = new QSystemTrayIcon(this);
        connect(tray_, &QSystemTrayIcon::activated, this, &AlertHerald::wanted);
        connect(tray_, &QSystemTrayIcon::messageClicked, this, &AlertHerald::wanted);
    }
    shown_ = calling;
    tray_->setIcon(badged(calling));
    tray_->setToolTip(calling == 0   ? tr("Poolscope: no alert fires")
                      : calling == 1 ? tr("Poolscope: 1 alert fires")
                                     : tr("Poolscope: %1 alerts fire").arg(calling));
    tray_->show();
}

} // namespace poolscope
