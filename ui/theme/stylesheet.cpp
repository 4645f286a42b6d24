// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/stylesheet.h"

#include <QRegularExpression>

namespace poolscope {

namespace {

/// @name is a colour; #20px is a length that grows with the desktop's font, #20-2px the same less
/// 2: what has a thicker border while it has the focus keeps its size.
const QString rules = QStringLiteral(R"(
QToolTip { color: @text; background: @surface; border: 1px solid @line2; padding: #3px #6px; }

QPushButton { color: @text; background: @surface; border: 1px solid @line2; border-radius: 3px;
    padding: 0 #12px; min-height: #24px; }
QPushButton:hover { background: @hover; }
QPushButton:pressed, QPushButton:checked { background: @sel; }
QPushButton:disabled { color: @text3; background: @window; border-color: @line; }
QPushButton:focus { border: 2px solid @accent; padding: 0 #12-1px; min-height: #24-2px; }
QPushButton[kind="primary"] { color: @onAccent; background: @accent; border-color: @accent;
    font-weight: 600; }
QPushButton[kind="primary"]:focus { border-color: @text; }
QPushButton[kind="danger"] { color: @onDanger; background: @danger; border-color: @danger;
    font-weight: 600; }
QPushButton[kind="danger"]:focus { border-color: @text; }
QPushButton[kind="primary"]:disabled, QPushButton[kind="danger"]:disabled {
    color: @text3; background: @window; border-color: @line; }

QToolButton { color: @text; background: transparent; border: 1px solid transparent;
    border-radius: 3px; padding: #3px #7px; }
QToolButton:hover { background: @hover; }
QToolButton:pressed { background: @sel; }
QToolButton:checked { background: @sel; border-color: @accent; }
QToolButton:disabled { color: @text3; }
QToolButton:focus { border: 2px solid @accent; padding: #3-1px #7-1px; }
QToolButton::menu-indicator { image: none; }
QToolButton[segment] { background: @surface; border: 1px solid @line2; border-radius: 0;
    padding: 0 #10px; margin-left: -1px; min-height: #24px; }
QToolButton[segment]:hover { background: @hover; }
QToolButton[segment]:checked { background: @sel; border-color: @accent; }
QToolButton[segment]:focus { border: 2px solid @accent; padding: 0 #10-1px; min-height: #24-2px; }
QToolButton[segment="first"] { margin-left: 0; border-top-left-radius: 3px;
    border-bottom-left-radius: 3px; }
QToolButton[segment="last"] { border-top-right-radius: 3px; border-bottom-right-radius: 3px; }
QToolButton[segment="only"] { margin-left: 0; border-radius: 3px; }

QLineEdit { color: @text; background: @surface; border: 1px solid @line2; border-radius: 3px;
    padding: 0 #6px; min-height: #24px; selection-background-color: @sel;
    selection-color: @text; }
QLineEdit:focus { border: 2px solid @accent; padding: 0 #6-1px; min-height: #24-2px; }
QLineEdit:disabled, QLineEdit:read-only { background: @window; }
QDateTimeEdit { color: @text; background: @surface; border: 1px solid @line2; border-radius: 3px;
    padding: 0 #6px; min-height: #24px; }
QDateTimeEdit:focus { border: 2px solid @accent; padding: 0 #6-1px; min-height: #24-2px; }
QDateTimeEdit:disabled { background: @window; }
QDateTimeEdit QLineEdit, QDateTimeEdit QLineEdit:focus { background: transparent; border: none;
    padding: 0; min-height: 0; }
QPlainTextEdit, QTextEdit { background: @surface; border: 1px solid @line; }
QPlainTextEdit:focus, QTextEdit:focus { border: 1px solid @accent; }

QAbstractItemView { background: @surface; border: 1px solid @line; outline: none;
    selection-background-color: @sel; selection-color: @text; }
QAbstractItemView:focus { border: 1px solid @accent; }
QComboBox QAbstractItemView { border: 1px solid @line2; }
QHeaderView { background: @header; border: none; }
QHeaderView::section { color: @text2; background: @header; border: none;
    border-bottom: 1px solid @line; padding: 0 #8px; min-height: #23px; font-size: #11px;
    font-weight: 600; }
QHeaderView::section:hover { color: @text; }
QTableCornerButton::section { background: @header; border: none; }

QMenuBar { background: @window; color: @text; }
QMenuBar::item { padding: #4px #10px; background: transparent; }
QMenuBar::item:selected { background: @hover; }
QMenuBar::item:pressed { background: @sel; }
QMenu { background: @surface; color: @text; border: 1px solid @line2; padding: #4px 0; }
QMenu::item { padding: #4px #24px #4px #28px; }
QMenu::item:selected { background: @sel; }
QMenu::item:disabled { color: @text3; }
QMenu::icon { padding-left: #8px; }
QMenu::indicator { left: #8px; }
QMenu::separator { height: 1px; background: @line; margin: #4px 0; }

QToolBar { background: @window; border: none; spacing: #4px; padding: #4px #12px; }
QToolBar::separator { width: 1px; background: @line; margin: #6px #8px; }
QStatusBar { background: @window; color: @text2; border-top: 1px solid @line; }
QStatusBar::item { border: none; }

QSplitter::handle { background: transparent; }
QScrollArea { border: none; background: transparent; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 10px; }
QScrollBar:horizontal { height: 10px; }
QScrollBar::handle { background: @line2; border: 2px solid @surface; border-radius: 4px; }
QScrollBar::handle:hover { background: @text3; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QLabel[role="caption"] { color: @text3; font-size: #11px; }
QLabel[role="secondary"] { color: @text2; }
)");

const QColor* tokenNamed(const Tokens& t, const QString& name)
{
    const std::pair<const char*, const QColor*> names[] = {
        {"text", &t.text},       {"text2", &t.text2},       {"text3", &t.text3},
        {"surface", &t.surface}, {"window", &t.window},     {"header", &t.header},
        {"line", &t.line},       {"line2", &t.line2},       {"hover", &t.hover},
        {"sel", &t.sel},         {"accent", &t.accent},     {"onAccent", &t.onAccent},
        {"danger", &t.danger},   {"onDanger", &t.onDanger},
    };
    for (const auto& [known, colour] : names)
        if (name == QLatin1String(known))
            return colour;
    return nullptr;
}

} // namespace

QString styleSheetFor(const Tokens& tokens, double scale)
{
    static const QRegularExpression token(
        QStringLiteral("@([A-Za-z0-9]+)|#([0-9]+)(?:-([0-9]+))?px"));
    QString sheet;
    qsizetype from = 0;
    for (auto it = token.globalMatch(rules); it.hasNext();) {
        const QRegularExpressionMatch match = it.next();
        sheet += QStringView(rules).mid(from, match.capturedStart() - from);
        if (match.capturedLength(1) > 0) {
            const QColor* colour = tokenNamed(tokens, match.captured(1));
            Q_ASSERT(colour);
            sheet += colour->name();
        } else {
            const int length = qRound(match.captured(2).toInt() * scale);
            sheet += QString::number(length - match.captured(3).toInt()) + QStringLiteral("px");
        }
        from = match.capturedEnd();
    }
    sheet += QStringView(rules).mid(from);
    return sheet;
}

} // namespace poolscope
