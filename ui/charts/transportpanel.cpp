// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/transportpanel.h"

#include "ui/charts/timeaxis.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QActionGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QToolButton>
#include <QVBoxLayout>

namespace poolscope {

TransportPanel::TransportPanel(QWidget* parent)
    : QWidget(parent)
    , clock_(new QLabel(this))
    , word_(new QLabel(this))
    , previous_(button(QStringLiteral("previous-mark"), tr("Mark before (Ctrl+Left)")))
    , play_(button(QStringLiteral("pause"), tr("Pause (Space)")))
    , next_(button(QStringLiteral("next-mark"), tr("Next mark (Ctrl+Right)")))
    , speed_(button(QString(), tr("Speed of playing")))
    , note_(button(QStringLiteral("note"), tr("Note at the cursor (Ctrl+N)")))
    , live_(button(QStringLiteral("live"), tr("To the live edge (End)")))
{
    clock_->setTextFormat(Qt::PlainText);
    word_->setTextFormat(Qt::PlainText);
    clock_->setAccessibleName(tr("Cursor"));
    auto* menu = new QMenu(speed_);
    auto* group = new QActionGroup(menu);
    for (int speed = 1; speed <= 64; speed *= 2) {
        QAction* action = menu->addAction(QStringLiteral("%1x").arg(speed));
        action->setCheckable(true);
        action->setData(speed);
        group->addAction(action);
        connect(action, &QAction::triggered, this, [this, speed] { emit speedChosen(speed); });
    }
    speed_->setMenu(menu);
    speed_->setPopupMode(QToolButton::InstantPopup);

    auto* top = new QHBoxLayout;
    top->setContentsMargins(Theme::current().scaled(QMargins(10, 0, 10, 0)));
    top->addWidget(clock_);
    top->addStretch();
    top->addWidget(word_);
    auto* buttons = new QHBoxLayout;
    buttons->setContentsMargins(Theme::current().scaled(QMargins(4, 0, 4, 0)));
    buttons->setSpacing(Theme::current().scaled(2));
    for (QToolButton* one : {previous_, play_, next_, speed_, note_, live_})
        buttons->addWidget(one);
    buttons->addStretch();
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(Theme::current().scaled(QMargins(0, 6, 0, 6)));
    column->setSpacing(Theme::current().scaled(2));
    column->addLayout(top);
    column->addLayout(buttons);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);

    connect(previous_, &QToolButton::clicked, this, [this] { emit markRequested(false); });
    connect(next_, &QToolButton::clicked, this, [this] { emit markRequested(true); });
    connect(play_, &QToolButton::clicked, this, &TransportPanel::playRequested);
    connect(note_, &QToolButton::clicked, this, &TransportPanel::noteRequested);
    connect(live_, &QToolButton::clicked, this, &TransportPanel::liveRequested);
    connect(&Theme::current(), &Theme::changed, this, &TransportPanel::restyle);
    setSpeed(1);
    setShows(Shows::nothing);
}

QToolButton* TransportPanel::button(const QString& icon, const QString& name)
{
    auto* made = new QToolButton(this);
    if (!icon.isEmpty())
        made->setIcon(themedIcon(icon));
    made->setIconSize(Theme::current().scaled(QSize(metrics::icon, metrics::icon)));
    made->setToolTip(name);
    made->setAccessibleName(name);
    made->setFocusPolicy(Qt::TabFocus);
    made->setAutoRaise(true);
    return made;
}

void TransportPanel::setClock(Timestamp cursor, bool utc)
{
    clock_->setText(to_us(cursor) == 0 ? QStringLiteral("--:--:--") : clockText(cursor, utc, true));
    clock_->setToolTip(QString::fromStdString(format_iso8601(cursor)));
}

void TransportPanel::setShows(Shows shows)
{
    shows_ = shows;
    switch (shows) {
    case Shows::nothing:
        word_->clear();
        break;
    case Shows::live:
        word_->setText(tr("Live"));
        break;
    case Shows::paused:
        word_->setText(tr("Paused"));
        break;
    case Shows::replay:
        word_->setText(tr("Replay"));
        break;
    }
    const bool something = shows != Shows::nothing;
    for (QToolButton* one : {previous_, play_, next_, speed_})
        one->setEnabled(something);
    note_->setEnabled(shows == Shows::live || shows == Shows::paused); // a recording takes none
    // In a recording there is no live edge to return to; live, one is there already.
    live_->setVisible(shows == Shows::paused);
    restyle();
    setPlaying(playing_);
}

void TransportPanel::setPlaying(bool playing)
{
    playing_ = playing;
    if (shows_ == Shows::paused)
        word_->setText(playing ? tr("Playing") : tr("Paused"));
    // The live edge moves too: what the button does there is to stop it.
    const bool pauses = playing || shows_ == Shows::live;
    play_->setIcon(themedIcon(pauses ? QStringLiteral("pause") : QStringLiteral("play")));
    const QString name = pauses ? tr("Pause (Space)") : tr("Play (Space)");
    play_->setToolTip(name);
    play_->setAccessibleName(name);
}

void TransportPanel::setSpeed(int speed)
{
    speed_->setText(QStringLiteral("%1x").arg(speed));
    speed_->setAccessibleDescription(speed_->text());
    for (QAction* action : speed_->menu()->actions())
        action->setChecked(action->data().toInt() == speed);
}

QSize TransportPanel::sizeHint() const
{
    const Theme& theme = Theme::current();
    return theme.scaled(QSize(metrics::transportWidth, metrics::stripHeight));
}

void TransportPanel::restyle()
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    setFixedSize(sizeHint());
    clock_->setFont(theme.mono(15));
    speed_->setFont(theme.mono(12));
    word_->setFont(theme.ui(12, QFont::DemiBold));
    QPalette palette = word_->palette();
    palette.setColor(QPalette::WindowText, shows_ == Shows::live ? t.accent : t.info);
    word_->setPalette(palette);
    update();
}

void TransportPanel::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Tokens& t = Theme::current().tokens();
    painter.fillRect(rect(), t.sidebar);
    paintHLine(painter, 0, width(), 0.5, 1, t.line);
    paintVLine(painter, width() - 0.5, 0, height(), 1, t.line);
}

} // namespace poolscope
