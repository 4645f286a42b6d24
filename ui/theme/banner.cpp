// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/banner.h"

#include "ui/theme/elidedlabel.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QToolButton>

namespace poolscope {

namespace {

constexpr int glyphRoom = 32;

QToolButton* linkButton(QWidget* parent)
{
    auto* button = new QToolButton(parent);
    button->setAutoRaise(true);
    button->setCursor(Qt::PointingHandCursor);
    button->setFocusPolicy(Qt::TabFocus);
    button->hide();
    return button;
}

} // namespace

Banner::Banner(QWidget* parent)
    : QFrame(parent)
    , lead_(new QLabel(this))
    , text_(new ElidedLabel(this))
    , codeLabel_(new QLabel(this))
    , copy_(linkButton(this))
    , link_(linkButton(this))
    , close_(new QToolButton(this))
{
    lead_->setTextFormat(Qt::PlainText);
    codeLabel_->setTextFormat(Qt::PlainText);
    codeLabel_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    codeLabel_->hide();
    copy_->setText(tr("Copy"));
    copy_->setAccessibleName(tr("Copy the statement"));
    text_->setInk(ElidedLabel::Ink::secondary);
    text_->setMostLines(2);
    text_->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Expanding);

    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(Theme::current().scaled(glyphRoom), 1, Theme::current().scaled(4), 1);
    row->setSpacing(Theme::current().scaled(8));
    row->addWidget(lead_);
    row->addWidget(text_, 1);
    row->addWidget(codeLabel_);
    row->addWidget(copy_);
    row->addWidget(link_);
    close_->setAutoRaise(true);
    close_->setIcon(themedIcon(QStringLiteral("close")));
    close_->setToolTip(tr("Dismiss"));
    close_->setAccessibleName(tr("Dismiss"));
    close_->setFocusPolicy(Qt::TabFocus);
    close_->hide();
    row->addWidget(close_);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);

    connect(copy_, &QToolButton::clicked, this,
            [this] { QGuiApplication::clipboard()->setText(code_); });
    connect(link_, &QToolButton::clicked, this, &Banner::linkActivated);
    connect(close_, &QToolButton::clicked, this, &Banner::closed);
    connect(&Theme::current(), &Theme::changed, this, &Banner::restyle);
    restyle();
}

void Banner::setMessage(Severity severity, const QString& lead, const QString& text,
                        const QString& icon)
{
    severity_ = severity;
    icon_ = icon;
    lead_->setText(lead);
    lead_->setVisible(!lead.isEmpty());
    text_->setText(text);
    setAccessibleName(lead + QLatin1Char(' ') + text);
    restyle();
}

void Banner::setCode(const QString& code)
{
    code_ = code;
    codeLabel_->setText(code);
    codeLabel_->setVisible(!code.isEmpty());
    copy_->setVisible(!code.isEmpty());
}

void Banner::setLink(const QString& text)
{
    QString shown = text;
    link_->setText(shown.replace(QLatin1Char('&'), QStringLiteral("&&")));
    link_->setAccessibleName(text);
    link_->setVisible(!text.isEmpty());
}

void Banner::setClosable(bool closable)
{
    close_->setVisible(closable);
}

QSize Banner::sizeHint() const
{
    return QSize(QFrame::sizeHint().width(), height());
}

bool Banner::event(QEvent* event)
{
    const bool handled = QFrame::event(event);
    if (event->type() == QEvent::Resize || event->type() == QEvent::LayoutRequest)
        fit(); // the layout has given the text its width
    return handled;
}

/// As high as its lines.
void Banner::fit()
{
    const int more = text_->linesAt(text_->width()) - 1;
    setFixedHeight(Theme::current().scaled(metrics::banner) +
                   more * QFontMetrics(text_->font()).lineSpacing());
    // A widget that is about to be shown is told of one size alone.
    if (layout()->geometry() != contentsRect())
        layout()->setGeometry(contentsRect());
}

void Banner::restyle()
{
    const Theme& theme = Theme::current();
    lead_->setFont(theme.ui(13, QFont::DemiBold));
    codeLabel_->setFont(theme.mono(12));
    QFont underlined = theme.ui();
    underlined.setUnderline(true);
    const QString style =
        QStringLiteral("QToolButton { color: %1; text-decoration: underline;"
                       " border: none; padding: 0 %2px; background: transparent; }"
                       "QToolButton:focus { border: 2px solid %1; padding: 0 %3px; }")
            .arg(theme.tokens().accent.name())
            .arg(theme.scaled(6))
            .arg(theme.scaled(6) - 2);
    for (QToolButton* button : {copy_, link_}) {
        button->setFont(underlined);
        button->setStyleSheet(style);
    }
    fit();
    update();
}

void Banner::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const bool crit = severity_ == Severity::critical;
    const bool warn = severity_ == Severity::warning;
    const QColor& edge = crit ? t.crit : (warn ? t.warn : t.info);
    painter.fillRect(rect(), edge);
    painter.fillRect(rect().adjusted(1, 1, -1, -1), crit ? t.critBg : (warn ? t.warnBg : t.infoBg));
    const int side = theme.scaled(metrics::icon);
    const QRect box(theme.scaled(10), (height() - side) / 2, side, side);
    if (icon_.isEmpty())
        paintSeverity(painter, QRectF(box).adjusted(1, 1, -1, -1), severity_, t);
    else
        themedIcon(icon_, edge).paint(&painter, box);
}

} // namespace poolscope
