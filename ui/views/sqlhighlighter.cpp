// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/sqlhighlighter.h"

#include "ui/theme/theme.h"

#include <QSet>

namespace poolscope {

namespace {

const QSet<QString>& keywords()
{
    static const QSet<QString> words = [] {
        QSet<QString> set;
        const QString all = QStringLiteral(
            "ALL ALTER ANALYZE AND ANY AS ASC BEGIN BETWEEN BY CASE CAST COMMIT COPY CREATE CROSS "
            "DELETE DESC DISTINCT DO DROP ELSE END EXCEPT EXISTS EXPLAIN FALSE FETCH FOR FROM FULL "
            "GRANT GROUP HAVING IF IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY LATERAL LEFT "
            "LIKE LIMIT LOCK LOCKED NOT NOWAIT NULL OF OFFSET ON OR ORDER OUTER OVER PARTITION "
            "RELEASE RETURNING RIGHT ROLLBACK SAVEPOINT SELECT SET SHARE SHOW SKIP START TABLE "
            "THEN "
            "TO TRANSACTION TRUE TRUNCATE UNION UPDATE USING VACUUM VALUES VIEW WHEN WHERE WITH");
        for (const QString& word : all.split(QLatin1Char(' ')))
            set.insert(word);
        return set;
    }();
    return words;
}

} // namespace

SqlHighlighter::SqlHighlighter(QTextDocument* document)
    : QSyntaxHighlighter(document)
{
    connect(&Theme::current(), &Theme::changed, this, &QSyntaxHighlighter::rehighlight);
}

void SqlHighlighter::highlightBlock(const QString& text)
{
    const Tokens& tokens = Theme::current().tokens();
    int state = previousBlockState() < 0 ? int(normal) : previousBlockState();
    qsizetype at = 0;
    const auto paint = [&](qsizetype from, qsizetype to, const QColor& colour) {
        setFormat(static_cast<int>(from), static_cast<int>(to - from), colour);
    };
    const auto until = [&](const QString& end, qsizetype from, const QColor& colour) {
        const qsizetype found = text.indexOf(end, from);
        const qsizetype stop = found < 0 ? text.size() : found + end.size();
        paint(at, stop, colour);
        at = stop;
        return found >= 0;
    };
    const QString quote = QStringLiteral("'");
    const QString commentEnd = QStringLiteral("*/");
    if ((state == inString && until(quote, 0, tokens.ok)) ||
        (state == inComment && until(commentEnd, 0, tokens.text3)))
        state = normal;
    while (at < text.size() && state == normal) {
        const QChar c = text[at];
        const QStringView rest = QStringView(text).mid(at);
        if (rest.startsWith(QLatin1String("--"))) {
            paint(at, text.size(), tokens.text3);
            break;
        }
        if (rest.startsWith(QLatin1String("/*"))) {
            state = until(commentEnd, at + 2, tokens.text3) ? normal : inComment;
        } else if (c == QLatin1Char('\'')) {
            state = until(quote, at + 1, tokens.ok) ? normal : inString;
        } else if (c == QLatin1Char('"')) {
            const qsizetype end = text.indexOf(QLatin1Char('"'), at + 1);
            at = end < 0 ? text.size() : end + 1;
        } else if (c.isLetter() || c == QLatin1Char('_')) {
            const qsizetype from = at;
            while (at < text.size() &&
                   (text[at].isLetterOrNumber() || text[at] == QLatin1Char('_')))
                ++at;
            if (keywords().contains(text.mid(from, at - from).toUpper()))
                paint(from, at, tokens.info);
        } else {
            ++at;
        }
    }
    setCurrentBlockState(state);
}

} // namespace poolscope
