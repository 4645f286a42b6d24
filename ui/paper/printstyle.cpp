// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/printstyle.h"

#include "core/report/report.h"

#include <QRegularExpression>

namespace poolscope::paper {

namespace {

/// Without comments, and without what holds for a screen in the dark alone.
QString plainRules(QString css)
{
    static const QRegularExpression comment(QStringLiteral("/\\*.*?\\*/"),
                                            QRegularExpression::DotMatchesEverythingOption);
    css.remove(comment);
    static const QRegularExpression media(
        QStringLiteral("@media[^{]*\\{(?:[^{}]*\\{[^{}]*\\})*[^{}]*\\}"));
    css.remove(media);
    return css;
}

} // namespace

PrintStyle::PrintStyle()
{
    const QString css = plainRules(QString::fromUtf8(report::report_style));
    static const QRegularExpression rule(QStringLiteral("([^{}]+)\\{([^{}]*)\\}"));
    for (auto rules = rule.globalMatch(css); rules.hasNext();) {
        const QRegularExpressionMatch found = rules.next();
        QHash<QString, QString> properties;
        for (const QString& each : found.captured(2).split(QLatin1Char(';'))) {
            const qsizetype colon = each.indexOf(QLatin1Char(':'));
            if (colon > 0)
                properties.insert(each.left(colon).trimmed(), each.mid(colon + 1).trimmed());
        }
        for (const QString& part : found.captured(1).split(QLatin1Char(','))) {
            const QString selector = part.trimmed();
            if (selector == QLatin1String(":root")) {
                for (auto it = properties.cbegin(); it != properties.cend(); ++it)
                    if (it.key().startsWith(QLatin1String("--")))
                        variables_.insert(it.key().mid(2), it.value());
            } else if (selector.startsWith(QLatin1Char('.')) &&
                       !selector.contains(QLatin1Char(' '))) {
                QHash<QString, QString>& known = classes_[selector.mid(1)];
                for (auto it = properties.cbegin(); it != properties.cend(); ++it)
                    known.insert(it.key(), it.value());
            }
        }
    }
}

QColor PrintStyle::colour(const QString& variable) const
{
    return QColor(variables_.value(variable));
}

QString PrintStyle::property(const QStringList& classes, const QString& name) const
{
    QString found;
    for (const QString& each : classes) {
        const auto known = classes_.constFind(each);
        if (known != classes_.constEnd() && known->contains(name))
            found = known->value(name);
    }
    static const QRegularExpression variable(QStringLiteral("^var\\(--([a-z0-9]+)\\)$"));
    const QRegularExpressionMatch named = variable.match(found);
    return named.hasMatch() ? variables_.value(named.captured(1)) : found;
}

QBrush PrintStyle::fill(const QStringList& classes) const
{
    const QString name = property(classes, QStringLiteral("fill"));
    if (name == QLatin1String("none"))
        return Qt::NoBrush;
    QColor colour = name.isEmpty() ? this->colour(QStringLiteral("text")) : QColor(name);
    const QString opacity = property(classes, QStringLiteral("fill-opacity"));
    if (!opacity.isEmpty())
        colour.setAlphaF(opacity.toFloat());
    return colour;
}

QPen PrintStyle::stroke(const QStringList& classes) const
{
    const QString name = property(classes, QStringLiteral("stroke"));
    if (name.isEmpty() || name == QLatin1String("none"))
        return Qt::NoPen;
    const QString wide = property(classes, QStringLiteral("stroke-width"));
    const qreal width = wide.isEmpty() ? 1 : wide.toDouble();
    QPen pen(QColor(name), width, Qt::SolidLine, Qt::FlatCap, Qt::MiterJoin);
    const QString dashes = property(classes, QStringLiteral("stroke-dasharray"));
    if (!dashes.isEmpty()) {
        QList<qreal> pattern;
        for (const QString& dash : dashes.split(QLatin1Char(' '), Qt::SkipEmptyParts))
            pattern << dash.toDouble() / width;
        pen.setDashPattern(pattern);
    }
    return pen;
}

QFont PrintStyle::font(const QStringList& classes) const
{
    const QString words = property(classes, QStringLiteral("font"));
    static const QRegularExpression size(QStringLiteral("([0-9]+)px"));
    const QRegularExpressionMatch found = size.match(words);
    return paperFont(found.hasMatch() ? found.captured(1).toDouble() : 11,
                     words.contains(QLatin1String("Mono")),
                     words.startsWith(QLatin1String("600 ")));
}

QFont paperFont(qreal size, bool mono, bool bold)
{
    QFont font;
    font.setFamilies(mono ? QStringList{QStringLiteral("JetBrains Mono"),
                                        QStringLiteral("DejaVu Sans Mono"),
                                        QStringLiteral("monospace")}
                          : QStringList{QStringLiteral("Inter"), QStringLiteral("DejaVu Sans"),
                                        QStringLiteral("sans-serif")});
    font.setStyleHint(mono ? QFont::Monospace : QFont::SansSerif);
    font.setPixelSize(static_cast<int>(size));
    font.setWeight(bold ? QFont::DemiBold : QFont::Normal);
    font.setHintingPreference(QFont::PreferNoHinting);
    // Glyphs that stand for others between digits, as Inter has them, are no letters in a PDF: what
    // is copied from there would lack them.
    font.setStyleStrategy(QFont::PreferNoShaping);
    return font;
}

} // namespace poolscope::paper
