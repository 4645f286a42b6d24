// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/element.h"

#include <QXmlStreamReader>

namespace poolscope::paper {

namespace {
constexpr std::size_t deepest = 2000; ///< more than any list of those who wait
}

bool Element::has(const char* className) const
{
    return classes().contains(QLatin1String(className));
}

QStringList Element::classes() const
{
    return attributes.value(QStringLiteral("class")).split(QLatin1Char(' '), Qt::SkipEmptyParts);
}

qreal Element::number(const char* attribute) const
{
    return attributes.value(QLatin1String(attribute)).toDouble();
}

QString Element::allText() const
{
    QString all = text;
    for (const Element& each : children)
        all += each.allText();
    return all;
}

const Element* Element::child(const char* named) const
{
    for (const Element& each : children)
        if (each.name == QLatin1String(named))
            return &each;
    return nullptr;
}

std::vector<const Element*> childrenOf(const Element& element)
{
    std::vector<const Element*> all;
    for (const Element& child : element.children)
        all.push_back(&child);
    return all;
}

Element elementsOf(const std::string& html)
{
    QXmlStreamReader xml(QByteArray::fromStdString(html));
    Element root;
    std::vector<Element> open;
    while (!xml.atEnd()) {
        switch (xml.readNext()) {
        case QXmlStreamReader::StartElement: {
            if (open.size() > deepest)
                return {};
            Element element;
            element.name = xml.name().toString();
            for (const QXmlStreamAttribute& attribute : xml.attributes())
                element.attributes.insert(attribute.name().toString(),
                                          attribute.value().toString());
            open.push_back(std::move(element));
            break;
        }
        case QXmlStreamReader::EndElement: {
            Element done = std::move(open.back());
            open.pop_back();
            if (open.empty())
                root = std::move(done);
            else
                open.back().children.push_back(std::move(done));
            break;
        }
        case QXmlStreamReader::Characters:
            if (!open.empty()) {
                Element words;
                words.text = xml.text().toString();
                open.back().children.push_back(std::move(words));
            }
            break;
        default:
            break;
        }
    }
    return xml.hasError() ? Element{} : root;
}

} // namespace poolscope::paper
