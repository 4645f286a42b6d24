// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/codebox.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"

#include <QMimeData>
#include <QScrollBar>
#include <QSet>
#include <QTextDocumentFragment>

#include <algorithm>

namespace poolscope {

namespace {

constexpr int codeMargin = 8;

const QSet<QString>& codeWords()
{
    static const QSet<QString> words = [] {
        const QString all = QStringLiteral(
            "async auto await class const def defer else false final for from fn func go if import "
            "impl include let mut new null package pub replace require return static true try use "
            "using var with");
        const QStringList list = all.split(QLatin1Char(' '));
        return QSet<QString>(list.begin(), list.end());
    }();
    return words;
}

} // namespace

CodeHighlighter::CodeHighlighter(QTextDocument* document)
    : QSyntaxHighlighter(document)
{
    connect(&Theme::current(), &Theme::changed, this, &QSyntaxHighlighter::rehighlight);
}

void CodeHighlighter::setComment(const QString& mark)
{
    comment_ = mark;
    rehighlight();
}

void CodeHighlighter::setToml()
{
    toml_ = true;
    setComment(QStringLiteral("#"));
}

void CodeHighlighter::highlightBlock(const QString& text)
{
    const Tokens& tokens = Theme::current().tokens();
    const auto paint = [&](qsizetype from, qsizetype to, const QColor& colour) {
        setFormat(static_cast<int>(from), static_cast<int>(to - from), colour);
    };
    qsizetype at = 0;
    if (toml_ && text.startsWith(QLatin1Char('['))) {
        while (at < text.size() && text[at] != QLatin1Char(']'))
            ++at;
        while (at < text.size() && text[at] == QLatin1Char(']'))
            ++at;
        paint(0, at, tokens.info);
    }
    while (at < text.size()) {
        const QChar c = text[at];
        const qsizetype from = at;
        if (!comment_.isEmpty() && QStringView(text).mid(at).startsWith(comment_)) {
            paint(at, text.size(), tokens.text3);
            return;
        }
        if (c == QLatin1Char('"')) {
            for (++at; at < text.size() && text[at] != QLatin1Char('"'); ++at) {
                if (text[at] == QLatin1Char('\\'))
                    ++at;
            }
            at = std::min(at + 1, text.size());
            paint(from, at, tokens.ok);
        } else if (c.isLetter() || c == QLatin1Char('_')) {
            while (at < text.size() &&
                   (text[at].isLetterOrNumber() || text[at] == QLatin1Char('_')))
                ++at;
            const QString word = text.mid(from, at - from);
            const bool known = toml_
                                   ? word == QLatin1String("true") || word == QLatin1String("false")
                                   : codeWords().contains(word);
            if (known)
                paint(from, at, tokens.info);
        } else {
            ++at;
        }
    }
}

CodeBox::CodeBox(const QString& name, int mostLines, QWidget* parent)
    : QPlainTextEdit(parent)
    , highlighter_(new CodeHighlighter(document()))
    , mostLines_(mostLines)
{
    setAccessibleName(name);
    setReadOnly(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setTabChangesFocus(true);
    setLineWrapMode(NoWrap);
    document()->setDocumentMargin(Theme::current().scaled(codeMargin));
    connect(&Theme::current(), &Theme::changed, this, &CodeBox::fit);
    fit();
}

void CodeBox::setCode(const QString& code, const QString& comment)
{
    if (toPlainText() != code)
        setPlainText(code);
    highlighter_->setComment(comment);
    fit();
}

QMimeData* CodeBox::createMimeDataFromSelection() const
{
    return parts::copied(textCursor().selection().toPlainText(), secret_);
}

void CodeBox::resizeEvent(QResizeEvent* event)
{
    QPlainTextEdit::resizeEvent(event);
    fit();
}

void CodeBox::fit()
{
    setFont(Theme::current().mono(12));
    const QFontMetrics metrics(font());
    const int margins = 2 * Theme::current().scaled(codeMargin);
    const int lines = std::clamp(document()->blockCount(), 1, mostLines_);
    int widest = 0;
    for (const QString& line : toPlainText().split(QLatin1Char('\n')))
        widest = std::max(widest, metrics.horizontalAdvance(line));
    const int bar = widest + margins + 2 * frameWidth() + 2 > width()
                        ? horizontalScrollBar()->sizeHint().height()
                        : 0;
    setVerticalScrollBarPolicy(document()->blockCount() > mostLines_ ? Qt::ScrollBarAsNeeded
                                                                     : Qt::ScrollBarAlwaysOff);
    setFixedHeight(lines * metrics.lineSpacing() + margins + 4 + 2 * frameWidth() + bar);
}

} // namespace poolscope
