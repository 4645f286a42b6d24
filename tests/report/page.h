// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <QXmlStreamReader>

#include <string>

namespace poolscope::test {

/// A report, read as what it claims to be.
struct Page
{
    QString trouble; ///< why it is no XML, or what it holds that it must not; empty: none
    QString text;    ///< what a person reads
    QStringList headings;
    int charts = 0; ///< figures
};

inline Page readPage(const std::string& html)
{
    Page page;
    QXmlStreamReader xml(QByteArray::fromStdString(html));
    bool readable = true;
    bool heading = false;
    while (!xml.atEnd()) {
        xml.readNext();
        if (xml.isStartElement()) {
            const QString name = xml.name().toString();
            static const QStringList forbidden{
                QStringLiteral("script"), QStringLiteral("link"),
                QStringLiteral("img"),    QStringLiteral("iframe"),
                QStringLiteral("object"), QStringLiteral("embed"),
                QStringLiteral("a"),      QStringLiteral("form"),
                QStringLiteral("base"),   QStringLiteral("image"),
                QStringLiteral("use"),    QStringLiteral("foreignObject")};
            if (forbidden.contains(name))
                page.trouble += QStringLiteral("an element <%1>; ").arg(name);
            for (const QXmlStreamAttribute& attribute : xml.attributes()) {
                const QString key = attribute.name().toString();
                const QString value = attribute.value().toString();
                if (key == QLatin1String("src") || key == QLatin1String("href") ||
                    key == QLatin1String("style") || key.startsWith(QLatin1String("on")))
                    page.trouble += QStringLiteral("an attribute %1; ").arg(key);
                if (value.contains(QLatin1String("url(")) &&
                    !value.startsWith(QLatin1String("url(#hatch")))
                    page.trouble += QStringLiteral("a resource %1; ").arg(value);
            }
            readable = name != QLatin1String("style");
            heading = name == QLatin1String("h2");
            if (name == QLatin1String("figure"))
                ++page.charts;
            if (heading)
                page.headings << QString();
        } else if (xml.isCharacters()) {
            const QString text = xml.text().toString();
            if (readable)
                page.text += text;
            else if (text.contains(QLatin1String("url(")) ||
                     text.contains(QLatin1String("@import")))
                page.trouble += QStringLiteral("a resource in the style; ");
            if (heading)
                page.headings.last() += text;
        } else if (xml.isEndElement()) {
            readable = true;
            heading = false;
            page.text += QLatin1Char(' ');
        }
    }
    if (xml.hasError())
        page.trouble += QStringLiteral("line %1: %2").arg(xml.lineNumber()).arg(xml.errorString());
    return page;
}

} // namespace poolscope::test
