// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QHash>
#include <QRegularExpression>
#include <QString>

namespace poolscope::test {

/// The text of a PDF as Qt writes it, without white space: streams are inflated, and each glyph is
/// looked up in what its font says of it. Empty where there is none, or no such PDF.
class PdfText
{
public:
    explicit PdfText(const QByteArray& pdf)
    {
        // One byte is one character, so that places in both are the same.
        const QString all = QString::fromLatin1(pdf);
        static const QRegularExpression object(QStringLiteral("\\n(\\d+) 0 obj\\n(.*?)\\nendobj"),
                                               QRegularExpression::DotMatchesEverythingOption);
        QHash<int, QString> objects;
        for (auto each = object.globalMatch(all); each.hasNext();) {
            const QRegularExpressionMatch found = each.next();
            objects.insert(found.captured(1).toInt(), found.captured(2));
        }
        static const QRegularExpression unicode(QStringLiteral("/ToUnicode (\\d+) 0 R"));
        for (auto at = objects.cbegin(); at != objects.cend(); ++at) {
            const QRegularExpressionMatch found = unicode.match(at.value());
            if (found.hasMatch())
                fonts_.insert(QStringLiteral("F%1").arg(at.key()),
                              lettersOf(objects.value(found.captured(1).toInt())));
        }
        for (const QString& each : std::as_const(objects)) {
            const qsizetype begin = each.indexOf(QLatin1String("\nstream\n"));
            if (begin >= 0 && each.contains(QLatin1String("/FlateDecode")))
                addPage(inflated(each.mid(begin + 8).toLatin1()));
        }
    }

    const QString& text() const { return text_; }
    bool has(const QString& words) const
    {
        static const QRegularExpression space(QStringLiteral("\\s"));
        return text_.contains(QString(words).remove(space));
    }

private:
    using Letters = QHash<int, QString>; ///< by glyph

    static QByteArray inflated(const QByteArray& packed)
    {
        // What Qt wants in front: some length, big-endian; more is taken where it needs more.
        return qUncompress(QByteArray("\x00\x01\x00\x00", 4) + packed);
    }

    static Letters lettersOf(const QString& map)
    {
        Letters letters;
        static const QRegularExpression range(
            QStringLiteral("<([0-9A-F]{4})> <[0-9A-F]{4}> (\\[[^\\]]*\\]|<[0-9A-F]{4}>)"));
        static const QRegularExpression one(QStringLiteral("<([0-9A-F]{4})>"));
        for (auto each = range.globalMatch(map); each.hasNext();) {
            const QRegularExpressionMatch found = each.next();
            int glyph = found.captured(1).toInt(nullptr, 16);
            for (auto code = one.globalMatch(found.captured(2)); code.hasNext();)
                letters.insert(glyph++, QChar(code.next().captured(1).toUShort(nullptr, 16)));
        }
        return letters;
    }

    void addPage(const QByteArray& content)
    {
        static const QRegularExpression step(
            QStringLiteral("/(F\\d+) [0-9.]+ Tf|<([0-9A-F]{4})> Tj"));
        Letters letters;
        for (auto each = step.globalMatch(QString::fromLatin1(content)); each.hasNext();) {
            const QRegularExpressionMatch found = each.next();
            if (found.hasCaptured(1)) {
                letters = fonts_.value(found.captured(1));
                continue;
            }
            const QString letter = letters.value(found.captured(2).toInt(nullptr, 16));
            if (!letter.isEmpty() && !letter.at(0).isSpace())
                text_ += letter;
        }
    }

    QHash<QString, Letters> fonts_;
    QString text_;
};

} // namespace poolscope::test
