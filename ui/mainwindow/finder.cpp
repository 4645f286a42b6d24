// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/finder.h"

#include "ui/models/formatter.h"
#include "ui/models/placewords.h"
#include "ui/models/sessionfilter.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QKeyEvent>
#include <QListWidget>

#include <algorithm>

namespace poolscope {

namespace {
enum Role { kindRole = Qt::UserRole, valueRole, pidRole, targetRole, startedRole };
constexpr int mostSessions = 12;
constexpr int mostPools = 5; ///< and lines

QString words(const Session& s)
{
    QStringList parts{QString::number(s.key.pid.value)};
    for (const Text* text : {&s.application, &s.user, &s.database})
        if (!text->empty())
            parts << Formatter::line(text->str(), 60);
    parts << Formatter::stateShort(s.state);
    return parts.join(QStringLiteral("  "));
}

bool holds(const Text& text, const QString& wanted)
{
    return !text.empty() &&
           QString::fromStdString(text.str()).contains(wanted, Qt::CaseInsensitive);
}

/// Lower is better; negative: no match.
int rank(const Session& s, const QString& wanted)
{
    const QString pid = QString::number(s.key.pid.value);
    if (pid == wanted)
        return 0;
    if (pid.startsWith(wanted))
        return 1;
    if (holds(s.application, wanted) || holds(s.user, wanted))
        return 2;
    if (holds(s.database, wanted) || holds(s.client, wanted))
        return 3;
    // As the filter of Sessions, which shows all that are found.
    return holds(s.statement, wanted) || pid.contains(wanted) ? 4 : -1;
}

} // namespace

Finder::Finder(std::shared_ptr<const SessionStore> store, QWidget* parent)
    : QLineEdit(parent)
    , store_(std::move(store))
    , list_(new QListWidget(parent))
{
    const Theme& theme = Theme::current();
    setAccessibleName(tr("Find"));
    setPlaceholderText(tr("Find session, pool, line, page   Ctrl+K"));
    setMaxLength(200);
    setClearButtonEnabled(true);
    addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    setFixedWidth(theme.scaled(300));
    list_->setAccessibleName(tr("Found"));
    list_->setFocusPolicy(Qt::NoFocus);
    list_->setIconSize(QSize(theme.scaled(metrics::icon), theme.scaled(metrics::icon)));
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list_->setTextElideMode(Qt::ElideRight);
    list_->hide();
    connect(this, &QLineEdit::textEdited, this, &Finder::search);
    connect(list_, &QListWidget::itemClicked, this, &Finder::choose);
    connect(qApp, &QApplication::focusChanged, this, [this](QWidget* old, QWidget* now) {
        if (now == this && old && old->window() == window())
            before_ = old;
    });
}

void Finder::addPage(const QString& name, const QString& title)
{
    pages_.emplace_back(name, title);
}

QListWidgetItem* Finder::addAnswer(const QString& kind, const QString& value, const QString& icon,
                                   const QString& text, TargetId target)
{
    auto* item = new QListWidgetItem(themedIcon(icon), text, list_);
    item->setData(kindRole, kind);
    item->setData(valueRole, value);
    item->setData(targetRole, target.value);
    return item;
}

void Finder::addPools(const QString& text)
{
    int found = 0;
    for (const TargetSummary& target : store_->targets()) {
        for (const Pool& pool : target.pools) {
            if (found == mostPools)
                return;
            if (!holds(pool.name, text))
                continue;
            ++found;
            QString words = Formatter::line(pool.name.str(), 60);
            if (pool.used)
                words += QStringLiteral("  ") + Formatter::ofLimit(*pool.used, pool.max);
            words += QStringLiteral("  ") + Formatter::line(target.info.name, 40);
            addAnswer(QStringLiteral("pool"), QString::fromStdString(pool.name.str()),
                      QStringLiteral("pools"), words, target.info.id);
        }
    }
}

/// Lines that hold a connection now.
void Finder::addPlaces(const QString& text)
{
    int found = 0;
    for (const TargetSummary& target : store_->targets()) {
        for (const Place& place : target.places) {
            if (found == mostPools)
                return;
            const PlaceName name = placeName(target.info, place);
            if (place.holders.empty() || !place.stack ||
                !(name.whole.contains(text, Qt::CaseInsensitive) ||
                  name.lead.contains(text, Qt::CaseInsensitive)))
                continue;
            ++found;
            const auto held = static_cast<std::int64_t>(place.holders.size());
            addAnswer(QStringLiteral("checkout"),
                      QString::fromStdString(place.holders.front().checkout.id.str()),
                      QStringLiteral("leaks"),
                      QStringLiteral("%1  %2  %3").arg(name.lead, name.rest, connections(held)),
                      target.info.id);
        }
    }
}

void Finder::addSessions(const QString& text)
{
    std::vector<std::pair<int, const SessionRow*>> found;
    for (const auto& [key, row] : store_->sessions())
        if (const int r = rank(row.session, text); r >= 0)
            found.emplace_back(r, &row);
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return std::tie(a.first, a.second->session.key) < std::tie(b.first, b.second->session.key);
    });
    for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), mostSessions); ++i) {
        const Session& s = found[i].second->session;
        auto* const item = addAnswer(QStringLiteral("session"), QString(),
                                     QStringLiteral("sessions"), words(s), s.key.target);
        item->setData(pidRole, static_cast<qlonglong>(s.key.pid.value));
        item->setData(startedRole, static_cast<qlonglong>(to_us(s.key.started)));
    }
    if (!found.empty())
        addAnswer(QStringLiteral("filter"), SessionFilter::ofText(text), QStringLiteral("filter"),
                  tr("All %1 on the Sessions page")
                      .arg(Formatter::sessions(static_cast<std::int64_t>(found.size()))));
}

void Finder::search(const QString& typed)
{
    list_->clear();
    const QString text = typed.trimmed();
    if (text.isEmpty()) {
        list_->hide();
        return;
    }
    for (const auto& [name, title] : pages_)
        if (title.startsWith(text, Qt::CaseInsensitive))
            addAnswer(QStringLiteral("page"), name, name, title);
    for (const TargetSummary& target : store_->targets())
        if (const QString name = Formatter::line(target.info.name, 80);
            name.contains(text, Qt::CaseInsensitive))
            addAnswer(QStringLiteral("target"), name, QStringLiteral("database"), name);
    addPools(text);
    addPlaces(text);
    addSessions(text);
    if (list_->count() == 0) {
        auto* none =
            new QListWidgetItem(tr("Nothing has that in its pid, names or statement."), list_);
        none->setFlags(Qt::NoItemFlags);
    } else {
        list_->setCurrentRow(0);
    }
    place();
}

void Finder::place()
{
    const int row = Theme::current().rowHeight();
    for (int i = 0; i < list_->count(); ++i)
        list_->item(i)->setSizeHint(QSize(0, row));
    const int height = std::min(list_->count(), 16) * row + 2 * list_->frameWidth();
    const int wide = std::max(width(), Theme::current().scaled(420));
    QWidget* over = window();
    if (list_->parentWidget() != over)
        list_->setParent(over);
    const QPoint below = mapTo(over, QPoint(width() - wide, this->height() + 2));
    list_->setGeometry(below.x(), below.y(), wide, height);
    list_->show();
    list_->raise();
}

void Finder::choose()
{
    const QListWidgetItem* item = list_->currentItem();
    if (!item || !list_->isVisible())
        return;
    const QString kind = item->data(kindRole).toString();
    const QString value = item->data(valueRole).toString();
    const TargetId target{item->data(targetRole).toUInt()};
    const SessionKey key{target, Pid{item->data(pidRole).toLongLong()},
                         timestamp_from_us(item->data(startedRole).toLongLong())};
    list_->hide();
    clear();
    clearFocus();
    if (kind == QStringLiteral("page"))
        emit pageChosen(value);
    else if (kind == QStringLiteral("target"))
        emit targetChosen(value);
    else if (kind == QStringLiteral("pool"))
        emit poolChosen(target, Text{value.toStdString()});
    else if (kind == QStringLiteral("checkout"))
        emit checkoutChosen({target, Text{value.toStdString()}});
    else if (kind == QStringLiteral("session"))
        emit sessionChosen(key);
    else if (kind == QStringLiteral("filter"))
        emit filterChosen(value);
}

/// Back to where the keys went before.
void Finder::leave()
{
    list_->hide();
    clear();
    if (before_ && before_->isVisible() && before_->isEnabled()) {
        before_->setFocus(Qt::OtherFocusReason);
    } else {
        clearFocus();
        emit left();
    }
}

void Finder::keyPressEvent(QKeyEvent* event)
{
    const int key = event->key();
    if (key == Qt::Key_Return || key == Qt::Key_Enter) {
        choose();
    } else if (key == Qt::Key_Escape) {
        leave();
    } else if ((key == Qt::Key_Down || key == Qt::Key_Up) && list_->count() > 0) {
        const int step = key == Qt::Key_Down ? 1 : list_->count() - 1;
        list_->setCurrentRow((list_->currentRow() + step) % list_->count());
    } else {
        QLineEdit::keyPressEvent(event);
    }
}

void Finder::focusOutEvent(QFocusEvent* event)
{
    list_->hide();
    QLineEdit::focusOutEvent(event);
}

} // namespace poolscope
